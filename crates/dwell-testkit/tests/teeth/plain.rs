//! A simple store: one table behind one lock, searched from end to end. It
//! shares only the pure functions of the core with the store in memory, so a
//! case that both pass depends on neither implementation.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{DuePolicy, End, Loaded, Lookup, Reaped, TouchOutcome, Update, Updated};
use dwell_core::{
    Clock, EndReason, EndedSession, ManualClock, SessionKey, SessionRecord, SubjectId, Timestamp,
    Verdict,
};

/// What the store keeps of a session.
#[derive(Clone)]
pub(crate) struct Row {
    /// As it was created, for faults that use it instead of the current record.
    pub(crate) first: SessionRecord,
    pub(crate) record: SessionRecord,
    pub(crate) grave: Option<Grave>,
}

/// What makes a session a tombstone.
#[derive(Clone, Copy)]
pub(crate) struct Grave {
    pub(crate) reason: EndReason,
    pub(crate) at: Timestamp,
    pub(crate) replaced: bool,
    pub(crate) reported: bool,
}

pub(crate) type Rows = BTreeMap<SessionKey, Row>;

pub(crate) struct Plain {
    clock: ManualClock,
    pub(crate) tombstones: Duration,
    rows: Mutex<Rows>,
}

impl Row {
    pub(crate) fn new(record: SessionRecord) -> Self {
        Self {
            first: record.clone(),
            record,
            grave: None,
        }
    }

    /// Ends the session, unless it has ended.
    pub(crate) fn end(&mut self, end: End, at: Timestamp) -> Option<EndedSession> {
        if let Some(grave) = &mut self.grave {
            grave.replaced |= end.replaced;
            return None;
        }
        self.grave = Some(Grave {
            reason: end.reason,
            at,
            replaced: end.replaced,
            reported: false,
        });
        self.tombstone()
    }

    pub(crate) fn tombstone(&self) -> Option<EndedSession> {
        self.grave.map(|grave| EndedSession {
            record: self.record.clone(),
            reason: grave.reason,
            ended_at: grave.at,
            replaced: grave.replaced,
        })
    }

    pub(crate) fn lookup(&self) -> Lookup {
        match self.tombstone() {
            Some(ended) => Lookup::Ended(ended),
            None => Lookup::Found(self.record.clone()),
        }
    }

    /// Whether the session belongs to this subject and has not ended.
    pub(crate) fn is_of(&self, subject: &SubjectId) -> bool {
        self.grave.is_none() && self.record.subject == *subject
    }

    /// Whether this is a tombstone whose time is over.
    pub(crate) fn is_over(&self, tombstones: Duration, now: Timestamp) -> bool {
        self.grave.is_some_and(|grave| {
            let by_age = grave.at + tombstones;
            let adopted = self.record.credential.is_adopted();
            now >= by_age && (!adopted || now >= self.record.facts.absolute_deadline)
        })
    }
}

impl Plain {
    pub(crate) fn new(clock: ManualClock, tombstones: Duration) -> Self {
        Self {
            clock,
            tombstones,
            rows: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    pub(crate) fn load(&self, key: SessionKey) -> Loaded {
        let state = self.rows().get(&key).map(Row::lookup);
        Loaded {
            now: self.now(),
            state: state.unwrap_or(Lookup::Missing),
        }
    }

    /// Adds a session, unless its key is in use.
    pub(crate) fn create(&self, record: SessionRecord) -> bool {
        let mut rows = self.rows();
        let is_free = !rows.contains_key(&record.key);
        if is_free {
            rows.insert(record.key, Row::new(record));
        }
        is_free
    }

    pub(crate) fn touch(&self, key: SessionKey, touch: Touch) -> TouchOutcome {
        let now = self.now();
        match self.rows().get_mut(&key) {
            Some(row) if row.grave.is_none() => row.record.facts.touch(touch, now),
            _ => TouchOutcome::Gone,
        }
    }

    pub(crate) fn update(&self, key: SessionKey, version: u32, update: &Update) -> Updated {
        let now = self.now();
        match self.rows().get_mut(&key) {
            Some(row) if row.grave.is_none() => change(&mut row.record, version, update, now),
            _ => Updated::Gone,
        }
    }

    pub(crate) fn count_failure(&self, key: SessionKey) -> Option<u8> {
        let now = self.now();
        match self.rows().get_mut(&key) {
            Some(row) if row.grave.is_none() => row.record.facts.count_failure(now),
            _ => None,
        }
    }

    pub(crate) fn end(&self, key: SessionKey, end: End) -> Option<EndedSession> {
        let now = self.now();
        self.rows().get_mut(&key)?.end(end, now)
    }

    pub(crate) fn list(&self, subject: &SubjectId) -> Vec<SessionRecord> {
        let rows = self.rows();
        let own = rows.values().filter(|row| row.is_of(subject));
        own.map(|row| row.record.clone()).collect()
    }
}

/// Compare-and-set.
pub(crate) fn change(
    record: &mut SessionRecord,
    version: u32,
    update: &Update,
    now: Timestamp,
) -> Updated {
    if record.facts.version != version {
        Updated::Conflict
    } else if record.update(update, now) {
        Updated::Applied(record.clone())
    } else {
        Updated::Gone
    }
}

/// Whether a reaping pass must change this row.
pub(crate) fn is_due(
    row: &Row,
    due_policy: &DuePolicy,
    tombstones: Duration,
    now: Timestamp,
) -> bool {
    if row.grave.is_some() {
        return row.is_over(tombstones, now);
    }
    match due_policy.verdict(&row.record.facts, now) {
        Verdict::Ended(_) => true,
        Verdict::Locked { .. } => row.record.facts.locked_at.is_none(),
        _ => false,
    }
}

/// Does what a reaping pass must do to a due row.
pub(crate) fn take(
    rows: &mut Rows,
    key: SessionKey,
    due_policy: &DuePolicy,
    now: Timestamp,
    reaped: &mut Reaped,
) {
    let Some(row) = rows.get_mut(&key) else {
        return;
    };
    if row.grave.is_some() {
        rows.remove(&key);
        return;
    }
    match due_policy.verdict(&row.record.facts, now) {
        Verdict::Ended(reason) => reaped.ended.extend(row.end(reason.into(), now)),
        _ => {
            let at = row.record.facts.idle_deadline.min(now);
            row.record.update(&Update::Lock { at }, now);
            reaped.locked.push(row.record.clone());
        }
    }
}
