//! Copies of hot sessions, kept near: for a shared store that tells of
//! changes.
//!
//! | file | what |
//! |---|---|
//! | `copies` | which copies there are, and which may answer |
//! | `shard` | a bounded part of them, behind a lock of its own |

mod copies;
mod shard;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreFuture, TouchOutcome,
    Update, Updated, Watched,
};
use dwell_core::{Clock, EndedSession, SessionKey, SessionRecord, SystemClock, delegate_store};
use tokio::task::AbortHandle;

use self::copies::Copies;
use crate::follow::follow;
use crate::sync::lock;

/// How many sessions are kept near where nobody says.
const CAPACITY: usize = 100_000;

/// Answers look-ups of hot sessions from this node's memory: they cost no
/// round trip.
///
/// An end or an update on whatever node is seen on every node within 100 ms:
/// the store tells of it, and a copy answers only while the store makes sure,
/// every [`PULSE`](dwell_core::store::PULSE), that everything has been told.
/// When that breaks off no copy answers, and look-ups go to the store until
/// the watch is back and the session was looked up anew. Nothing is guessed,
/// and tombstones and unknown sessions are always asked of the store.
///
/// Other nodes' touches are not told of. A copy's last activity is older than
/// the one on record by at most its age, which is at most 5 s and a 60th of
/// the session's idle allowance: no more than the granularity of touches where
/// nobody sets a finer one. A copy that is wrong in that way is wrong on the
/// strict side, as if that touch had been lost (law L5). And it answers only
/// in the first half of the allowance on record: so near an idle deadline the
/// store itself is asked, and an end can be found early only where a stricter
/// policy or network cuts the allowance to less than half.
///
/// Its watch runs on the tokio runtime of the first look-up. Clones share the
/// copies; the watch ends with the last of them.
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
pub struct NearCache(Arc<Inner>);

struct Inner {
    store: Arc<dyn Watched>,
    copies: Arc<Copies>,
    watch: Mutex<Option<AbortHandle>>,
}

impl NearCache {
    /// Keeps copies of up to 100,000 sessions of `store` near, some 300 bytes
    /// each.
    #[must_use]
    pub fn new(store: impl Watched) -> Self {
        Self::with(Arc::new(store), Arc::new(SystemClock::new()), CAPACITY)
    }

    /// Keeps so many, from none on.
    #[must_use]
    pub fn with_capacity(self, capacity: usize) -> Self {
        let (store, clock) = (Arc::clone(&self.0.store), self.0.copies.clock());
        Self::with(store, clock, capacity)
    }

    /// By another clock than the machine's. Only time that passes is read from
    /// it: what the time is, the store says.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        let (store, capacity) = (Arc::clone(&self.0.store), self.0.copies.capacity());
        Self::with(store, Arc::new(clock), capacity)
    }

    fn with(store: Arc<dyn Watched>, clock: Arc<dyn Clock>, capacity: usize) -> Self {
        Self(Arc::new(Inner {
            store,
            copies: Arc::new(Copies::new(clock, capacity)),
            watch: Mutex::default(),
        }))
    }

    /// How many copies there are, those among them that may not answer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.copies.len()
    }

    /// Whether there is no copy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn store(&self) -> &dyn Watched {
        &*self.0.store
    }

    fn copies(&self) -> &Copies {
        &self.0.copies
    }

    /// Sets somebody to watch, unless somebody does.
    fn watch(&self) {
        if self.copies().is_told() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let mut watch = lock(&self.0.watch);
        if watch.as_ref().is_none_or(AbortHandle::is_finished) {
            let (store, copies) = (Arc::clone(&self.0.store), Arc::clone(&self.0.copies));
            *watch = Some(
                runtime
                    .spawn(follow(store, |store| Some(store), copies))
                    .abort_handle(),
            );
        }
    }
}

impl SessionStore for NearCache {
    delegate_store!(self => self.store(), only now, list, acknowledge);

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        if let Some(loaded) = self.copies().find(key) {
            return StoreFuture::ready(Ok(loaded));
        }
        self.load_uncopied(key)
    }

    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        StoreFuture::boxed(async move {
            self.watch();
            let look = self.copies().look(key);
            let loaded = self.store().load(key).await?;
            self.copies().keep(key, look, &loaded);
            Ok(loaded)
        })
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(async move {
            let created = self.store().create(record, quota, judge).await?;
            if let Created::Created { ended } = &created {
                let ended = ended.iter().map(|ended| ended.record.key);
                ended.for_each(|key| self.copies().forget(key));
            }
            Ok(created)
        })
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move {
            let touched = self.store().touch(key, touch).await;
            match &touched {
                Ok(TouchOutcome::Recorded) => self.copies().touch(key, touch),
                _ => self.copies().forget(key),
            }
            touched
        })
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        StoreFuture::boxed(async move {
            let _changing = Changing::new(self.copies(), key);
            self.store().update(key, version, update).await
        })
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(async move {
            let _changing = Changing::new(self.copies(), key);
            self.store().end(key, end).await
        })
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(async move {
            self.watch();
            let look = self.copies().look(key);
            let both = self.store().touch_and_load(key, touch).await?;
            self.copies().keep(key, look, &both.1);
            Ok(both)
        })
    }

    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::boxed(async move {
            let reaped = self.store().reap(judge, batch).await?;
            let ended = reaped.ended.iter().map(|ended| ended.record.key);
            let locked = reaped.locked.iter().map(|record| record.key);
            ended
                .chain(locked)
                .for_each(|key| self.copies().forget(key));
            Ok(reaped)
        })
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self.store())
    }
}

/// A session that this node changes: its copy goes before the store is asked,
/// so that it goes also where nobody waits for the answer, and after that,
/// since a look-up in between may have found it unchanged.
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

impl Drop for Inner {
    fn drop(&mut self) {
        let watch = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(watch) = watch.take() {
            watch.abort();
        }
    }
}

impl fmt::Debug for NearCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearCache")
            .field("store", &self.0.store)
            .field("copies", &self.len())
            .finish_non_exhaustive()
    }
}
