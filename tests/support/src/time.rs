//! Time that passes at once: tokio's is paused, and a store's goes with it.

use std::future::pending;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dwell_core::{Clock, ManualClock, Timestamp};
use tokio::time::{Instant, timeout};

/// How long anything may take, on a busy machine too, before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store's clock that goes with tokio's, so that timers and deadlines agree,
/// and that can be moved away from it.
#[derive(Clone, Debug)]
pub struct RuntimeClock {
    base: ManualClock,
    began: Instant,
}

impl Default for RuntimeClock {
    /// Begins with tokio's.
    #[allow(clippy::disallowed_methods, reason = "tokio's clock, which is paused")]
    fn default() -> Self {
        Self {
            base: ManualClock::new(),
            began: Instant::now(),
        }
    }
}

impl RuntimeClock {
    /// Steps back, as against tokio's.
    pub fn step_back(&self, by: Duration) {
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
pub async fn pass(time: Duration) {
    if !time.is_zero() {
        let _ = timeout(time, pending::<()>()).await;
    }
}

/// What happens within a test's patience.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = timeout(PATIENCE, what).await;
    waited.expect("it happens within the patience of a test")
}

/// Runs a future that a store in memory has nothing to wait for in.
pub fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}
