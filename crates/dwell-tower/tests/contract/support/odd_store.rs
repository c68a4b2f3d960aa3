//! Stores in memory that fail in ways of their own.

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreError, StoreFuture,
    TouchOutcome, Update, Updated,
};
use dwell_core::{EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};
use dwell_memory::MemoryStore;

use super::Pause;

/// Ends sessions at once, but the answer is held on its way back, as by a
/// network.
#[derive(Clone, Debug)]
pub(crate) struct LateEnds {
    pub(crate) inner: MemoryStore,
    pub(crate) pause: Pause,
}

/// Answers at once, and records no touch.
#[derive(Clone, Debug)]
pub(crate) struct FailingTouches(pub(crate) MemoryStore);

/// Everything that such a store does as the one in memory does it.
macro_rules! pass_on {
    () => {
        fn now(&self) -> StoreFuture<'_, Timestamp> {
            self.inner().now()
        }

        fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
            self.inner().load(key)
        }

        fn create(
            &self,
            record: SessionRecord,
            quota: Option<Quota>,
            judge: DuePolicy,
        ) -> StoreFuture<'_, Created> {
            self.inner().create(record, quota, judge)
        }

        fn update(
            &self,
            key: SessionKey,
            version: u32,
            update: Update,
        ) -> StoreFuture<'_, Updated> {
            self.inner().update(key, version, update)
        }

        fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
            self.inner().list(subject)
        }

        fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
            self.inner().reap(judge, batch)
        }
    };
}

impl LateEnds {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }
}

impl SessionStore for LateEnds {
    pass_on!();

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        self.inner.touch(key, touch)
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        let ended = self.inner.end(key, end);
        StoreFuture::boxed(async move {
            self.pause.here().await;
            ended.await
        })
    }
}

impl FailingTouches {
    fn inner(&self) -> &MemoryStore {
        &self.0
    }
}

impl SessionStore for FailingTouches {
    pass_on!();

    fn touch(&self, _: SessionKey, _: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::ready(Err(StoreError::unavailable("told to fail")))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        self.0.end(key, end)
    }

    fn is_local(&self) -> bool {
        true
    }
}
