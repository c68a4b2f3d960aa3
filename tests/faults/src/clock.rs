//! The clock of histories.

use std::sync::OnceLock;
use std::time::Instant;

use crate::history::Moment;

/// Returns the time since the first call.
#[allow(
    clippy::disallowed_methods,
    reason = "records what users saw, by a clock that is neither a node's nor the store's"
)]
#[must_use]
pub fn now() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    now.saturating_duration_since(*START.get_or_init(|| now))
}
