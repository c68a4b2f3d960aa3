//! The index of sessions and of tombstones by subject.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use dwell_core::store::TOMBSTONES_PER_SUBJECT;
use dwell_core::{SessionKey, SubjectId, Timestamp};
use foldhash::fast::RandomState;

use crate::SHARDS;
use crate::sync::{Mutex, MutexGuard, lock};

/// The index, in shards that each have a lock.
///
/// An entry is half of the subject's hash, and a key: storing the subject too
/// would double what an entry takes. Two subjects may share a hash, and an
/// entry may briefly outlive its session. So the reader of an entry checks that
/// the session is live and belongs to the subject.
pub(crate) struct Subjects {
    shards: Box<[Mutex<Entries>]>,
    hasher: RandomState,
}

#[derive(Default)]
struct Entries {
    sessions: BTreeSet<(u32, SessionKey)>,
    /// Tombstones whose ends were reported, but for those of adopted sessions.
    /// The oldest of a subject comes first.
    tombstones: BTreeSet<(u32, Timestamp, SessionKey)>,
}

const FIRST_KEY: SessionKey = SessionKey::from_bytes([u8::MIN; 16]);
const LAST_KEY: SessionKey = SessionKey::from_bytes([u8::MAX; 16]);

/// The right to read and change the sessions of one subject.
pub(crate) struct Subject<'a> {
    entries: MutexGuard<'a, Entries>,
    hash: u32,
}

impl Subjects {
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher,
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "cut into two parts")]
    pub(crate) fn lock(&self, subject: &SubjectId) -> Subject<'_> {
        let hash = self.hasher.hash_one(subject);
        Subject {
            entries: lock(&self.shards[hash as usize % SHARDS]),
            hash: (hash >> 32) as u32,
        }
    }
}

impl Subject<'_> {
    /// The keys of the subject's sessions, and perhaps of others.
    pub(crate) fn keys(&self) -> Vec<SessionKey> {
        let of_subject = (self.hash, FIRST_KEY)..=(self.hash, LAST_KEY);
        let entries = self.entries.sessions.range(of_subject);
        entries.map(|(_, key)| *key).collect()
    }

    pub(crate) fn add(&mut self, key: SessionKey) {
        self.entries.sessions.insert((self.hash, key));
    }

    pub(crate) fn remove(&mut self, key: SessionKey) {
        self.entries.sessions.remove(&(self.hash, key));
    }

    /// Adds a tombstone. Returns the oldest one if there are too many now; it is
    /// not in the index any more.
    pub(crate) fn add_tombstone(&mut self, at: Timestamp, key: SessionKey) -> Option<SessionKey> {
        let tombstones = &mut self.entries.tombstones;
        tombstones.insert((self.hash, at, key));
        let of_subject =
            (self.hash, Timestamp::MIN, FIRST_KEY)..=(self.hash, Timestamp::MAX, LAST_KEY);
        let mut of_subject = tombstones.range(of_subject);
        let oldest = *of_subject.next()?;
        if of_subject.count() < TOMBSTONES_PER_SUBJECT {
            return None;
        }
        tombstones.remove(&oldest);
        Some(oldest.2)
    }

    pub(crate) fn remove_tombstone(&mut self, at: Timestamp, key: SessionKey) {
        self.entries.tombstones.remove(&(self.hash, at, key));
    }
}

#[cfg(test)]
impl Subjects {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        let entries = self.shards.iter().map(lock);
        entries
            .map(|entries| entries.sessions.len() + entries.tombstones.len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_its_own_keys() {
        let index = Subjects::new(RandomState::default());
        let (alice, bob) = (SubjectId::from("alice"), SubjectId::from("bob"));
        let key = |n| SessionKey::from_bytes([n; 16]);
        for n in [255, 0, 7, 7] {
            index.lock(&alice).add(key(n));
        }
        index.lock(&bob).add(key(8));
        assert_eq!(index.lock(&alice).keys(), [key(0), key(7), key(255)]);
        index.lock(&alice).remove(key(7));
        index.lock(&alice).remove(key(8));
        assert_eq!(index.lock(&alice).keys(), [key(0), key(255)]);
        assert_eq!(index.lock(&bob).keys(), [key(8)]);
    }
}
