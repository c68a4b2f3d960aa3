//! Time that passes at once: tokio's clock is paused, and a store's follows it.

use std::future::pending;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dwell_core::{Clock, ManualClock, Timestamp};
use tokio::time::{Instant, timeout};

/// How long a test waits for anything, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store's clock that follows tokio's, so that timers and deadlines agree. It
/// can be stepped back.
#[derive(Clone, Debug)]
pub struct RuntimeClock {
    base: ManualClock,
    began: Instant,
}

impl Default for RuntimeClock {
    /// Creates a clock that follows tokio's.
    #[allow(clippy::disallowed_methods, reason = "tokio's clock, which is paused")]
    fn default() -> Self {
        Self {
            base: ManualClock::new(),
            began: Instant::now(),
        }
    }
}

impl RuntimeClock {
    /// Steps back, relative to tokio's clock.
    pub fn step_back(&self, by: Duration) {
        self.base.set(self.base.now() - by);
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.base.now() + self.began.elapsed()
    }
}

/// Lets time pass, timer by timer. Tokio's clock must be paused, so that no real
/// time passes.
pub async fn pass(time: Duration) {
    if !time.is_zero() {
        let _ = timeout(time, pending::<()>()).await;
    }
}

/// Awaits a future, with a limit.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = timeout(PATIENCE, what).await;
    waited.expect("it completes within a minute")
}

/// Runs a future over a store in memory, which never waits.
pub fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}
