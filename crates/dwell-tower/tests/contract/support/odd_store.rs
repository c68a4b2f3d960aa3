//! Stores in memory with special faults.

use dwell_core::engine::Touch;
use dwell_core::store::{End, SessionStore, StoreError, StoreFuture, TouchOutcome};
use dwell_core::{EndedSession, SessionKey, delegate_store};
use dwell_memory::MemoryStore;

use super::Pause;

/// Ends sessions at once, and holds the answer back, as a network may.
#[derive(Clone, Debug)]
pub(crate) struct LateEnds {
    pub(crate) inner: MemoryStore,
    pub(crate) pause: Pause,
}

/// Answers at once, and records no touch.
#[derive(Clone, Debug)]
pub(crate) struct FailingTouches(pub(crate) MemoryStore);

impl SessionStore for LateEnds {
    delegate_store!(self => self.inner, except end, touch_and_load, is_local, watched);

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        let ended = self.inner.end(key, end);
        StoreFuture::boxed(async move {
            self.pause.here().await;
            ended.await
        })
    }
}

impl SessionStore for FailingTouches {
    delegate_store!(self => self.0, except touch, touch_and_load, watched);

    fn touch(&self, _: SessionKey, _: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::ready(Err(StoreError::unavailable("told to fail")))
    }
}
