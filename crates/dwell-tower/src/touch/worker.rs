//! Sends the touches that no look-up took along, several at once.

use tokio::runtime;
use tokio::time::timeout_at;

use super::TouchQueue;
use super::queue::Step;
use super::taken::{Taken, Way};
use crate::reaper::Task;

/// Works on the queue until it is empty.
struct Worker {
    queue: TouchQueue,
    done: bool,
}

/// Sets somebody to work.
pub(super) fn spawn(runtime: &runtime::Handle, queue: &TouchQueue) {
    let worker = Worker {
        queue: queue.clone(),
        done: false,
    };
    let work: Task = Box::pin(worker.run());
    runtime.spawn(work);
}

impl Worker {
    async fn run(mut self) {
        // Up to when time has passed.
        let mut passed = None;
        loop {
            let step = self.queue.lock().step(passed);
            let woken = self.queue.0.wake.notified();
            match step {
                Step::Done => {
                    self.done = true;
                    return;
                }
                Step::Full => woken.await,
                Step::Send(waiting) => {
                    let taken = Taken::new(&self.queue, waiting, Way::Alone);
                    // A task of its own, so that a panic loses this touch and
                    // no other.
                    let one: Task = Box::pin(send(taken));
                    tokio::spawn(one);
                }
                Step::Wait(due) => {
                    if timeout_at(due, woken).await.is_err() {
                        passed = Some(due);
                    }
                }
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Its runtime was shut down: the next touch may come on another.
        if !self.done {
            self.queue.lock().abandon();
        }
    }
}

async fn send(taken: Taken) {
    let Some(waiting) = taken.waiting() else {
        return;
    };
    let store = waiting.state.manager().store();
    let touch = waiting.touch;
    match store.touch(touch.key, touch.touch).await {
        Ok(touched) => taken.recorded(touched),
        Err(error) => taken.lost(Some(&error)),
    }
}
