//! One of many parts of the store, each under a lock of its own.

use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::hash_of;
use super::schedule::{Schedule, second_of};
use super::slab::Slab;
use super::slot::Slot;
use crate::engine::Activation;
use crate::record::{EndedSession, Facts};
use crate::store::{End, Judge, Lookup, Reaped, Touched, Update, Updated};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;
use crate::token::SessionKey;
use crate::verdict::Verdict;

/// More shards than a machine has cores, so that two threads seldom meet.
const SHARDS: usize = if cfg!(shuttle) { 1 } else { 64 };

/// All shards.
pub(super) struct Shards {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
}

impl Shards {
    pub(super) fn new(hasher: &DefaultHashBuilder) -> Self {
        let shard = |_| Mutex::new(Shard::new(hasher.clone()));
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            hasher: hasher.clone(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn lock(&self, key: SessionKey) -> MutexGuard<'_, Shard> {
        // The table below uses the low bits and the top seven of this hash.
        #[allow(clippy::cast_possible_truncation, reason = "a few bits are meant")]
        let ix = (hash_of(&self.hasher, &key) >> 32) as usize;
        self.at(ix)
    }

    pub(super) fn at(&self, ix: usize) -> MutexGuard<'_, Shard> {
        crate::sync::lock(&self.shards[ix % self.shards.len()])
    }

    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(crate::sync::lock)
    }
}

/// Sessions and tombstones of one shard.
#[derive(Debug)]
pub(super) struct Shard {
    by_key: HashTable<u32>,
    slots: Slab<Slot>,
    schedule: Schedule,
    hasher: DefaultHashBuilder,
    /// The policies that the schedule was made by.
    generation: u64,
    /// The policies that it is being made by, and the slot to go on with.
    rescheduling: Option<(u64, u32)>,
}

