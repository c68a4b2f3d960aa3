//! A store in memory whose writes are counted, to see which requests write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dwell_axum::dwell_core::engine::Activation;
use dwell_axum::dwell_core::store::{
    Created, End, Judge, Loaded, Quota, Reaped, SessionStore, StoreFuture, Touched, Update, Updated,
};
use dwell_axum::{EndedSession, MemoryStore, SessionKey, SessionRecord, SubjectId, Timestamp};

/// Passes everything on. Clones share the count.
#[derive(Clone, Debug)]
pub struct CountingStore {
    inner: MemoryStore,
    writes: Arc<AtomicUsize>,
}

impl CountingStore {
    /// Around this store.
    pub fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            writes: Arc::default(),
        }
    }

    /// The writes since the last time.
    pub fn take_writes(&self) -> usize {
        self.writes.swap(0, Ordering::Relaxed)
    }

    fn write(&self) -> &MemoryStore {
        self.writes.fetch_add(1, Ordering::Relaxed);
        &self.inner
    }
}

impl SessionStore for CountingStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        self.inner.now()
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.inner.load(key)
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: Judge,
    ) -> StoreFuture<'_, Created> {
        self.write().create(record, quota, judge)
    }

    fn touch(&self, key: SessionKey, activation: Activation) -> StoreFuture<'_, Touched> {
        self.write().touch(key, activation)
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        self.write().update(key, version, update)
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        self.write().end(key, end)
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        self.inner.list(subject)
    }

    fn reap(&self, judge: Judge, batch: usize) -> StoreFuture<'_, Reaped> {
        self.write().reap(judge, batch)
    }

    fn is_local(&self) -> bool {
        true
    }
}
