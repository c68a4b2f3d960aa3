//! Sources of time. No other file may read a system clock.
//!
//! A node that keeps its own sessions judges by [`SystemClock`]; a shared
//! store judges by its own clock (law L11). Tests drive [`ManualClock`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::time::Timestamp;
#[cfg(not(target_os = "linux"))]
use crate::time::as_millis;

/// Tells the current time.
///
/// Readings of one clock must never go back: a step back prolongs every
/// session by its length.
///
/// ```
/// use dwell_core::{Clock, Timestamp};
///
/// /// Always noon on 2026-01-01.
/// #[derive(Debug)]
/// struct Noon;
///
/// impl Clock for Noon {
///     fn now(&self) -> Timestamp {
///         Timestamp::from_millis(1_767_268_800_000)
///     }
/// }
///
/// assert_eq!(Noon.now().to_string(), "2026-01-01T12:00:00.000Z");
/// ```
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// Returns the current instant.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// Reads the machine's clock, and never goes back while the process runs.
///
/// It follows the wall clock forwards, also across a suspend of the machine.
/// When the wall clock steps back, it continues with the monotonic clock, so
/// the step prolongs no session (law L11).
///
/// On Linux its resolution is a tick of the kernel: 1 to 10 ms.
// The wall clock is read once per tick: it is the slow one of the two clocks,
// and a busy server asks many times per tick.
#[derive(Clone)]
pub struct SystemClock(Arc<Steady>);

struct Steady {
    /// The largest distance seen between the wall clock and the monotonic
    /// one, in milliseconds.
    offset: AtomicU64,
    /// The millisecond of the monotonic clock in which the wall clock was
    /// last read.
    looked_at: AtomicU64,
}

impl SystemClock {
    /// Creates a clock that starts at the machine's wall time.
    #[must_use]
    pub fn new() -> Self {
        let wall = wall();
        let monotonic = monotonic();
        let offset = wall.as_millis().saturating_sub(monotonic);
        Self(Arc::new(Steady {
            offset: AtomicU64::new(offset),
            looked_at: AtomicU64::new(monotonic),
        }))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemClock")
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let Steady { offset, looked_at } = &*self.0;
        let monotonic = monotonic();
        if looked_at.load(Ordering::Relaxed) == monotonic {
            return Timestamp::from_millis(
                offset.load(Ordering::Relaxed).saturating_add(monotonic),
            );
        }
        looked_at.store(monotonic, Ordering::Relaxed);
        // In this order: a thread that is preempted in between computes too
        // small a distance, which is ignored. Too large a one would stay.
        let wall = wall();
        steady(offset, wall, self::monotonic())
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this file is the place that reads the system's clocks"
)]
fn wall() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Milliseconds of a clock that never goes back, as of the kernel's last tick
/// (1 to 10 ms). The fine clock is slower to read, and timeouts are seconds.
#[cfg(target_os = "linux")]
fn monotonic() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::MonotonicCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds
        .saturating_mul(1_000)
        .saturating_add(nanos / 1_000_000)
}

/// Milliseconds of a clock that never goes back.
#[cfg(not(target_os = "linux"))]
#[allow(
    clippy::disallowed_methods,
    reason = "this file is the place that reads the system's clocks"
)]
fn monotonic() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;

    static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);
    as_millis(STARTED.elapsed())
}

/// The later of the wall clock and the monotonic clock at the largest offset
/// ever seen between the two.
fn steady(offset: &AtomicU64, wall: Timestamp, monotonic: u64) -> Timestamp {
    let seen = wall.as_millis().saturating_sub(monotonic);
    // Written only when the wall clock ran ahead, so that readers share the
    // cache line.
    if seen > offset.load(Ordering::Relaxed) {
        offset.fetch_max(seen, Ordering::Relaxed);
    }
    Timestamp::from_millis(offset.load(Ordering::Relaxed).saturating_add(monotonic))
}

/// Moves only when it is moved, for tests. Clones share the time.
///
/// ```
/// use dwell_core::{Clock, ManualClock, seconds};
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(seconds(90));
/// assert_eq!(clock.now() - before, seconds(90));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Creates a clock at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Timestamp::from_millis(1_767_225_600_000))
    }

    /// Creates a clock at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.as_millis())))
    }

    /// Moves the clock forward by `by`.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// Sets the clock to `now`. May go back, to imitate a broken clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l11_wall_clock_step_back_prolongs_nothing() {
        let offset = AtomicU64::new(10_000);
        let at = |wall, mono| steady(&offset, Timestamp::from_millis(wall), mono).as_millis();
        assert_eq!(at(10_000, 0), 10_000);
        assert_eq!(at(10_500, 500), 10_500);
        // The wall clock steps back: time advances by the second that passed.
        assert_eq!(at(1_000, 1_500), 11_500);
        assert_eq!(at(2_000, 2_500), 12_500);
    }

    #[test]
    fn time_in_suspend_counts_as_idle() {
        let offset = AtomicU64::new(10_000);
        // Nine hours asleep: the monotonic clock stood still, the wall did not.
        let awake = steady(&offset, Timestamp::from_millis(32_410_000), 10);
        assert_eq!(awake.as_millis(), 32_410_000);
        let next = steady(&offset, Timestamp::from_millis(32_410_005), 15);
        assert_eq!(next.as_millis(), 32_410_005);
    }

    #[test]
    fn system_clock_never_goes_back() {
        let clock = SystemClock::new();
        let mut last = clock.now();
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
