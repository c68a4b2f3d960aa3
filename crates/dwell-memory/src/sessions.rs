//! The map from key to session, and what changes one session alone.

use dwell_core::engine::Touch;
use dwell_core::store::{Lookup, TouchOutcome, Update, Updated};
use dwell_core::{SessionKey, Timestamp};
use foldhash::fast::RandomState;
use papaya::{HashMap, HashMapRef, LocalGuard};

use crate::slot::Slot;
use crate::sync::{Mutex, lock};

/// All sessions and tombstones, each behind its own lock. Reading the map takes
/// no lock.
///
/// A thread may hold a slot that another thread is removing from the map. Only
/// tombstones are removed, so the slot still says that the session has ended.
pub(crate) struct Sessions(HashMap<SessionKey, Mutex<Slot>, RandomState>);

/// The map, for a few operations in a row.
pub(crate) type Pinned<'a> = HashMapRef<'a, SessionKey, Mutex<Slot>, RandomState, LocalGuard<'a>>;

impl Sessions {
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self(HashMap::with_hasher(hasher))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn pin(&self) -> Pinned<'_> {
        self.0.pin()
    }

    pub(crate) fn lookup(&self, key: SessionKey) -> Lookup {
        match self.pin().get(&key) {
            Some(slot) => lock(slot).lookup(key),
            None => Lookup::Missing,
        }
    }

    pub(crate) fn touch(&self, key: SessionKey, touch: Touch, now: Timestamp) -> TouchOutcome {
        self.if_live(key, |slot| {
            let mut facts = slot.facts();
            let outcome = facts.touch(touch, now);
            if outcome == TouchOutcome::Recorded {
                slot.record_activity(&facts);
            }
            outcome
        })
        .unwrap_or(TouchOutcome::Gone)
    }

    pub(crate) fn update(
        &self,
        key: SessionKey,
        version: u32,
        update: &Update,
        now: Timestamp,
    ) -> Updated {
        self.if_live(key, |slot| {
            let mut record = slot.record(key);
            if record.facts.version != version {
                return Updated::Conflict;
            }
            if !record.update(update, now) {
                return Updated::Gone;
            }
            slot.replace(record.clone());
            Updated::Applied(record)
        })
        .unwrap_or(Updated::Gone)
    }

    pub(crate) fn count_failure(&self, key: SessionKey, now: Timestamp) -> Option<u8> {
        self.if_live(key, |slot| slot.count_failure(now)).flatten()
    }

    /// Calls `f` with the session under its lock. Returns `None` for a
    /// tombstone and for an unknown key.
    pub(crate) fn if_live<R>(&self, key: SessionKey, f: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        let sessions = self.pin();
        let mut slot = lock(sessions.get(&key)?);
        (!slot.is_ended()).then(|| f(&mut slot))
    }
}
