//! What changes the structure of a shard: sessions that come, end and go, and
//! the schedule. Whoever does this has the shard's lock.

use std::time::Duration;

use crate::cell::Cell;
use crate::hash::{Hash, Hasher, TABLES};
use crate::places::{Chunks, Places};
use crate::schedule::{Schedule, second_of};
use crate::slot::Slot;
use crate::table::{Change, Table, numbers};
use crate::view::View;
use dwell_core::store::{Due, DuePolicy, End, Reaped};
use dwell_core::{EndedSession, SessionKey, SessionRecord, Timestamp};

/// Sessions and tombstones of one shard.
#[derive(Debug)]
pub(crate) struct Structure {
    tables: [Table; TABLES],
    places: Places<Cell>,
    /// As readers have them: copied only when a chunk comes or goes, for they
    /// are many more than the tables.
    chunks: Chunks<Cell>,
    schedule: Schedule,
    hasher: Hasher,
    /// The policies that the schedule was made by.
    generation: u64,
    /// The policies that it is being made by, and the place to go on with.
    rescheduling: Option<(u64, u32)>,
    /// Whether readers need another view.
    changed: bool,
}

/// What a reaping pass did, with the places of what it ended and the index by
/// subject still names.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) reaped: Reaped,
    pub(crate) places: Vec<u32>,
}

impl Pass {
    /// Makes room for a piece of so many entries.
    pub(crate) fn reserve(&mut self, piece: usize) {
        self.reaped.ended.reserve(piece);
        self.reaped.locked.reserve(piece);
        self.places.reserve(piece);
    }
}

