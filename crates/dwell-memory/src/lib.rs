//! Sessions in this process's memory: for one node, in production.
//!
//! Look-ups, touches and updates take no lock that sessions share: a shard's
//! readers get at the session by a view, which is replaced as a whole when a
//! table or a chunk of cells comes or goes, and then take the lock of its
//! cell. What changes the structure of a shard (sessions that come, end, or
//! leave memory, and the schedule) takes the shard's lock. Locks are taken in
//! this order: a subject's, a shard's, a cell's; nobody has two of a kind.
//!
//! A touch changes one cell and nothing else: deadlines stand in a schedule by
//! the second in which they were first due, and a session that turns out to
//! have moved on is scheduled again only when that second comes. Ended
//! sessions leave a tombstone, and tombstones leave memory by the same
//! schedule, without a scan. Nothing large is copied or freed under a lock.
//!
//! | file | what |
//! |---|---|
//! | `hash` | which bits of a hash say where |
//! | `table` | from hash to place, read without a lock |
//! | `places` | which cells there are, and which are in use |
//! | `cell` | a session's key, and its lock |
//! | `slot` | a session in 104 bytes |
//! | `view` | what readers see |
//! | `structure` | what changes under a shard's lock |
//! | `schedule` | what is due when |
//! | `shard` | all shards, and the operations on one session |
//! | `subjects` | the index by subject |

mod cell;
mod hash;
#[cfg(all(test, shuttle))]
mod model_tests;
mod places;
mod schedule;
mod shard;
mod slot;
mod structure;
mod subjects;
mod sync;
mod table;
#[cfg(test)]
mod tests;
mod view;

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::hash::Hasher;
use crate::shard::{Reference, Shards};
use crate::slot::Slot;
use crate::structure::Pass;
use crate::subjects::Subjects;
use dwell_core::engine::{Touch, Verdict};
use dwell_core::store::{
    BoxedAnswer, ChangeFeed, Created, DuePolicy, End, Loaded, Lookup, Quota, Reaped, SessionStore,
    StoreFuture, TouchOutcome, Update, Updated, Watched, Watcher,
};
use dwell_core::{
    Clock, EndReason, EndedSession, OnLimit, SessionKey, SessionRecord, SubjectId, SystemClock,
    Timestamp, hours,
};

/// Entries that are looked at under one lock: a login that meets the reaper
/// waits for a few microseconds and not for a whole batch.
const PIECE: usize = 16;

/// Sessions in memory. Clones share them.
///
/// ```
/// use dwell_core::ManualClock;
/// use dwell_memory::MemoryStore;
///
/// let clock = ManualClock::new();
/// let store = MemoryStore::with_clock(clock.clone());
/// assert_eq!(store.len(), 0);
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    clock: Box<dyn Clock>,
    tombstones: Duration,
    shards: Shards,
    subjects: Subjects,
    /// Where the next reaping pass begins, so that no shard waits for ever.
    cursor: AtomicUsize,
    changes: ChangeFeed,
}

