//! Time that passes at once: tokio's is paused, and a store's goes with it.

use std::future::pending;
use std::time::Duration;

use dwell_core::{Clock, ManualClock, Timestamp};
use tokio::time::{Instant, timeout};

/// A store's clock that goes with tokio's, so that timers and deadlines agree,
/// and that can be moved away from it.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeClock {
    base: ManualClock,
    began: Instant,
}

impl RuntimeClock {
    #[allow(clippy::disallowed_methods, reason = "tokio's clock, which is paused")]
    pub(crate) fn new() -> Self {
        Self {
            base: ManualClock::new(),
            began: Instant::now(),
        }
    }

    /// Steps back, as against tokio's.
    pub(crate) fn step_back(&self, by: Duration) {
        self.base.set(self.base.now() - by);
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.base.now() + self.began.elapsed()
    }
}

/// Lets so much time pass, timer by timer. Tokio's clock must be paused: then
/// nobody waits for it.
pub(crate) async fn pass(time: Duration) {
    if !time.is_zero() {
        let _ = timeout(time, pending::<()>()).await;
    }
}
