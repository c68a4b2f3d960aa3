//! The parts of the store: each with a view for readers and a lock for those
//! who change its structure.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::hash::{Hash, Hasher, SHARDS};
use crate::slot::Slot;
use crate::structure::Structure;
use crate::sync::{Mutex, MutexGuard, Published};
use crate::view::View;
use dwell_core::engine::Touch;
use dwell_core::store::{Lookup, TouchOutcome, Update, Updated};
use dwell_core::{SessionKey, Timestamp};

/// All shards.
pub(crate) struct Shards {
    /// Beside one another and apart from the locks: what all requests read is
    /// written only when a table or a chunk comes or goes.
    views: Box<[Published<View>]>,
    structures: Box<[Mutex<Structure>]>,
    hasher: Hasher,
}

/// A session's shard, and its place there. It is out of date when the session
/// has left memory: then another one may be in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference(u32);

#[allow(clippy::cast_possible_truncation, reason = "`Places` keeps it small")]
impl Reference {
    pub(crate) const fn new(shard: usize, place: u32) -> Self {
        Self(place * SHARDS as u32 + shard as u32)
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }

    const fn shard(self) -> usize {
        self.0 as usize % SHARDS
    }

    const fn place(self) -> u32 {
        self.0 / SHARDS as u32
    }
}

impl Shards {
    pub(crate) fn new(hasher: &Hasher) -> Self {
        let structures: Box<[Structure]> = (0..SHARDS)
            .map(|_| Structure::new(hasher.clone()))
            .collect();
        Self {
            views: structures
                .iter()
                .map(|structure| Published::new(Arc::new(structure.view())))
                .collect(),
            structures: structures.into_iter().map(Mutex::new).collect(),
            hasher: hasher.clone(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.structures.len()
    }

    pub(crate) fn len(&self) -> usize {
        let structures = self.structures.iter();
        structures.map(|one| crate::sync::lock(one).len()).sum()
    }

    pub(crate) fn hash(&self, key: SessionKey) -> Hash {
        self.hasher.of_key(key)
    }

    pub(crate) fn lookup(&self, key: SessionKey) -> Lookup {
        let hash = self.hash(key);
        self.views[hash.shard()].load().lookup(hash, key)
    }

    pub(crate) fn touch(&self, key: SessionKey, touch: Touch, now: Timestamp) -> TouchOutcome {
        self.change_live(key, |slot| {
            let mut facts = slot.facts();
            let touched = facts.touch(touch, now);
            if touched == TouchOutcome::Recorded {
                slot.record_activity(&facts);
            }
            touched
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
        self.change_live(key, |slot| {
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

    /// What `look` makes of the session in this place, unless it is vacant or
    /// has a tombstone.
    pub(crate) fn live_at<R>(
        &self,
        reference: Reference,
        look: impl FnOnce(SessionKey, &Slot) -> R,
    ) -> Option<R> {
        let view = self.views[reference.shard()].load();
        let (key, slot) = view.at(reference.place())?.lock();
        let live = slot.as_ref().filter(|slot| !slot.is_ended());
        live.map(|slot| look(key, slot))
    }

    /// The lock of a shard, for changes to its structure.
    pub(crate) fn lock(&self, shard: usize) -> Locked<'_> {
        Locked {
            structure: crate::sync::lock(&self.structures[shard]),
            view: &self.views[shard],
            retired: None,
        }
    }

    fn change_live<R>(&self, key: SessionKey, change: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        let hash = self.hash(key);
        let view = self.views[hash.shard()].load();
        view.with(hash, key, |slot| (!slot.is_ended()).then(|| change(slot)))?
    }
}

/// The right to change the structure of a shard. Readers get another view
/// before it ends, where they need one.
pub(crate) struct Locked<'a> {
    structure: MutexGuard<'a, Structure>,
    view: &'a Published<View>,
    /// Dropped after the lock is let go, for it may free a chunk and a table.
    retired: Option<Arc<View>>,
}

impl Deref for Locked<'_> {
    type Target = Structure;

    fn deref(&self) -> &Structure {
        &self.structure
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Structure {
        &mut self.structure
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if let Some(view) = self.structure.changed_view() {
            self.retired = Some(self.view.replace(Arc::new(view)));
        }
    }
}

#[cfg(test)]
impl Shards {
    /// How many buckets and cells readers keep in memory.
    pub(crate) fn size(&self) -> (usize, usize) {
        let sizes = self.views.iter().map(|view| view.load().size());
        sizes.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}
