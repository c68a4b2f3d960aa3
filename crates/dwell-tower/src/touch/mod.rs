//! Touches on their way to a remote store.
//!
//! A request earns its touch when its answer's status is known (law L2), after
//! its look-up. So the touch waits for up to a second: the next look-up of the
//! same session carries it in the same round trip. If none comes, the touch is
//! sent alone. One that the store fails to record is tried again until its own
//! deadline has passed (law L5).
//!
//! | file | what |
//! |---|---|
//! | `queue` | which touches wait, and which is sent next |
//! | `taken` | a touch on its way: recorded, lost or put back |
//! | `worker` | sends the touches that no look-up has carried |

mod queue;
mod taken;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, SessionStore, StoreError, TouchOutcome};
use dwell_core::{DueTouch, EventKind, SessionKey, SessionState, Timestamp};
use tokio::runtime;
use tokio::sync::Notify;

use self::queue::{Queue, Waiting};
use self::taken::{Taken, Way};
use crate::open::{KeepTouches, OpenSessions};
use crate::sync::lock;
use crate::timer::{FAR, timer_now};

/// How long a touch waits for a look-up that carries it.
///
/// Meanwhile other nodes see the older idle deadline. That is harmless while the
/// deadline is far off; see [`NEAR`].
const RIDE: Duration = Duration::from_secs(1);

/// With less than this left until the recorded idle deadline, a touch is sent at
/// once: otherwise, with a slow store, another node could end the session of an
/// active user.
const NEAR: Duration = Duration::from_secs(10);

/// Records touches without making answers wait: at once in a local store, else
/// through a bounded queue, which keeps the latest touch of each session.
#[derive(Clone, Debug, Default)]
pub(crate) struct TouchQueue(Arc<Shared>);

/// The queue as open connections know it. They do not keep it alive.
struct WeakQueue(Weak<Shared>);

impl KeepTouches for WeakQueue {
    fn record(&self, touch: DueTouch, state: &SessionState, now: Timestamp) {
        if let Some(shared) = self.0.upgrade() {
            TouchQueue(shared).record(touch, state, || Some(now));
        }
    }

    fn unrecorded(&self, key: SessionKey) -> Option<Touch> {
        TouchQueue(self.0.upgrade()?).unrecorded(key)
    }
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Notified of recorded touches.
    open: OpenSessions,
    /// Wakes the worker.
    wake: Notify,
}

impl TouchQueue {
    /// Returns a queue that notifies open connections of recorded touches, and
    /// records theirs.
    pub(crate) fn new(open: &OpenSessions) -> Self {
        let shared = Arc::new(Shared {
            open: open.clone(),
            ..Shared::default()
        });
        open.set_touches(Box::new(WeakQueue(Arc::downgrade(&shared))));
        Self(shared)
    }

    /// Reports the store's answer to a touch.
    fn recorded(&self, state: &SessionState, touch: &DueTouch, outcome: TouchOutcome) {
        state.touch_recorded(touch, outcome);
        if outcome == TouchOutcome::Recorded {
            self.0.open.touched(touch.key);
        }
    }

    /// Records a touch, now or later. `now` returns the store's time if it is known
    /// without waiting.
    pub(crate) fn record(
        &self,
        touch: DueTouch,
        state: &SessionState,
        now: impl FnOnce() -> Option<Timestamp>,
    ) {
        let store = state.manager().store();
        if store.is_local() {
            match store.touch(touch.key, touch.touch).into_ready() {
                Ok(Ok(outcome)) => self.recorded(state, &touch, outcome),
                _ => state.report(EventKind::TouchLost),
            }
        } else {
            self.keep(touch, state, now());
        }
    }

    /// Looks a session up together with its waiting touch. Returns `None` if none
    /// waits.
    ///
    /// Nor if that fails at once: the store may still answer look-ups. The touch is
    /// tried again then. If the look-up is cancelled before the answer, the touch
    /// goes back into the queue.
    ///
    /// # Errors
    /// The store did not answer in time. A second look-up would take as long.
    pub(crate) async fn ride(
        &self,
        store: &dyn SessionStore,
        key: SessionKey,
    ) -> Result<Option<Loaded>, StoreError> {
        let Some(waiting) = self.lock().send(key) else {
            return Ok(None);
        };
        let touch = waiting.touch.touch;
        let taken = Taken::new(self, waiting, Way::Along);
        match store.touch_and_load(key, touch).await {
            Ok((touched, loaded)) => {
                taken.recorded(touched);
                Ok(Some(loaded))
            }
            Err(error) => {
                taken.failed(&error);
                match error {
                    StoreError::Timeout(_) => Err(error),
                    _ => Ok(None),
                }
            }
        }
    }

    /// Returns the latest touch of a session that the store has not recorded yet.
    pub(crate) fn unrecorded(&self, key: SessionKey) -> Option<Touch> {
        self.lock().unrecorded(key)
    }

