//! What readers see of a shard.

use crate::cell::Cell;
use crate::hash::{Hash, TABLES};
use crate::places::{self, Chunks};
use crate::slot::Slot;
use crate::table::{self, Buckets};
use dwell_core::SessionKey;
use dwell_core::store::Lookup;

/// Where a session is, for as long as it is in memory.
///
/// Somebody who looks up a session has a view and no lock. Meanwhile sessions
/// come and go: into the same buckets and cells, and by another view when
/// there are new ones. So a view may name a cell
///
/// - that is vacant or has another session by now: the key tells;
/// - that is in a chunk which this view does not have yet: what is in there
///   came after the view was taken.
///
/// Either way the session that is looked for was not there at some instant
/// since, which is what the answer says. One that is there all the while is
/// found, for it moves neither in its buckets nor to another cell, and a cell
/// that is in use stands in every view.
pub(crate) struct View {
    tables: [Buckets; TABLES],
    chunks: Chunks<Cell>,
}

impl View {
    pub(crate) const fn new(tables: [Buckets; TABLES], chunks: Chunks<Cell>) -> Self {
        Self { tables, chunks }
    }

    /// The session or tombstone under `key`.
    pub(crate) fn lookup(&self, hash: Hash, key: SessionKey) -> Lookup {
        for cell in self.cells(hash) {
            if let Some(slot) = cell.lock_for(key.into())
                && let Some(slot) = &*slot
            {
                return slot.lookup(key);
            }
        }
        Lookup::Missing
    }

    /// What `change` makes of the session or tombstone under `key`, if there
    /// is one.
    pub(crate) fn with<R>(
        &self,
        hash: Hash,
        key: SessionKey,
        change: impl FnOnce(&mut Slot) -> R,
    ) -> Option<R> {
        for cell in self.cells(hash) {
            if let Some(mut slot) = cell.lock_for(key.into())
                && let Some(slot) = &mut *slot
            {
                return Some(change(slot));
            }
        }
        None
    }

    /// The cell at this place.
    pub(crate) fn at(&self, place: u32) -> Option<&Cell> {
        places::cell(&self.chunks, place)
    }

    fn cells(&self, hash: Hash) -> impl Iterator<Item = &Cell> {
        let buckets = &self.tables[hash.table()];
        table::numbers(buckets, hash.tag()).filter_map(|place| self.at(place))
    }
}

#[cfg(test)]
impl View {
    /// How many buckets and cells it keeps in memory.
    pub(crate) fn size(&self) -> (usize, usize) {
        let cells = self.chunks.iter().flatten().map(|chunk| chunk.len());
        let buckets = self.tables.iter().map(|buckets| buckets.len());
        (buckets.sum(), cells.sum())
    }
}
