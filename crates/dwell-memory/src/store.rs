//! The store trait, over the parts of the store in memory.

use std::convert::Infallible;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    BoxedAnswer, Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreFuture,
    TouchOutcome, Update, Updated, Watched, Watcher,
};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

use super::MemoryStore;

impl SessionStore for MemoryStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::ready(Ok(self.0.clock.now()))
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        let now = self.0.clock.now();
        let state = self.0.sessions.lookup(key);
        StoreFuture::ready(Ok(Loaded { now, state }))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::ready(Ok(self.0.create(record, quota, &due)))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        let now = self.0.clock.now();
        StoreFuture::ready(Ok(self.0.sessions.touch(key, touch, now)))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        let now = self.0.clock.now();
        let updated = self.0.sessions.update(key, version, &update, now);
        if let Updated::Applied(_) = updated {
            self.0.changes.tell(key);
        }
        StoreFuture::ready(Ok(updated))
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        let now = self.0.clock.now();
        StoreFuture::ready(Ok(self.0.sessions.count_failure(key, now)))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::ready(Ok(self.0.end(key, end)))
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        let ended = keys
            .into_iter()
            .filter_map(|key| self.0.end(key, reason.into()));
        StoreFuture::ready(Ok(ended.collect()))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::ready(Ok(self.0.list(&subject)))
    }

    fn reap(&self, due: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::ready(Ok(self.0.reap(&due, batch)))
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        for key in keys {
            self.0.index_tombstone(key);
        }
        StoreFuture::ready(Ok(()))
    }

    fn is_local(&self) -> bool {
        true
    }

    fn tombstone_lifetime(&self) -> Duration {
        self.0.tombstones
    }

    fn remembers_since(&self) -> Option<Timestamp> {
        Some(self.0.began)
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }
}

impl Watched for MemoryStore {
    fn watch<'a>(&'a self, watcher: &'a dyn Watcher) -> BoxedAnswer<'a, Infallible> {
        let mut changes = self.0.changes.subscribe();
        Box::pin(async move {
            watcher.caught_up(watcher.mark());
            loop {
                for key in changes.next().await {
                    watcher.changed(key);
                }
            }
        })
    }
}
