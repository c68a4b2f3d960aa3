//! Sessions of Dwell in this process's memory: for one node, in production.
//!
//! | file | contents |
//! |---|---|
//! | `store` | the store trait, over the parts below |
//! | `sessions` | the map from key to session; look-ups, touches and updates |
//! | `slot` | a session in 104 bytes |
//! | `shard` | sessions that start, end and leave memory |
//! | `schedule` | which session must be looked at when |
//! | `subjects` | the index of sessions by subject |
//!
//! The map is `papaya`'s, whose readers take no lock. Each session in it has
//! its own lock, so look-ups, touches and updates of different sessions never
//! wait for each other. Logins, ends and reaping also lock one of 64 shards of
//! the schedule, and of the index by subject. Locks are taken in this order:
//! subject, shard, session. No thread holds two locks of a kind.
//!
//! A touch changes one slot and nothing else. The schedule names a session by
//! the second in which it was first due; one that was touched since is
//! scheduled again only when that second comes. An ended session leaves a
//! tombstone, which leaves memory by the same schedule, without a scan.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

#[cfg(all(test, shuttle))]
mod model_tests;
mod schedule;
mod sessions;
mod shard;
mod slot;
mod store;
mod subjects;
mod sync;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dwell_core::engine::Verdict;
use dwell_core::store::{ChangeFeed, Created, DuePolicy, End, Lookup, Quota, Reaped};
use dwell_core::{
    Clock, EndReason, EndedSession, OnLimit, SessionKey, SessionRecord, SubjectId, SystemClock,
    Timestamp, hours,
};
use foldhash::fast::RandomState;

use crate::sessions::Sessions;
use crate::shard::{Pass, Shard};
use crate::subjects::{Subject, Subjects};
use crate::sync::{Mutex, MutexGuard, lock};

/// Compiles the README's program.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

/// More shards than a machine has cores, so that two threads that start or
/// end sessions seldom meet.
const SHARDS: usize = if cfg!(shuttle) { 1 } else { 64 };

/// Entries that are looked at under one lock, so that a login never waits for a
/// whole batch of the reaper.
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
    /// Since when the store knows of every end.
    began: Timestamp,
    tombstones: Duration,
    hasher: RandomState,
    sessions: Sessions,
    shards: Box<[Mutex<Shard>]>,
    subjects: Subjects,
    /// The shard that the next reaping pass begins with, so that a pass that
    /// reaches its limit leaves none waiting forever.
    cursor: AtomicUsize,
    changes: ChangeFeed,
}

