//! A place for a session or a tombstone, under a lock of its own.

use std::sync::atomic::Ordering;

use crate::slot::Slot;
use crate::sync::{AtomicU64, Mutex, MutexGuard};
use dwell_core::{SessionKey, SessionRecord};

/// Two cache lines. The key is compared before the lock is taken, and its
/// halves stand in one line each: so both are fetched at once. A lock waits
/// for its own line before anything after it is read: with ten million
/// sessions that is another 80 ns.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Cell {
    first: AtomicU64,
    slot: Mutex<Option<Slot>>,
    second: AtomicU64,
}

/// A key as cells compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halves(u64, u64);

impl From<SessionKey> for Halves {
    fn from(key: SessionKey) -> Self {
        let number = u128::from_le_bytes(*key.as_bytes());
        #[allow(clippy::cast_possible_truncation, reason = "cut into its halves")]
        Self(number as u64, (number >> 64) as u64)
    }
}

impl From<Halves> for SessionKey {
    fn from(Halves(first, second): Halves) -> Self {
        let number = u128::from(second) << 64 | u128::from(first);
        Self::from_bytes(number.to_le_bytes())
    }
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            first: AtomicU64::new(0),
            slot: Mutex::new(None),
            second: AtomicU64::new(0),
        }
    }
}

impl Cell {
    /// The content, if this is the cell of that key.
    #[inline]
    pub(crate) fn lock_for(&self, key: Halves) -> Option<MutexGuard<'_, Option<Slot>>> {
        if !self.is_of(key) {
            return None;
        }
        let slot = crate::sync::lock(&self.slot);
        // Somebody else may have moved in meanwhile.
        self.is_of(key).then_some(slot)
    }

    /// The content, and the key that it has while the lock is held.
    pub(crate) fn lock(&self) -> (SessionKey, MutexGuard<'_, Option<Slot>>) {
        let slot = crate::sync::lock(&self.slot);
        (self.key().into(), slot)
    }

    pub(crate) fn fill(&self, record: SessionRecord, due: u32) {
        let Halves(first, second) = record.key.into();
        let mut slot = crate::sync::lock(&self.slot);
        self.first.store(first, Ordering::Relaxed);
        self.second.store(second, Ordering::Relaxed);
        *slot = Some(Slot::new(record, due));
    }

    /// Only what is read under the lock is certain.
    fn key(&self) -> Halves {
        let first = self.first.load(Ordering::Relaxed);
        Halves(first, self.second.load(Ordering::Relaxed))
    }

    fn is_of(&self, key: Halves) -> bool {
        let found = self.key();
        // Without a branch between the two, for it would wait for the first.
        (found.0 ^ key.0) | (found.1 ^ key.1) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(shuttle))]
    fn a_cell_takes_two_cache_lines() {
        assert_eq!((size_of::<Cell>(), align_of::<Cell>()), (128, 64));
    }

    #[test]
    fn a_key_comes_back() {
        let key = SessionKey::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(SessionKey::from(Halves::from(key)), key);
    }
}