impl Structure {
    pub(crate) fn new(hasher: Hasher) -> Self {
        Self {
            tables: Default::default(),
            places: Places::new(),
            chunks: Chunks::default(),
            schedule: Schedule::default(),
            hasher,
            generation: 0,
            rescheduling: None,
            changed: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    pub(crate) fn view(&self) -> View {
        let tables = self.tables.each_ref().map(|table| table.buckets().clone());
        View::new(tables, self.chunks.clone())
    }

    /// Another view, if the one that was given last will not do any more.
    pub(crate) fn changed_view(&mut self) -> Option<View> {
        std::mem::take(&mut self.changed).then(|| self.view())
    }

    /// Keeps a session and tells its place; `None` when there is something
    /// under its key.
    pub(crate) fn insert(
        &mut self,
        hash: Hash,
        record: SessionRecord,
        due: Timestamp,
        judge: &DuePolicy,
        now: Timestamp,
    ) -> Option<u32> {
        if self.find(hash, record.key).is_some() {
            return None;
        }
        // By other policies than the schedule was or is being made by: to be
        // looked at by those.
        let current = self.generation == 0 || self.generation == judge.generation();
        let current = current && self.rescheduling.is_none();
        let second = second_of(if current { due } else { now });
        let (place, new_chunk) = self.places.take()?;
        if new_chunk {
            self.copy_chunks();
        }
        self.places.get(place)?.fill(record, second);
        // Only now, so that whoever finds the place finds the session there.
        let change = self.tables[hash.table()].insert(hash.tag(), place);
        self.changed |= change == Change::NewBuckets;
        self.schedule.add(second, place);
        Some(place)
    }

    /// Ends a session and tells its place; `None` when it has ended before.
    pub(crate) fn end(
        &mut self,
        hash: Hash,
        key: SessionKey,
        end: End,
        now: Timestamp,
        tombstones: Duration,
    ) -> Option<(u32, EndedSession)> {
        let place = self.find(hash, key)?;
        let (_, mut slot) = self.places.get(place)?.lock();
        let slot = slot.as_mut()?;
        if slot.is_ended() {
            slot.mark_replaced(end.replaced);
            return None;
        }
        let ended = end_slot(slot, key, end, now, tombstones)?;
        self.schedule.add(slot.due, place);
        Some((place, ended))
    }

    /// Takes what is due, at most `budget` entries.
    pub(crate) fn reap(
        &mut self,
        judge: &DuePolicy,
        now: Timestamp,
        tombstones: Duration,
        budget: &mut usize,
        pass: &mut Pass,
    ) {
        while *budget > 0 {
            let Some((second, place)) = self.schedule.pop(now) else {
                return;
            };
            *budget -= 1;
            self.look_at(place, second, judge, now, tombstones, pass);
        }
    }

    /// Goes through the sessions when other policies judge now, some at a
    /// time: a stricter policy may have made them due earlier than they stand
    /// in the schedule. What stands there already is out of date then, and
    /// skipped when its second comes.
    pub(crate) fn reschedule(&mut self, judge: &DuePolicy, now: Timestamp, budget: &mut usize) {
        let generation = judge.generation();
        if self.generation == generation {
            return;
        }
        let mut next = match self.rescheduling {
            Some((by, next)) if by == generation => next,
            _ => 0,
        };
        while let Some(place) = self.places.next_used(next) {
            if *budget == 0 {
                self.rescheduling = Some((generation, place));
                return;
            }
            *budget -= 1;
            next = place.saturating_add(1);
            let Some((_, mut slot)) = self.places.get(place).map(Cell::lock) else {
                continue;
            };
            let Some(slot) = slot.as_mut().filter(|slot| !slot.is_ended()) else {
                continue;
            };
            let facts = slot.facts();
            let due = second_of(judge.next_look(&facts, now));
            if due != slot.due {
                slot.due = due;
                self.schedule.add(due, place);
            }
        }
        self.rescheduling = None;
        self.generation = generation;
    }

    fn look_at(
        &mut self,
        place: u32,
        second: u32,
        judge: &DuePolicy,
        now: Timestamp,
        tombstones: Duration,
        pass: &mut Pass,
    ) {
        let Some((key, mut content)) = self.places.get(place).map(Cell::lock) else {
            return;
        };
        let Some(slot) = content.as_mut().filter(|slot| slot.due == second) else {
            return;
        };
        if slot.is_ended() {
            *content = None;
            drop(content);
            self.forget(place, key);
            return;
        }
        match judge.due(&slot.facts(), now) {
            Due::End(reason) => {
                if let Some(ended) = end_slot(slot, key, reason.into(), now, tombstones) {
                    pass.reaped.ended.push(ended);
                    pass.places.push(place);
                }
            }
            Due::Lock(update) => {
                let mut record = slot.record(key);
                record.update(&update, now);
                slot.replace(record.clone());
                slot.due = second_of(judge.next_look(&record.facts, now));
                pass.reaped.locked.push(record);
            }
            Due::Later(at) => slot.due = second_of(at),
        }
        self.schedule.add(slot.due, place);
    }

    fn forget(&mut self, place: u32, key: SessionKey) {
        let hash = self.hasher.of_key(key);
        let change = self.tables[hash.table()].remove(hash.tag(), place);
        self.changed |= change == Change::NewBuckets;
        if self.places.free(place) {
            self.copy_chunks();
        }
    }

    fn copy_chunks(&mut self) {
        self.chunks = self.places.chunks();
        self.changed = true;
    }

    fn find(&self, hash: Hash, key: SessionKey) -> Option<u32> {
        let is_there = |place: &u32| {
            let slot = self.places.get(*place).and_then(|c| c.lock_for(key.into()));
            slot.is_some_and(|slot| slot.is_some())
        };
        let buckets = self.tables[hash.table()].buckets();
        numbers(buckets, hash.tag()).find(is_there)
    }
}

/// Makes a tombstone of a session.
fn end_slot(
    slot: &mut Slot,
    key: SessionKey,
    end: End,
    now: Timestamp,
    tombstones: Duration,
) -> Option<EndedSession> {
    slot.end(end, now);
    slot.due = second_of(slot.forget_at(tombstones));
    slot.tombstone(key)
}
