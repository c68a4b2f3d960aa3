//! The instants that a history is written in.

use std::sync::OnceLock;
use std::time::Instant;

use crate::history::Moment;

/// Now, counted from the first call.
#[allow(
    clippy::disallowed_methods,
    reason = "the recorder of real runs: what users saw, by a clock that is neither a node's nor the store's"
)]
#[must_use]
pub fn now() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let now = Instant::now();
    now.saturating_duration_since(*START.get_or_init(|| now))
}
