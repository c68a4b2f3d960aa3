//! A touch on its way to the store.

use dwell_core::EventKind;
use dwell_core::store::{StoreError, TouchOutcome};
use tokio::runtime;

use super::TouchQueue;
use super::queue::Waiting;
use crate::log;
use crate::timer::timer_now;

/// A touch that was taken out of the queue. If it is dropped before the store's
/// answer, it goes back or is lost.
#[derive(Debug)]
pub(super) struct Taken {
    queue: TouchQueue,
    waiting: Option<Waiting>,
    way: Way,
}

/// The log line for a touch that the store did not record at first.
const AGAIN: &str = "touch not recorded; it is tried again until its deadline";

/// The log line for a touch that is given up.
const LOST: &str = "touch lost; its session may end early";

/// How a touch gets to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In a call for it alone.
    Alone,
    /// With a look-up, or with a pass of the reaper.
    Along,
}

impl Taken {
    pub(super) fn new(queue: &TouchQueue, waiting: Waiting, way: Way) -> Self {
        Self {
            queue: queue.clone(),
            waiting: Some(waiting),
            way,
        }
    }

    pub(super) fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }

    /// Reports the store's answer.
    pub(super) fn recorded(mut self, outcome: TouchOutcome) {
        if let Some(waiting) = self.waiting.take() {
            self.queue.recorded(&waiting.state, &waiting.touch, outcome);
            self.arrived(&waiting);
            self.queue.lock().close(waiting.number);
        }
    }

    /// Notes that the store failed: the touch is tried again until its own deadline
    /// has passed.
    pub(super) fn failed(mut self, error: &StoreError) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        if waiting.failures == 0 {
            log::warn(AGAIN, Some(&log::Causes(error)));
        }
        self.arrived(&waiting);
        let kept = match error {
            // The session has ended (law L8).
            StoreError::Corrupt(_) => Err(waiting),
            _ => self.queue.lock().retry(waiting, timer_now()),
        };
        match kept {
            Ok(pressing) => self.queue.wake(pressing),
            Err(waiting) => {
                log::warn(LOST, Some(&log::Causes(error)));
                self.give_up(&waiting);
            }
        }
    }

    /// Reports that the queue is full.
    pub(super) fn lost(mut self) {
        if let Some(waiting) = self.waiting.take() {
            self.arrived(&waiting);
            self.give_up(&waiting);
        }
    }

    /// Gives up a touch that is no longer on its way.
    fn give_up(&self, waiting: &Waiting) {
        waiting.state.report(EventKind::TouchLost);
        self.queue.lock().close(waiting.number);
    }

    /// Notes that the touch is no longer on its way.
    fn arrived(&self, waiting: &Waiting) {
        let mut queue = self.queue.lock();
        queue.arrived(&waiting.touch);
        if self.way == Way::Alone && queue.answered() {
            self.queue.0.wake.notify_one();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        let panicking = std::thread::panicking();
        if panicking {
            log::error("touch lost to a panic; its session may end early", None);
        }
        // The look-up was cancelled, as when a client leaves. After a panic, a
        // retry could panic forever.
        let goes_back = self.way == Way::Along && !panicking;
        self.arrived(&waiting);
        match goes_back && runtime::Handle::try_current().is_ok() {
            true => self.queue.put(waiting),
            false => self.give_up(&waiting),
        }
    }
}
