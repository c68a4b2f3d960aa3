//! Stores in memory with special faults.

use std::fmt;
use std::sync::Arc;

use dwell_core::engine::Touch;
use dwell_core::store::{
    End, Loaded, SessionStore, StoreError, StoreFuture, TouchOutcome, Update, Updated,
};
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

/// Can't read the sessions under these keys.
#[derive(Clone, Debug)]
pub(crate) struct Damaged {
    pub(crate) inner: MemoryStore,
    pub(crate) keys: Vec<SessionKey>,
    /// Whether it answers at once.
    pub(crate) local: bool,
}

impl Damaged {
    fn answer<'a, T: Send + 'a>(
        &'a self,
        key: SessionKey,
        answer: StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        match self.keys.contains(&key) {
            true => StoreFuture::ready(Err(StoreError::Corrupt(Arc::new(fmt::Error)))),
            false => answer,
        }
    }
}

impl SessionStore for Damaged {
    delegate_store!(self => self.inner, except load, load_uncopied, touch, update, end, touch_and_load, is_local);

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.answer(key, self.inner.load(key))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        self.answer(key, self.inner.touch(key, touch))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        self.answer(key, self.inner.update(key, version, update))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        self.answer(key, self.inner.end(key, end))
    }

    fn is_local(&self) -> bool {
        self.local
    }
}
