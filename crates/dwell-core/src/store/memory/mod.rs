//! Sessions in this process's memory: for one node, in production.
//!
//! Every operation takes one short lock of one of many shards. A touch
//! changes one slot and nothing else: deadlines stand in a schedule by the
//! second in which they were first due, and a session that turns out to have
//! moved on is scheduled again only when that second comes. Ended sessions
//! leave a tombstone, and tombstones leave memory by the same schedule,
//! without a scan.

#[cfg(all(test, shuttle))]
mod model_tests;
mod schedule;
mod shard;
mod slab;
mod slot;
mod subjects;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;

use self::shard::{Shards, next_look};
use self::subjects::Subjects;
use super::{
    Created, End, Judge, Loaded, Lookup, Quota, Reaped, SessionStore, StoreFuture, Touched, Update,
    Updated,
};
use crate::clock::{Clock, SystemClock};
use crate::engine::Activation;
use crate::policy::OnLimit;
use crate::reason::EndReason;
use crate::record::{EndedSession, SessionRecord};
use crate::subject::SubjectId;
use crate::time::{Timestamp, hours};
use crate::token::SessionKey;
use crate::verdict::Verdict;

/// Entries that are looked at under one lock: a request that meets the reaper
/// waits for a few microseconds and not for a whole batch.
const PIECE: usize = 16;

/// Sessions in memory. Clones share them.
///
/// ```
/// use dwell_core::{ManualClock, MemoryStore};
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
        let hasher = DefaultHashBuilder::default();
        Self(Arc::new(Inner {
            clock: Box::new(clock),
            tombstones,
            shards: Shards::new(&hasher),
            subjects: Subjects::new(&hasher),
            cursor: AtomicUsize::new(0),
        }))
    }

    /// How many sessions and tombstones are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.shards.each().map(|shard| shard.len()).sum()
    }

    /// Whether nothing is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn end_now(&self, key: SessionKey, end: End, now: Timestamp) -> Option<EndedSession> {
        let ended = self.0.end_in_shard(key, end, now)?;
        self.0.subjects.remove(&ended.record.subject, key);
        Some(ended)
    }

    fn create_now(&self, record: SessionRecord, quota: Option<Quota>, judge: &Judge) -> Created {
        let now = self.0.clock.now();
        let subject = record.subject.clone();
        // Held over the whole creation, so that two logins count each other.
        let mut sessions = self.0.subjects.lock(&subject);
        // Before anybody has to make room for it.
        if !matches!(
            self.0.shards.lock(record.key).find(record.key),
            Lookup::Missing
        ) {
            return Created::Exists;
        }
        let mut ended = Vec::new();
        if let Some(Quota { limit, replaces }) = quota {
            let mut live = Vec::new();
            let keys = sessions.keys(&subject);
            for key in keys.iter().filter(|key| Some(**key) != replaces) {
                let record = self.0.shards.lock(*key).find(*key);
                if let Lookup::Found(record) = record
                    && record.subject == subject
                    && !matches!(judge.verdict(&record.facts, now), Verdict::Ended(_))
                {
                    live.push((record.facts.last_active_at, *key));
                }
            }
            if live.len() >= limit.max as usize {
                match limit.on_limit {
                    OnLimit::RefuseNew => return Created::LimitReached,
                    OnLimit::EndOldest => {
                        live.sort_unstable();
                        // More than one when the limit has been lowered.
                        let leave = live.len() + 1 - limit.max as usize;
                        let end = EndReason::Superseded.into();
                        let leave = live.iter().take(leave);
                        ended.extend(
                            leave.filter_map(|(_, key)| self.0.end_in_shard(*key, end, now)),
                        );
                        for ended in &ended {
                            sessions.remove(&subject, ended.record.key);
                        }
                    }
                }
            }
        }
        let key = record.key;
        let facts = &record.facts;
        let due = next_look(facts, judge.verdict(facts, now), now);
        if !self.0.shards.lock(key).insert(record, due, judge, now) {
            return Created::Exists;
        }
        sessions.add(&subject, key);
        Created::Created { ended }
    }

    fn reap_now(&self, judge: &Judge, batch: usize) -> Reaped {
        let now = self.0.clock.now();
        let mut reaped = Reaped {
            now,
            ..Reaped::default()
        };
        let count = self.0.shards.count();
        let start = self.0.cursor.load(Ordering::Relaxed);
        let mut budget = batch.max(1);
        'shards: for step in 0..count {
            loop {
                if budget == 0 {
                    self.0
                        .cursor
                        .store((start + step) % count, Ordering::Relaxed);
                    reaped.more = true;
                    break 'shards;
                }
                let piece = budget.min(PIECE);
                // Not while requests wait for the shard.
                reaped.ended.reserve(piece);
                let mut left = piece;
                let mut shard = self.0.shards.at(start + step);
                shard.reschedule(judge, now, &mut left);
                shard.reap(judge, now, self.0.tombstones, &mut left, &mut reaped);
                drop(shard);
                budget -= piece - left;
                if left > 0 {
                    break;
                }
            }
        }
        for ended in &reaped.ended {
            let record = &ended.record;
            self.0.subjects.remove(&record.subject, record.key);
        }
        reaped
    }
}

impl Inner {
    fn end_in_shard(&self, key: SessionKey, end: End, now: Timestamp) -> Option<EndedSession> {
        self.shards.lock(key).end(key, end, now, self.tombstones)
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
        let state = self.0.shards.lock(key).find(key);
        StoreFuture::ready(Ok(Loaded { now, state }))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: Judge,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::ready(Ok(self.create_now(record, quota, &judge)))
    }

    fn touch(&self, key: SessionKey, activation: Activation) -> StoreFuture<'_, Touched> {
        let now = self.0.clock.now();
        let touched = self.0.shards.lock(key).touch(key, activation, now);
        StoreFuture::ready(Ok(touched))
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        let now = self.0.clock.now();
        let updated = self.0.shards.lock(key).update(key, version, &update, now);
        StoreFuture::ready(Ok(updated))
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::ready(Ok(self.end_now(key, end, self.0.clock.now())))
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        let keys = self.0.subjects.lock(&subject).keys(&subject);
        let find = |key| match self.0.shards.lock(key).find(key) {
            Lookup::Found(record) if record.subject == subject => Some(record),
            Lookup::Found(_) | Lookup::Ended(_) | Lookup::Missing => None,
        };
        StoreFuture::ready(Ok(keys.into_iter().filter_map(find).collect()))
    }

    fn reap(&self, judge: Judge, batch: usize) -> StoreFuture<'_, Reaped> {
        StoreFuture::ready(Ok(self.reap_now(&judge, batch)))
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// The hash under which `value` is found in a shard.
fn hash_of<T: std::hash::Hash + ?Sized>(hasher: &DefaultHashBuilder, value: &T) -> u64 {
    hasher.hash_one(value)
}
