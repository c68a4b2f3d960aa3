//! Time: tokio's, which a test may have paused, and a store's that goes with
//! it.

use std::future::pending;
use std::time::Duration;

use dwell_axum::{Clock, ManualClock, Timestamp};
use tokio::time::{Instant, timeout};

/// How long anything may take, on a busy machine too, before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store's clock that goes with tokio's, so that timers and deadlines agree.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeClock {
    base: ManualClock,
    began: Instant,
}

impl RuntimeClock {
    #[allow(clippy::disallowed_methods, reason = "tokio's, which can be paused")]
    pub(crate) fn new() -> Self {
        Self {
            base: ManualClock::new(),
            began: Instant::now(),
        }
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
    let _ = timeout(time, pending::<()>()).await;
}

/// What happens within a test's patience.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = timeout(PATIENCE, what).await;
    waited.expect("it happens within the patience of a test")
}
