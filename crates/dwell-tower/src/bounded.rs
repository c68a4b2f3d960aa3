//! A store that is not waited for longer than stated.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated, Watched,
};
use dwell_core::{EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

/// Bounds how long any answer of a store is waited for (law L8): after that
/// it counts as unreachable.
///
/// The session layer puts it around its store; answers that are there at once
/// pass through without a timer. Waiting needs a tokio runtime.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use dwell_memory::MemoryStore;
/// use dwell_tower::BoundedStore;
///
/// let store = BoundedStore::new(Arc::new(MemoryStore::new()), Duration::from_millis(500));
/// # let _ = store;
/// ```
#[derive(Debug)]
pub struct BoundedStore {
    inner: Arc<dyn SessionStore>,
    limit: Duration,
}

impl BoundedStore {
    /// Waits for answers of `inner` no longer than `limit`.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>, limit: Duration) -> Self {
        Self { inner, limit }
    }

    fn bound<'a, T: Send + 'a>(&self, answer: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        let limit = self.limit;
        match answer.into_ready() {
            Ok(answer) => StoreFuture::ready(answer),
            Err(future) => StoreFuture::boxed(async move {
                let answer = tokio::time::timeout(limit, future).await;
                answer.unwrap_or(Err(StoreError::Timeout(limit)))
            }),
        }
    }
}

impl SessionStore for BoundedStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        self.bound(self.inner.now())
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.bound(self.inner.load(key))
    }

    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.bound(self.inner.load_uncopied(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        self.bound(self.inner.create(record, quota, judge))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        self.bound(self.inner.touch(key, touch))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        self.bound(self.inner.update(key, version, update))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        self.bound(self.inner.end(key, end))
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        self.bound(self.inner.touch_and_load(key, touch))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        self.bound(self.inner.list(subject))
    }

    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        self.bound(self.inner.reap(judge, batch))
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        self.bound(self.inner.acknowledge(keys))
    }

    fn is_local(&self) -> bool {
        self.inner.is_local()
    }

    fn watched(&self) -> Option<&dyn Watched> {
        self.inner.watched()
    }
}