impl MemoryStore {
    /// An empty store on the system's clock. Tombstones stay for a day.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock::new())
    }

    /// An empty store on this clock.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self::with_clock_and_tombstones(clock, hours(24))
    }

    /// An empty store on this clock whose tombstones stay for `tombstones`.
    ///
    /// The tombstone of a session that another middleware owns stays at least
    /// until that session's absolute deadline.
    #[must_use]
    pub fn with_clock_and_tombstones(clock: impl Clock, tombstones: Duration) -> Self {
        let hasher = Hasher::default();
        Self(Arc::new(Inner {
            clock: Box::new(clock),
            tombstones,
            shards: Shards::new(&hasher),
            subjects: Subjects::new(&hasher),
            cursor: AtomicUsize::new(0),
            changes: ChangeFeed::new(),
        }))
    }

    /// How many sessions and tombstones are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.len()
    }

    /// Whether nothing is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn end_now(&self, key: SessionKey, end: End, now: Timestamp) -> Option<EndedSession> {
        let (reference, ended) = self.0.end_in_shard(key, end, now)?;
        self.0.subjects.remove(&ended.record.subject, reference);
        self.0.changes.tell(key);
        Some(ended)
    }

    fn create_now(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: &DuePolicy,
    ) -> Created {
        let now = self.0.clock.now();
        let shards = &self.0.shards;
        // Held over the whole creation, so that two logins count each other.
        let mut subject = self.0.subjects.lock(&record.subject);
        let mut ended = Vec::new();
        if let Some(Quota { limit, replaces }) = quota {
            // Before anybody has to make room for it.
            if !matches!(shards.lookup(record.key), Lookup::Missing) {
                return Created::Exists;
            }
            let mut live = Vec::new();
            for reference in subject.references() {
                let found = shards.live_at(reference, |key, slot| {
                    let own = slot.subject == record.subject && Some(key) != replaces;
                    own.then(|| (slot.facts(), key))
                });
                if let Some((facts, key)) = found.flatten()
                    && !matches!(judge.verdict(&facts, now), Verdict::Ended(_))
                {
                    live.push((facts.last_active_at, key));
                }
            }
            if live.len() >= limit.max as usize {
                match limit.on_limit {
                    OnLimit::RefuseNew => return Created::LimitReached,
                    OnLimit::EndOldest => {
                        // More than one when the limit has been lowered.
                        let leave = live.len() + 1 - limit.max as usize;
                        let end = EndReason::Superseded.into();
                        live.sort_unstable();
                        for (_, key) in live.into_iter().take(leave) {
                            if let Some((reference, one)) = self.0.end_in_shard(key, end, now) {
                                subject.remove(reference);
                                ended.push(one);
                            }
                        }
                    }
                }
            }
        }
        let hash = shards.hash(record.key);
        let due = judge.next_look(&record.facts, now);
        let place = shards
            .lock(hash.shard())
            .insert(hash, record, due, judge, now);
        let Some(place) = place else {
            return Created::Exists;
        };
        subject.add(Reference::new(hash.shard(), place));
        drop(subject);
        self.0.tell_ended(&ended);
        Created::Created { ended }
    }

    fn reap_now(&self, judge: &DuePolicy, batch: usize) -> Reaped {
        let now = self.0.clock.now();
        let mut pass = Pass::default();
        pass.reaped.now = now;
        let count = self.0.shards.count();
        let start = self.0.cursor.load(Ordering::Relaxed);
        let mut budget = batch.max(1);
        'shards: for step in 0..count {
            let shard = (start + step) % count;
            loop {
                if budget == 0 {
                    self.0.cursor.store(shard, Ordering::Relaxed);
                    pass.reaped.more = true;
                    break 'shards;
                }
                let piece = budget.min(PIECE);
                // Not while logins wait for the shard.
                pass.reserve(piece);
                let mut left = piece;
                let mut locked = self.0.shards.lock(shard);
                locked.reschedule(judge, now, &mut left);
                locked.reap(judge, now, self.0.tombstones, &mut left, &mut pass);
                drop(locked);
                self.0.leave_index(shard, &mut pass);
                budget -= piece - left;
                if left > 0 {
                    break;
                }
            }
        }
        self.0.tell_ended(&pass.reaped.ended);
        for locked in &pass.reaped.locked {
            self.0.changes.tell(locked.key);
        }
        pass.reaped
    }
}

impl Inner {
    fn end_in_shard(
        &self,
        key: SessionKey,
        end: End,
        now: Timestamp,
    ) -> Option<(Reference, EndedSession)> {
        let hash = self.shards.hash(key);
        let mut locked = self.shards.lock(hash.shard());
        let (place, ended) = locked.end(hash, key, end, now, self.tombstones)?;
        Some((Reference::new(hash.shard(), place), ended))
    }

    fn tell_ended(&self, ended: &[EndedSession]) {
        for ended in ended {
            self.changes.tell(ended.record.key);
        }
    }

    /// Removes from the index by subject what a piece of reaping has ended.
    fn leave_index(&self, shard: usize, pass: &mut Pass) {
        let first = pass.reaped.ended.len() - pass.places.len();
        let ended = pass.reaped.ended[first..].iter();
        for (ended, place) in ended.zip(pass.places.drain(..)) {
            let reference = Reference::new(shard, place);
            self.subjects.remove(&ended.record.subject, reference);
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl SessionStore for MemoryStore {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        StoreFuture::ready(Ok(self.0.clock.now()))
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        let now = self.0.clock.now();
        let state = self.0.shards.lookup(key);
        StoreFuture::ready(Ok(Loaded { now, state }))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::ready(Ok(self.create_now(record, quota, &judge)))
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        let now = self.0.clock.now();
        let touched = self.0.shards.touch(key, touch, now);
        StoreFuture::ready(Ok(touched))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        let now = self.0.clock.now();
        let updated = self.0.shards.update(key, version, &update, now);
        if let Updated::Applied(_) = updated {
            self.0.changes.tell(key);
        }
        StoreFuture::ready(Ok(updated))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::ready(Ok(self.end_now(key, end, self.0.clock.now())))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        let references = self.0.subjects.lock(&subject).references();
        let find = |reference| {
            let own = |key, slot: &Slot| (slot.subject == subject).then(|| slot.record(key));
            self.0.shards.live_at(reference, own).flatten()
        };
        StoreFuture::ready(Ok(references.into_iter().filter_map(find).collect()))
    }

    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::ready(Ok(self.reap_now(&judge, batch)))
    }

    fn is_local(&self) -> bool {
        true
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
