//! Touches on their way to a store that has to be waited for.

use std::collections::HashMap;
use std::mem::{replace, take};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dwell_core::store::SessionStore;
use dwell_core::{EventKind, SessionHandle, SessionKey, Touch};
use tokio::sync::oneshot;

use crate::log;
use crate::reaper::Task;

/// The most touches that wait. One more is lost, which ends its session a
/// little sooner (law L5) and is an event.
const WAITING: usize = 1_024;

/// Records touches without making answers wait: at once in a local store,
/// else through a bounded queue in which the latest touch of a session counts
/// for all of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TouchQueue(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    touches: Vec<Waiting>,
    flushes: Vec<oneshot::Sender<()>>,
    /// Whether a task works on it.
    at_work: bool,
}

type Waiting = (Touch, SessionHandle);

impl TouchQueue {
    /// Records a touch; a failure is an event and nothing else.
    pub(crate) fn record(&self, touch: Touch, handle: &SessionHandle) {
        let store = handle.manager().store();
        if store.is_local() {
            match store.touch(touch.key, touch.activation).into_ready() {
                Ok(Ok(touched)) => handle.touch_recorded(&touch, touched),
                _ => handle.report(EventKind::TouchLost),
            }
        } else if !self.keep(touch, handle) {
            handle.report(EventKind::TouchLost);
        }
    }

    /// Waits until every touch so far is recorded or lost.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        {
            let mut queue = self.lock();
            if !queue.at_work {
                return;
            }
            queue.flushes.push(done);
        }
        let _ = wait.await;
    }

    /// Puts a touch into the queue; `false` where there is no room, or nobody
    /// to work on it.
    fn keep(&self, touch: Touch, handle: &SessionHandle) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return false;
        };
        let idle = {
            let mut queue = self.lock();
            if queue.touches.len() >= WAITING {
                return false;
            }
            queue.touches.push((touch, handle.clone()));
            !replace(&mut queue.at_work, true)
        };
        if idle {
            let worker = Worker {
                queue: self.clone(),
                done: false,
            };
            let work: Task = Box::pin(worker.run(Arc::clone(handle.manager().store())));
            runtime.spawn(work);
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works on the queue until it is empty.
struct Worker {
    queue: TouchQueue,
    done: bool,
}

impl Worker {
    async fn run(mut self, store: Arc<dyn SessionStore>) {
        while let Some((touches, flushes)) = self.take() {
            for (touch, handle) in latest(touches) {
                // A task of its own, so that a panic loses this touch and no other.
                let one: Task = Box::pin(record(Arc::clone(&store), touch, handle.clone()));
                if let Err(error) = tokio::spawn(one).await {
                    log::error("a touch panicked", Some(&error));
                    handle.report(EventKind::TouchLost);
                }
            }
            for done in flushes {
                let _ = done.send(());
            }
        }
    }

    fn take(&mut self) -> Option<(Vec<Waiting>, Vec<oneshot::Sender<()>>)> {
        let mut queue = self.queue.lock();
        let (touches, flushes) = (take(&mut queue.touches), take(&mut queue.flushes));
        self.done = touches.is_empty() && flushes.is_empty();
        queue.at_work = !self.done;
        (!self.done).then_some((touches, flushes))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its runtime was shut down: the next touch may come on another.
        if !self.done {
            let mut queue = self.queue.lock();
            queue.at_work = false;
            queue.flushes.clear();
        }
    }
}

/// The latest touch of each session.
fn latest(touches: Vec<Waiting>) -> impl Iterator<Item = Waiting> {
    let mut latest: HashMap<SessionKey, Waiting> = HashMap::new();
    for (touch, handle) in touches {
        let newer = latest
            .get(&touch.key)
            .is_none_or(|(before, _)| before.activation.at < touch.activation.at);
        if newer {
            latest.insert(touch.key, (touch, handle));
        }
    }
    latest.into_values()
}

async fn record(store: Arc<dyn SessionStore>, touch: Touch, handle: SessionHandle) {
    match store.touch(touch.key, touch.activation).await {
        Ok(touched) => handle.touch_recorded(&touch, touched),
        Err(error) => {
            log::warn("a touch was lost", Some(&error));
            handle.report(EventKind::TouchLost);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dwell_core::engine::Activation;
    use dwell_core::{
        MemoryStore, NetworkId, PolicySet, Presented, SessionKey, SessionManager, Timestamp, hours,
        minutes,
    };
    use dwell_testkit::FaultyStore;
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    fn runtime() -> Runtime {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    }

    // A task that worked on the queue and went down with its runtime once left
    // it closed for ever.
    #[test]
    fn a_queue_outlives_the_runtime_that_worked_on_it() {
        let store = FaultyStore::new(MemoryStore::new());
        let policies = PolicySet::simple(minutes(15), hours(8)).unwrap();
        let manager = SessionManager::builder(MemoryStore::new(), policies).build();
        let manager = manager.map_store(|_| store.clone());
        let policies = manager.policies().current();
        let handle = SessionHandle::new(manager, policies, Presented::Nothing);
        let touch = Touch {
            key: SessionKey::foreign(b"a"),
            activation: Activation {
                at: Timestamp::MIN,
                network: NetworkId::NONE,
                idle_deadline: Timestamp::MIN,
            },
        };
        let queue = TouchQueue::default();
        store.hang();
        runtime().block_on(async {
            queue.record(touch, &handle);
            yield_now().await;
            assert_eq!(store.writes(), 1, "in flight");
            queue.record(touch, &handle);
        });
        store.heal();
        runtime().block_on(async {
            queue.record(touch, &handle);
            let flushed = timeout(Duration::from_secs(10), queue.flush()).await;
            flushed.expect("somebody works on the queue");
        });
        assert_eq!(store.writes(), 2, "both that waited are one");
    }
}
