//! A cache of hot sessions on this node, over a shared store with a change
//! feed.
//!
//! | file | what |
//! |---|---|
//! | `copies` | the copies, and which of them may answer |
//! | `shard` | some of the copies, behind one lock |

mod copies;
mod shard;

use std::fmt;
use std::sync::Arc;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreFuture, TouchOutcome,
    Update, Updated, Watched,
};
use dwell_core::{
    Clock, EndReason, EndedSession, SessionKey, SessionRecord, SystemClock, delegate_store,
};

use self::copies::Copies;
use crate::remote::Feed;

/// How many copies are kept by default.
const CAPACITY: usize = 100_000;

/// Answers look-ups of hot sessions from this node's memory, without a round
/// trip.
///
/// An end or an update on any node is seen on every node within 100 ms: the
/// store delivers the change, and a copy answers only while the store confirms,
/// every [`PULSE`](dwell_core::store::PULSE), that every change was delivered. When
/// the connection is lost no copy answers, and look-ups go to the store until the
/// feed is back and the session was looked up again. Tombstones and unknown
/// sessions are always looked up in the store.
///
/// Touches on other nodes are not delivered. A copy's last activity is older
/// than the recorded one by at most the copy's age, which is at most 5 s and a
/// 60th of the session's idle allowance: no more than the default granularity
/// of touches. Such a copy errs on the strict side, as if the touch had been
/// lost (law L5). And it answers only in the first half of the recorded
/// allowance: closer to an idle deadline the store itself is asked. An end can be
/// found early only if a stricter policy or network cuts the allowance to less
/// than half.
///
/// Open connections on this node share the cache's change feed, so the node
/// has one connection for it. The feed runs on the tokio runtime of the first
/// look-up. Clones share the copies; the feed ends with the last of them.
///
/// ```
/// use dwell_core::store::Watched;
/// use dwell_core::{PolicySet, SessionManager};
/// use dwell_tower::NearCache;
///
/// fn manager(store: impl Watched, policies: PolicySet) -> SessionManager {
///     SessionManager::builder(NearCache::new(store), policies).build()
/// }
/// ```
#[derive(Clone)]
pub struct NearCache(Arc<Copies>);

impl NearCache {
    /// Keeps copies of up to 100,000 sessions of `store`, some 300 bytes each.
    /// The store's [`watched`](SessionStore::watched) must return it.
    #[must_use]
    pub fn new(store: impl Watched) -> Self {
        Self::with(Arc::new(store), Arc::new(SystemClock::new()), CAPACITY)
    }

    /// Keeps up to `capacity` copies instead of 100,000. With 0, none.
    #[must_use]
    pub fn with_capacity(self, capacity: usize) -> Self {
        let feed = self.0.feed();
        Self::with(Arc::clone(feed.store()), Arc::clone(feed.clock()), capacity)
    }

    /// Measures the age of copies by `clock` instead of the machine's. What the
    /// time is, the store says.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        let store = Arc::clone(self.0.feed().store());
        Self::with(store, Arc::new(clock), self.0.capacity())
    }

    fn with(store: Arc<dyn SessionStore>, clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self(Copies::new(Feed::near(store, clock), capacity))
    }

    /// Returns the number of copies, including those that may no longer answer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no copy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn store(&self) -> &dyn SessionStore {
        &**self.0.feed().store()
    }
}

impl SessionStore for NearCache {
    delegate_store!(self => self.store(), only now, list, acknowledge, tombstone_lifetime, remembers_since, watched);

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        if let Some(loaded) = self.0.find(key) {
            return StoreFuture::ready(Ok(loaded));
        }
        self.load_uncopied(key)
    }

    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        StoreFuture::boxed(async move {
            let look = self.0.look(key);
            let loaded = self.store().load(key).await?;
            self.0.keep(key, look, &loaded);
            Ok(loaded)
        })
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(async move {
            let created = self.store().create(record, quota, due).await?;
            if let Created::Created { ended } = &created {
                let ended = ended.iter().map(|ended| ended.record.key);
                ended.for_each(|key| self.0.forget(key));
            }
            Ok(created)
        })
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move {
            let touched = self.store().touch(key, touch).await;
            match &touched {
                Ok(TouchOutcome::Recorded) => self.0.touch(key, touch),
                _ => self.0.forget(key),
            }
            touched
        })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(async move {
            let _changing = Changing::new(&self.0, key);
            self.store().update(key, version, update).await
        })
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        StoreFuture::boxed(async move {
            let _changing = Changing::new(&self.0, key);
            self.store().count_failure(key).await
        })
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(async move {
            let _changing = Changing::new(&self.0, key);
            self.store().end(key, end).await
        })
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        StoreFuture::boxed(async move {
            let changing = keys.iter().map(|key| Changing::new(&self.0, *key));
            let _changing: Vec<_> = changing.collect();
            self.store().end_many(keys, reason).await
        })
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(async move {
            let look = self.0.look(key);
            let both = self.store().touch_and_load(key, touch).await?;
            self.0.keep(key, look, &both.1);
            Ok(both)
        })
    }

    fn reap(&self, due: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::boxed(async move {
            let reaped = self.store().reap(due, batch).await?;
            let ended = reaped.ended.iter().map(|ended| ended.record.key);
            let locked = reaped.locked.iter().map(|record| record.key);
            ended.chain(locked).for_each(|key| self.0.forget(key));
            Ok(reaped)
        })
    }
}

/// Drops a session's copy before and after this node changes the session:
/// before, since the caller may not wait for the answer; after, since a look-up
/// in between may have found the session unchanged.
struct Changing<'a> {
    copies: &'a Copies,
    key: SessionKey,
}

impl<'a> Changing<'a> {
    fn new(copies: &'a Copies, key: SessionKey) -> Self {
        copies.forget(key);
        Self { copies, key }
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.copies.forget(self.key);
    }
}

impl fmt::Debug for NearCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearCache")
            .field("store", &self.store())
            .field("copies", &self.len())
            .finish_non_exhaustive()
    }
}
