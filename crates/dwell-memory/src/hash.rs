//! The hash under which something is found, and which bits of it say what.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use dwell_core::{SessionKey, SubjectId};

/// More shards than a machine has cores, so that two threads that start or
/// end sessions seldom meet.
pub(crate) const SHARDS: usize = if cfg!(shuttle) { 1 } else { 64 };

/// Tables of a shard. Each is made anew by itself, so that a login waits for an
/// eighth of it: about 60 µs, in a store of ten million sessions, and seldom.
pub(crate) const TABLES: usize = if cfg!(shuttle) { 1 } else { 8 };

/// A hash, computed once for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hash(u64);

/// Makes hashes that nobody outside can predict.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hasher(RandomState);

impl Hasher {
    pub(crate) fn of_key(&self, key: SessionKey) -> Hash {
        // As one number: a third of the instructions of a slice with a length.
        Hash(self.0.hash_one(u128::from_ne_bytes(*key.as_bytes())))
    }

    pub(crate) fn of_subject(&self, subject: &SubjectId) -> Hash {
        Hash(self.0.hash_one(subject))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a few bits are meant")]
impl Hash {
    pub(crate) const fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    pub(crate) const fn table(self) -> usize {
        (self.0 as usize >> 6) % TABLES
    }

    /// What a table finds it by: bits of which neither the shard nor the table
    /// was chosen.
    pub(crate) const fn tag(self) -> u32 {
        (self.0 >> 32) as u32
    }
}