    /// Sends waiting touches, and waits until every touch so far is recorded or
    /// lost.
    pub(crate) async fn flush(&self) {
        // Twice, since the worker's runtime may have been shut down.
        for _ in 0..2 {
            let Some(done) = self.lock().flush() else {
                return;
            };
            if !self.start_worker() {
                return;
            }
            self.0.wake.notify_one();
            if done.await.is_ok() {
                return;
            }
        }
    }

    /// Tries the touches again that the store has failed to record, one after
    /// another, until it fails again: then it takes no writes yet.
    pub(crate) async fn retry_now(&self) {
        loop {
            let Some(waiting) = self.lock().send_failed() else {
                return;
            };
            if !send(Taken::new(self, waiting, Way::Along)).await {
                return;
            }
        }
    }

    /// Queues a touch. It is lost if the queue is full, or without a runtime.
    fn keep(&self, touch: DueTouch, state: &SessionState, now: Option<Timestamp>) {
        if runtime::Handle::try_current().is_err() {
            return state.report(EventKind::TouchLost);
        }
        let granularity = state.policies().granularity();
        if self.lock().covers(&touch, granularity) {
            return;
        }
        let by_timer = timer_now();
        let due = may_wait(state, now).then_some(by_timer + RIDE);
        let left = touch.touch.idle_deadline - now.unwrap_or(touch.touch.at);
        let expires = by_timer + left.min(FAR);
        let waiting = self.lock().admit(touch, state.clone(), due, expires);
        self.put(waiting);
    }

    fn put(&self, waiting: Waiting) {
        let kept = self.lock().put(waiting);
        match kept {
            Ok(pressing) => self.wake(pressing),
            Err(waiting) => Taken::new(self, waiting, Way::Along).lost(),
        }
    }

    /// Makes sure that a worker runs, and looks at once if something presses.
    fn wake(&self, pressing: bool) {
        if self.start_worker() && pressing {
            self.0.wake.notify_one();
        }
    }

    /// Makes sure that a worker runs if touches wait. Returns `false` without a
    /// runtime.
    fn start_worker(&self) -> bool {
        let runtime = runtime::Handle::try_current();
        {
            let mut queue = self.lock();
            if queue.is_empty() || queue.at_work {
                return true;
            }
            queue.at_work = runtime.is_ok();
        }
        runtime.map(|runtime| worker::spawn(&runtime, self)).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.0.queue)
    }
}

/// Sends a touch alone. Returns `false` if the store failed.
async fn send(taken: Taken) -> bool {
    let Some(waiting) = taken.waiting() else {
        return true;
    };
    let store = waiting.state.manager().store();
    let touch = waiting.touch;
    match store.touch(touch.key, touch.touch).await {
        Ok(touched) => taken.recorded(touched),
        Err(error) => {
            taken.failed(&error);
            return false;
        }
    }
    true
}

/// Whether the recorded idle deadline is far enough off. `false` if that is
/// unknown.
fn may_wait(state: &SessionState, now: Option<Timestamp>) -> bool {
    match (state.deadlines(), now) {
        (Some(deadlines), Some(now)) => deadlines.idle - now >= NEAR,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dwell_core::{
        NetworkId, PolicySet, Resolved, SessionKey, SessionManager, Timeouts, Timestamp, hours,
        minutes,
    };
    use dwell_memory::MemoryStore;
    use dwell_testkit::FaultyStore;
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    fn runtime() -> Runtime {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    }

    // Once, a worker that was dropped with its runtime left the queue closed
    // forever.
    #[test]
    fn queue_outlives_runtime_that_worked_on_it() {
        let store = FaultyStore::new(MemoryStore::new());
        let policies = PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap();
        let manager = SessionManager::builder(MemoryStore::new(), policies).build();
        let manager = manager.map_store(|_| store.clone());
        let policies = manager.policies().current();
        let state = SessionState::new(manager, policies, Resolved::Nothing);
        let touch = DueTouch {
            key: SessionKey::adopted(b"a"),
            touch: Touch {
                at: Timestamp::MIN,
                network: NetworkId::NONE,
                idle_deadline: Timestamp::MIN,
                retried: false,
            },
            network_before: NetworkId::NONE,
        };
        let queue = TouchQueue::default();
        let record = |queue: &TouchQueue| queue.record(touch, &state, || None);
        store.hang();
        runtime().block_on(async {
            record(&queue);
            yield_now().await;
            assert_eq!(store.writes(), 1, "in flight");
            record(&queue);
        });
        store.heal();
        runtime().block_on(async {
            record(&queue);
            let flushed = timeout(Duration::from_secs(10), queue.flush()).await;
            flushed.expect("a worker runs");
        });
        assert_eq!(store.writes(), 2, "the two waiting touches are merged");
    }
}
