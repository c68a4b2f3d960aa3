//! The index of sessions by subject.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use dwell_core::{SessionKey, SubjectId};
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
    shards: Box<[Mutex<BTreeSet<Entry>>]>,
    hasher: RandomState,
}

type Entry = (u32, SessionKey);

/// The right to read and change the sessions of one subject.
pub(crate) struct Subject<'a> {
    entries: MutexGuard<'a, BTreeSet<Entry>>,
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
        let first = (self.hash, SessionKey::from_bytes([u8::MIN; 16]));
        let last = (self.hash, SessionKey::from_bytes([u8::MAX; 16]));
        let entries = self.entries.range(first..=last);
        entries.map(|(_, key)| *key).collect()
    }

    pub(crate) fn add(&mut self, key: SessionKey) {
        self.entries.insert((self.hash, key));
    }

    pub(crate) fn remove(&mut self, key: SessionKey) {
        self.entries.remove(&(self.hash, key));
    }
}

#[cfg(test)]
impl Subjects {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
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
