//! What wakes an open connection when something becomes of its session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Waker};

use crate::sync::lock;

/// Rung by whoever learns of something, heard by one connection.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: AtomicBool,
    sleeper: Mutex<Option<Waker>>,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        let sleeper = self.sleeper().take();
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Whether it was rung since it was asked last; if not, the next ring
    /// wakes the one who asks.
    pub(super) fn heard(&self, cx: &Context<'_>) -> bool {
        if self.rung.swap(false, Ordering::AcqRel) {
            return true;
        }
        let mut sleeper = self.sleeper();
        if !sleeper
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *sleeper = Some(cx.waker().clone());
        }
        drop(sleeper);
        // It may have been rung in between, when nobody slept yet.
        self.rung.swap(false, Ordering::AcqRel)
    }

    fn sleeper(&self) -> MutexGuard<'_, Option<Waker>> {
        lock(&self.sleeper)
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
    fn a_ring_is_heard_once_and_wakes_whoever_asked_before() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        let bell = Bell::default();
        bell.ring();
        assert!(!woken.0.load(Ordering::Relaxed), "nobody slept");
        assert!(bell.heard(&cx));
        assert!(!bell.heard(&cx));
        bell.ring();
        bell.ring();
        assert!(woken.0.load(Ordering::Relaxed));
        assert!(bell.heard(&cx));
        assert!(!bell.heard(&cx));
    }
}
