//! The clock of timers.

use std::time::Duration;

use tokio::time::Instant;

/// Longer than anything stays open or waits.
pub(crate) const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The instant by the clock of timers. It decides nothing: the store is asked
/// when a timer fires.
#[allow(
    clippy::disallowed_methods,
    reason = "timers have a clock of their own; the store decides"
)]
pub(crate) fn timer_now() -> Instant {
    Instant::now()
}
