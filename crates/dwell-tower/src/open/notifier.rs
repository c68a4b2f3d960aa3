//! Wakes the task of one open connection.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use crate::sync::lock;

/// Notifies one task, and remembers a notification until the task takes it.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    is_notified: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Notifier {
    /// Notifies the task, and wakes it.
    pub(super) fn notify(&self) {
        self.is_notified.store(true, Ordering::Release);
        let waker = lock(&self.waker).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the notification, and returns whether there was one. If there was
    /// none, the next one wakes the task.
    pub(super) fn take(&self, cx: &Context<'_>) -> bool {
        if self.is_notified.swap(false, Ordering::AcqRel) {
            return true;
        }
        let mut waker = lock(&self.waker);
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
        drop(waker);
        // A notification in between found no waker.
        self.is_notified.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn notification_is_taken_once_and_wakes_waiting_task() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        let notifier = Notifier::default();
        notifier.notify();
        assert!(!woken.0.load(Ordering::Relaxed), "no task has asked");
        assert!(notifier.take(&cx));
        assert!(!notifier.take(&cx));
        notifier.notify();
        notifier.notify();
        assert!(woken.0.load(Ordering::Relaxed));
        assert!(notifier.take(&cx));
        assert!(!notifier.take(&cx));
    }
}
