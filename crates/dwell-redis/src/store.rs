//! The store, and its implementation of `SessionStore`.

use std::fmt;
use std::sync::Arc;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreFuture, TouchOutcome,
    Update, Updated, Watched,
};
use dwell_core::{EndReason, EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

use crate::inner::{Inner, Settings};
use crate::link::Link;
use crate::reply::stored;
use crate::session::loaded;

/// Keeps sessions in Redis or Valkey: one server, Sentinel or Cluster. Clones
/// share connections.
///
/// The server's clock judges (law L11): keep it in step by slewing, as NTP
/// does. A clock that is set back prolongs sessions by the step.
///
/// Set `maxmemory-policy noeviction` on the server: an evicted session ends
/// without a report.
///
/// ```no_run
/// use dwell_core::{PolicySet, SessionManager, Timeouts, hours, minutes};
/// use dwell_redis::RedisStore;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379/").await?;
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let manager = SessionManager::builder(store, policies).build();
/// # drop(manager);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(pub(crate) Arc<Inner>);

impl RedisStore {
    pub(crate) fn new(link: Link, settings: Settings) -> Self {
        Self(Arc::new(Inner::new(link, settings)))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.layout().prefix())
            .finish_non_exhaustive()
    }
}

impl SessionStore for RedisStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::boxed(self.0.now())
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        StoreFuture::boxed(self.0.load(key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due_policy: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(self.0.create(record, quota, due_policy))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move {
            let (touched, _, value) = self.0.touch(key, touch, false).await?;
            stored(key, value.as_deref())?;
            Ok(touched)
        })
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(async move {
            let (touched, now, value) = self.0.touch(key, touch, true).await?;
            Ok((touched, loaded(key, now, value.as_deref())?))
        })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(self.0.update(key, version, update))
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        StoreFuture::boxed(self.0.count_failure(key))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(self.0.end(key, end))
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        StoreFuture::boxed(self.0.end_many(keys, reason))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        StoreFuture::boxed(self.0.list(subject))
    }

    fn reap(&self, due_policy: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::boxed(self.0.reap(due_policy, batch))
    }

    fn tombstone_lifetime(&self) -> std::time::Duration {
        self.0.settings.tombstones
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        StoreFuture::boxed(self.0.acknowledge(keys))
    }
}
