//! Sends the touches that no look-up has carried, several at once.

use tokio::runtime;
use tokio::time::timeout_at;

use super::queue::Step;
use super::taken::{Taken, Way};
use super::{TouchQueue, send};
use crate::task::Task;

/// Works on the queue until it is empty.
struct Worker {
    queue: TouchQueue,
    done: bool,
}

/// Starts a worker.
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
        // The time up to which touches are due.
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
                    // In a separate task, so that a panic loses this touch and
                    // no other.
                    let one: Task = Box::pin(async move {
                        send(taken).await;
                    });
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
        // Its runtime was shut down. The next touch may come on another one.
        if !self.done {
            self.queue.lock().abandon();
        }
    }
}
