//! The clock of timers.

use tokio::time::Instant;

/// The instant by the clock of timers. It decides nothing: the store is asked
/// when a timer fires.
#[allow(
    clippy::disallowed_methods,
    reason = "timers have a clock of their own; the store decides"
)]
pub(super) fn timer_now() -> Instant {
    Instant::now()
}