impl Shard {
    fn new(hasher: DefaultHashBuilder) -> Self {
        Self {
            by_key: HashTable::new(),
            slots: Slab::new(),
            schedule: Schedule::default(),
            hasher,
            generation: 0,
            rescheduling: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn find(&self, key: SessionKey) -> Lookup {
        let slot = self.index(key).and_then(|ix| self.slots.get(ix));
        match slot {
            Some(slot) => slot.lookup(),
            None => Lookup::Missing,
        }
    }

    /// Keeps a session; `false` when there is something under its key.
    pub(super) fn insert(
        &mut self,
        record: crate::record::SessionRecord,
        due: Timestamp,
        judge: &Judge,
        now: Timestamp,
    ) -> bool {
        let key = record.key;
        if self.index(key).is_some() {
            return false;
        }
        // By other policies than the schedule was made by: to be looked at by
        // those.
        let current = self.generation == 0 || self.generation == judge.generation();
        let second = second_of(if current { due } else { now });
        let Ok(ix) = self.slots.insert(Slot::new(record, second)) else {
            return false;
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_key
            .insert_unique(hash_of(hasher, &key), ix, |ix| rehash(slots, hasher, *ix));
        self.schedule.add(second, ix);
        true
    }

    pub(super) fn touch(
        &mut self,
        key: SessionKey,
        activation: Activation,
        now: Timestamp,
    ) -> Touched {
        let Some(slot) = self.live(key) else {
            return Touched::Gone;
        };
        let mut facts = slot.facts();
        let touched = facts.touch(activation, now);
        if touched == Touched::Recorded {
            slot.record_activity(&facts);
        }
        touched
    }

    pub(super) fn update(
        &mut self,
        key: SessionKey,
        version: u32,
        update: &Update,
        now: Timestamp,
    ) -> Updated {
        let Some(slot) = self.live(key) else {
            return Updated::Gone;
        };
        let mut record = slot.record();
        if record.facts.version != version {
            return Updated::Conflict;
        }
        if !record.update(update, now) {
            return Updated::Gone;
        }
        slot.replace(record.clone());
        Updated::Applied(record)
    }

    pub(super) fn end(
        &mut self,
        key: SessionKey,
        end: End,
        now: Timestamp,
        tombstones: Duration,
    ) -> Option<EndedSession> {
        let ix = self.index(key)?;
        self.end_at(ix, end, now, tombstones)
    }

    /// Takes what is due, at most `budget` entries.
    pub(super) fn reap(
        &mut self,
        judge: &Judge,
        now: Timestamp,
        tombstones: Duration,
        budget: &mut usize,
        reaped: &mut Reaped,
    ) {
        while *budget > 0 {
            let Some((second, ix)) = self.schedule.pop(now) else {
                return;
            };
            *budget -= 1;
            self.look_at(ix, second, judge, now, tombstones, reaped);
        }
    }

    /// Goes through the sessions when other policies judge now, some at a
    /// time: a stricter policy may have made them due earlier than they stand
    /// in the schedule. What stands there already is out of date then, and
    /// skipped when its second comes.
    pub(super) fn reschedule(&mut self, judge: &Judge, now: Timestamp, budget: &mut usize) {
        let generation = judge.generation();
        if self.generation == generation {
            return;
        }
        let mut next = match self.rescheduling {
            Some((by, next)) if by == generation => next,
            _ => 0,
        };
        while let Some(ix) = self.slots.next_used(next) {
            if *budget == 0 {
                self.rescheduling = Some((generation, ix));
                return;
            }
            *budget -= 1;
            next = ix.saturating_add(1);
            let Some(slot) = self.slots.get_mut(ix) else {
                continue;
            };
            if slot.is_ended() {
                continue;
            }
            let facts = slot.facts();
            let due = second_of(next_look(&facts, judge.verdict(&facts, now), now));
            if due != slot.due {
                slot.due = due;
                self.schedule.add(due, ix);
            }
        }
        self.rescheduling = None;
        self.generation = generation;
    }

    fn look_at(
        &mut self,
        ix: u32,
        second: u32,
        judge: &Judge,
        now: Timestamp,
        tombstones: Duration,
        reaped: &mut Reaped,
    ) {
        let Some(slot) = self.slots.get_mut(ix) else {
            return;
        };
        if slot.due != second {
            return;
        }
        if slot.is_ended() {
            self.forget(ix);
            return;
        }
        match judge.verdict(&slot.facts(), now) {
            Verdict::Ended(reason) => {
                reaped
                    .ended
                    .extend(self.end_at(ix, reason.into(), now, tombstones));
            }
            verdict => {
                if let Verdict::Locked { .. } = verdict {
                    reaped.locked.extend(lock(slot, now));
                }
                slot.due = second_of(next_look(&slot.facts(), verdict, now));
                let due = slot.due;
                self.schedule.add(due, ix);
            }
        }
    }

    fn end_at(
        &mut self,
        ix: u32,
        end: End,
        now: Timestamp,
        tombstones: Duration,
    ) -> Option<EndedSession> {
        let slot = self.slots.get_mut(ix)?;
        if slot.is_ended() {
            slot.mark_replaced(end.replaced);
            return None;
        }
        slot.end(end, now);
        slot.due = second_of(slot.forget_at(tombstones));
        let due = slot.due;
        let ended = slot.tombstone();
        self.schedule.add(due, ix);
        ended
    }

    fn forget(&mut self, ix: u32) {
        let Some(slot) = self.slots.remove(ix) else {
            return;
        };
        let hash = hash_of(&self.hasher, &slot.key);
        if let Ok(entry) = self.by_key.find_entry(hash, |found| *found == ix) {
            entry.remove();
        }
        if self.by_key.len() * 8 < self.by_key.capacity() {
            let (slots, hasher) = (&self.slots, &self.hasher);
            self.by_key
                .shrink_to(self.by_key.len() * 2, |ix| rehash(slots, hasher, *ix));
        }
    }

    fn live(&mut self, key: SessionKey) -> Option<&mut Slot> {
        let ix = self.index(key)?;
        self.slots.get_mut(ix).filter(|slot| !slot.is_ended())
    }

    fn index(&self, key: SessionKey) -> Option<u32> {
        let same = |ix: &u32| self.slots.get(*ix).is_some_and(|slot| slot.key == key);
        self.by_key.find(hash_of(&self.hasher, &key), same).copied()
    }
}

/// Locks a session that has become idle; `Some` when it was not locked before.
fn lock(slot: &mut Slot, now: Timestamp) -> Option<crate::record::SessionRecord> {
    let mut record = slot.record();
    if record.facts.locked_at.is_some() {
        return None;
    }
    let at = record.facts.idle_deadline.min(now);
    record.update(&Update::Lock { at }, now);
    slot.replace(record.clone());
    Some(record)
}

/// When the schedule must look at a session next.
pub(super) fn next_look(facts: &Facts, verdict: Verdict, now: Timestamp) -> Timestamp {
    match verdict {
        Verdict::Live(deadlines) | Verdict::Stale { deadlines, .. } => deadlines.nearest,
        Verdict::Locked { until } if facts.locked_at.is_some() => until,
        // Something is to be done at once.
        Verdict::Locked { .. } | Verdict::Ended(_) => now,
    }
}

fn rehash(slots: &Slab<Slot>, hasher: &DefaultHashBuilder, ix: u32) -> u64 {
    slots.get(ix).map_or(0, |slot| hash_of(hasher, &slot.key))
}
