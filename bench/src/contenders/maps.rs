//! Concurrent maps, of which the fastest is the floor's.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::AtomicU64;

/// SHA-256 of a token.
pub type Key = [u8; 32];

/// A map from hashed tokens to the last activity, in milliseconds.
pub trait Map: Default + Send + Sync + 'static {
    /// Keeps a session.
    fn insert(&self, key: Key, last: u64);

    /// Looks at a session.
    fn read<R>(&self, key: &Key, look: impl FnOnce(&AtomicU64) -> R) -> Option<R>;
}

/// Keys are hashes already: their first bytes will do.
#[derive(Default)]
pub struct Hashed(u64);

type BuildHashed = BuildHasherDefault<Hashed>;

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// dashmap: sharded, with a lock each.
#[derive(Default)]
pub struct DashMap(dashmap::DashMap<Key, AtomicU64, BuildHashed>);

impl Map for DashMap {
    fn insert(&self, key: Key, last: u64) {
        self.0.insert(key, AtomicU64::new(last));
    }

    fn read<R>(&self, key: &Key, look: impl FnOnce(&AtomicU64) -> R) -> Option<R> {
        self.0.get(key).map(|last| look(&last))
    }
}

/// papaya: readers take no lock.
#[derive(Default)]
pub struct Papaya(papaya::HashMap<Key, AtomicU64, BuildHashed>);

impl Map for Papaya {
    fn insert(&self, key: Key, last: u64) {
        self.0.pin().insert(key, AtomicU64::new(last));
    }

    fn read<R>(&self, key: &Key, look: impl FnOnce(&AtomicU64) -> R) -> Option<R> {
        self.0.pin().get(key).map(look)
    }
}

/// scc: a lock for every bucket.
#[derive(Default)]
pub struct Scc(scc::HashMap<Key, AtomicU64, BuildHashed>);

impl Map for Scc {
    fn insert(&self, key: Key, last: u64) {
        let kept = self.0.insert_sync(key, AtomicU64::new(last));
        debug_assert!(kept.is_ok(), "hashes of random tokens are unique");
    }

    fn read<R>(&self, key: &Key, look: impl FnOnce(&AtomicU64) -> R) -> Option<R> {
        self.0.read_sync(key, |_, last| look(last))
    }
}
