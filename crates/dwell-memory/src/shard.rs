//! Sessions that start, end and leave memory, and the schedule of one shard.
//! All of this happens under the shard's lock.

use std::time::Duration;

use dwell_core::store::{Due, DuePolicy, End, Reaped};
use dwell_core::{EndedSession, SessionKey, SessionRecord, Timestamp};

use crate::schedule::{Schedule, second_of};
use crate::sessions::{Pinned, Sessions};
use crate::slot::Slot;
use crate::sync::{Mutex, lock};

/// The schedule of the sessions of one shard.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    schedule: Schedule,
    /// The policies that `schedule` was made by. Zero before the first pass.
    generation: u64,
    /// Schedules that were made by other policies. Their sessions have to be
    /// judged anew: a stricter policy may have made them due earlier.
    outdated: Vec<Schedule>,
}

/// The inputs of a reaping pass.
pub(crate) struct Pass<'a> {
    pub(crate) sessions: &'a Sessions,
    pub(crate) due: &'a DuePolicy,
    pub(crate) now: Timestamp,
    pub(crate) tombstones: Duration,
}

impl Shard {
    /// Adds a session. Returns `false` if there is one under its key, or a
    /// tombstone.
    pub(crate) fn insert(
        &mut self,
        sessions: &Sessions,
        record: SessionRecord,
        due_policy: &DuePolicy,
        now: Timestamp,
    ) -> bool {
        let current = self.generation == 0 || self.generation == due_policy.generation();
        // A session that other policies judged is looked at in the next pass.
        let due = match current && self.outdated.is_empty() {
            true => second_of(due_policy.next_look(&record.facts, now)),
            false => second_of(now),
        };
        let key = record.key;
        let slot = Mutex::new(Slot::new(record, due));
        if sessions.pin().try_insert(key, slot).is_err() {
            return false;
        }
        self.schedule.add(due, key);
        true
    }

    /// Ends a session. Returns `None` if it ended before or is unknown.
    pub(crate) fn end(
        &mut self,
        sessions: &Sessions,
        key: SessionKey,
        end: End,
        now: Timestamp,
        tombstones: Duration,
    ) -> Option<EndedSession> {
        let sessions = sessions.pin();
        let mut slot = lock(sessions.get(&key)?);
        if slot.is_ended() {
            slot.mark_replaced(end.replaced);
            return None;
        }
        let ended = end_slot(&mut slot, key, end, now, tombstones);
        self.schedule.add(slot.due, key);
        ended
    }

    /// Removes a tombstone before its time.
    pub(crate) fn forget(&mut self, sessions: &Sessions, key: SessionKey) {
        let sessions = sessions.pin();
        let slot = sessions.get(&key).map(lock);
        let due = slot.and_then(|slot| slot.is_ended().then_some(slot.due));
        if let Some(due) = due {
            self.schedule.remove(due, key);
            sessions.remove(&key);
        }
    }

    /// Looks at what is due, at most `budget` entries. Returns how many it
    /// looked at.
    pub(crate) fn reap(
        &mut self,
        pass: &Pass<'_>,
        budget: usize,
        reaped: &mut Reaped,
        forgotten: &mut Vec<EndedSession>,
    ) -> usize {
        let sessions = pass.sessions.pin();
        let mut done = self.reschedule(pass, &sessions, budget);
        while done < budget
            && let Some((second, key)) = self.schedule.pop_due(pass.now)
        {
            forgotten.extend(self.look_at(pass, &sessions, second, key, reaped));
            done += 1;
        }
        done
    }

    /// Judges sessions anew that other policies have scheduled.
    fn reschedule(&mut self, pass: &Pass<'_>, sessions: &Pinned<'_>, budget: usize) -> usize {
        if self.generation != pass.due.generation() {
            self.generation = pass.due.generation();
            if !self.schedule.is_empty() {
                self.outdated.push(std::mem::take(&mut self.schedule));
            }
        }
        let mut done = 0;
        while done < budget
            && let Some(outdated) = self.outdated.last_mut()
        {
            let Some((second, key)) = outdated.pop() else {
                self.outdated.pop();
                continue;
            };
            done += 1;
            let slot = sessions.get(&key).map(lock);
            let Some(mut slot) = slot.filter(|slot| slot.due == second) else {
                continue;
            };
            if !slot.is_ended() {
                slot.due = second_of(pass.due.next_look(&slot.facts(), pass.now));
            }
            self.schedule.add(slot.due, key);
        }
        done
    }

    /// Ends, locks or schedules a session; removes and returns a tombstone.
    fn look_at(
        &mut self,
        pass: &Pass<'_>,
        sessions: &Pinned<'_>,
        second: u32,
        key: SessionKey,
        reaped: &mut Reaped,
    ) -> Option<EndedSession> {
        let mut slot = lock(sessions.get(&key)?);
        if slot.due != second {
            return None;
        }
        if let Some(tombstone) = slot.tombstone(key) {
            drop(slot);
            // Removing it, or adding another one, needs the lock of this shard.
            sessions.remove(&key);
            return Some(tombstone);
        }
        match pass.due.due(&slot.facts(), pass.now) {
            Due::End(reason) => {
                let ended = end_slot(&mut slot, key, reason.into(), pass.now, pass.tombstones);
                reaped.ended.extend(ended);
            }
            Due::Lock(update) => {
                let mut record = slot.record(key);
                record.update(&update, pass.now);
                slot.replace(record.clone());
                slot.due = second_of(pass.due.next_look(&record.facts, pass.now));
                reaped.locked.push(record);
            }
            Due::Later(at) => slot.due = second_of(at),
        }
        self.schedule.add(slot.due, key);
        None
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

#[cfg(test)]
impl Shard {
    /// Whether nothing is scheduled.
    pub(crate) fn is_empty(&self) -> bool {
        self.schedule.is_empty() && self.outdated.is_empty()
    }
}