impl MemoryStore {
    /// Creates an empty store on the system's clock. Tombstones are kept for
    /// one day.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock::new())
    }

    /// Creates an empty store on this clock. Tombstones are kept for one day.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self::with_clock_and_tombstones(clock, hours(24))
    }

    /// Creates an empty store on this clock whose tombstones are kept for
    /// `tombstones`.
    ///
    /// The tombstone of a session that another middleware owns is kept at
    /// least until the session's absolute deadline.
    #[must_use]
    pub fn with_clock_and_tombstones(clock: impl Clock, tombstones: Duration) -> Self {
        let hasher = RandomState::default();
        Self(Arc::new(Inner {
            began: clock.now(),
            clock: Box::new(clock),
            tombstones,
            hasher: hasher.clone(),
            sessions: Sessions::new(hasher.clone()),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            subjects: Subjects::new(hasher),
            cursor: AtomicUsize::new(0),
            changes: ChangeFeed::new(),
        }))
    }

    /// Returns how many sessions and tombstones are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.sessions.len()
    }

    /// Returns whether there are no sessions and no tombstones in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn shard(&self, key: SessionKey) -> MutexGuard<'_, Shard> {
        #[allow(clippy::cast_possible_truncation, reason = "a few bits are enough")]
        let hash = self.hasher.hash_one(key) as usize;
        lock(&self.shards[hash % SHARDS])
    }

    fn create(&self, record: SessionRecord, quota: Option<Quota>, due: &DuePolicy) -> Created {
        let now = self.clock.now();
        // Held until the session is there, so that two logins count each other.
        let mut subject = self.subjects.lock(&record.subject);
        let mut ended = Vec::new();
        if let Some(quota) = quota {
            // Before another session has to make room for it.
            if !matches!(self.sessions.lookup(record.key), Lookup::Missing) {
                return Created::Exists;
            }
            let live = self.live_of(&subject, &record.subject, quota.replaces, due, now);
            let limit = quota.limit.max as usize;
            if live.len() >= limit {
                match quota.limit.on_limit {
                    OnLimit::RefuseNew => return Created::LimitReached,
                    // More than one after the limit was lowered.
                    OnLimit::EndOldest => {
                        let surplus = live.len() + 1 - limit;
                        for key in live.into_iter().take(surplus) {
                            let end = EndReason::Superseded.into();
                            if let Some(one) = self.end_in_shard(key, end, now) {
                                subject.remove(key);
                                ended.push(one);
                            }
                        }
                    }
                }
            }
        }
        let key = record.key;
        if !self.shard(key).insert(&self.sessions, record, due, now) {
            return Created::Exists;
        }
        subject.add(key);
        drop(subject);
        self.tell_ended(&ended);
        Created::Created { ended }
    }

    /// The subject's live sessions but `replaced`, the least active first.
    fn live_of(
        &self,
        subject: &Subject<'_>,
        name: &SubjectId,
        replaced: Option<SessionKey>,
        due: &DuePolicy,
        now: Timestamp,
    ) -> Vec<SessionKey> {
        let mut live = Vec::new();
        for key in subject.keys() {
            let facts = self
                .sessions
                .if_live(key, |slot| (slot.subject == *name).then(|| slot.facts()));
            if let Some(facts) = facts.flatten()
                && Some(key) != replaced
                && !matches!(due.verdict(&facts, now), Verdict::Ended(_))
            {
                live.push((facts.last_active_at, key));
            }
        }
        live.sort_unstable();
        live.into_iter().map(|(_, key)| key).collect()
    }

    fn end(&self, key: SessionKey, end: End) -> Option<EndedSession> {
        let ended = self.end_in_shard(key, end, self.clock.now())?;
        self.leave_index(&ended);
        self.changes.tell(key);
        Some(ended)
    }

    fn end_in_shard(&self, key: SessionKey, end: End, now: Timestamp) -> Option<EndedSession> {
        let mut shard = self.shard(key);
        shard.end(&self.sessions, key, end, now, self.tombstones)
    }

    /// Removes a session that has ended from the index by subject, unless a
    /// new one of the same subject has its key by now: an adopted session's
    /// key comes again, and its tombstone may have left memory already.
    fn leave_index(&self, ended: &EndedSession) {
        let SessionRecord { key, subject, .. } = &ended.record;
        let mut entries = self.subjects.lock(subject);
        let is_back = self.sessions.if_live(*key, |slot| slot.subject == *subject);
        if is_back != Some(true) {
            entries.remove(*key);
        }
    }

    /// Adds a tombstone to the index by subject, and removes the subject's oldest
    /// one if it has too many.
    fn index_tombstone(&self, key: SessionKey) {
        let spare = || {
            let sessions = self.sessions.pin();
            lock(sessions.get(&key)?).spare_tombstone()
        };
        let Some((_, subject)) = spare() else { return };
        let mut subject = self.subjects.lock(&subject);
        // Again under the lock: the reaper may have removed it.
        let Some((ended_at, _)) = spare() else { return };
        let surplus = subject.add_tombstone(ended_at, key);
        drop(subject);
        if let Some(surplus) = surplus {
            self.shard(surplus).forget(&self.sessions, surplus);
        }
    }

    fn list(&self, subject: &SubjectId) -> Vec<SessionRecord> {
        let keys = self.subjects.lock(subject).keys();
        let find = |key| {
            let own = |slot: &mut slot::Slot| (slot.subject == *subject).then(|| slot.record(key));
            self.sessions.if_live(key, own).flatten()
        };
        keys.into_iter().filter_map(find).collect()
    }

    fn reap(&self, due: &DuePolicy, batch: usize) -> Reaped {
        let pass = Pass {
            sessions: &self.sessions,
            due,
            now: self.clock.now(),
            tombstones: self.tombstones,
        };
        let mut reaped = Reaped {
            now: pass.now,
            ..Reaped::default()
        };
        let start = self.cursor.load(Ordering::Relaxed);
        let mut budget = batch.max(1);
        'shards: for step in 0..SHARDS {
            let shard = (start + step) % SHARDS;
            loop {
                if budget == 0 {
                    self.cursor.store(shard, Ordering::Relaxed);
                    reaped.more = true;
                    break 'shards;
                }
                let piece = budget.min(PIECE);
                let first = reaped.ended.len();
                let mut forgotten = Vec::new();
                let done =
                    lock(&self.shards[shard]).reap(&pass, piece, &mut reaped, &mut forgotten);
                for ended in &reaped.ended[first..] {
                    self.leave_index(ended);
                }
                for EndedSession {
                    record, ended_at, ..
                } in forgotten
                {
                    let mut subject = self.subjects.lock(&record.subject);
                    subject.remove_tombstone(ended_at, record.key);
                }
                budget -= done;
                if done < piece {
                    break;
                }
            }
        }
        self.tell_ended(&reaped.ended);
        for locked in &reaped.locked {
            self.changes.tell(locked.key);
        }
        reaped
    }

    fn tell_ended(&self, ended: &[EndedSession]) {
        for ended in ended {
            self.changes.tell(ended.record.key);
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
