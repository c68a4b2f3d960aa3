//! The sessions that this process has requests or streams of, so that these know of
//! one another, and what must be remembered for a while afterwards.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dwell_core::store::{End, Lookup, TouchOutcome, Update, Updated};
use dwell_core::{EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};

use crate::store::REMEMBERED;

#[derive(Debug, Default)]
pub(crate) struct InUse(Mutex<HashMap<SessionKey, Entry>>);

#[derive(Debug)]
struct Entry {
    record: SessionRecord,
    ended: Option<EndedSession>,
    users: usize,
    /// Until when it is kept although nobody uses it.
    keep_until: Timestamp,
}

/// Keeps a session among those in use until it is dropped.
#[derive(Debug)]
pub(crate) struct Use {
    in_use: Arc<InUse>,
    key: SessionKey,
}

impl Drop for Use {
    fn drop(&mut self) {
        let mut entries = self.in_use.lock();
        let MapEntry::Occupied(mut entry) = entries.entry(self.key) else {
            return;
        };
        entry.get_mut().users -= 1;
        let Entry {
            users, keep_until, ..
        } = entry.get();
        if *users == 0 && *keep_until == Timestamp::MIN {
            entry.remove();
        }
    }
}

impl InUse {
    /// Takes a session into use as its token carries it. Returns what is known of it:
    /// its end on this node, or its failed authentications.
    pub(crate) fn enter(self: &Arc<Self>, mut shown: SessionRecord) -> (Lookup, Use) {
        let key = shown.key;
        let mut entries = self.lock();
        let entry = entries.entry(key).or_insert_with(|| Entry::new(&shown));
        entry.users += 1;
        if entry
            .ended
            .as_ref()
            .is_some_and(|ended| outlives(&shown, ended))
        {
            entry.ended = None;
        }
        let known = &mut entry.record;
        shown.facts.failures = shown.facts.failures.max(known.facts.failures);
        if is_newer(&shown, known) {
            *known = shown.clone();
        }
        let state = match &entry.ended {
            Some(ended) => Lookup::Ended(ended.clone()),
            None => Lookup::Found(shown),
        };
        let in_use = Arc::clone(self);
        (state, Use { in_use, key })
    }

    pub(crate) fn find(&self, key: SessionKey) -> Lookup {
        match self.lock().get(&key) {
            None => Lookup::Missing,
            Some(Entry {
                ended: Some(ended), ..
            }) => Lookup::Ended(ended.clone()),
            Some(entry) => Lookup::Found(entry.record.clone()),
        }
    }

    /// Adds a session that has just started: its request does not use it yet.
    pub(crate) fn add(&self, record: &SessionRecord, now: Timestamp) -> bool {
        match self.lock().entry(record.key) {
            MapEntry::Occupied(_) => false,
            MapEntry::Vacant(vacant) => {
                let entry = vacant.insert(Entry::new(record));
                entry.keep_until = now + REMEMBERED;
                true
            }
        }
    }

    pub(crate) fn touch(
        &self,
        key: SessionKey,
        touch: dwell_core::engine::Touch,
        now: Timestamp,
    ) -> TouchOutcome {
        let touch = |entry: &mut Entry| entry.record.facts.touch(touch, now);
        self.live(key, touch).unwrap_or(TouchOutcome::Gone)
    }

    /// Changes a session if it has this version. Another one is refused, not tried
    /// again: the token before an authentication would take over its rights.
    pub(crate) fn update(
        &self,
        key: SessionKey,
        version: u32,
        update: &Update,
        now: Timestamp,
    ) -> Updated {
        let update = |entry: &mut Entry| {
            let is_expected = entry.record.facts.version == version;
            (is_expected && entry.record.update(update, now)).then(|| entry.record.clone())
        };
        let updated = self.live(key, update).flatten();
        updated.map_or(Updated::Gone, Updated::Applied)
    }

    /// Counts a failed authentication, and remembers it.
    pub(crate) fn count_failure(&self, key: SessionKey, now: Timestamp) -> Option<u8> {
        let count = |entry: &mut Entry| {
            entry.keep_until = entry.keep_until.max(now + REMEMBERED);
            entry.record.facts.count_failure(now)
        };
        self.live(key, count).flatten()
    }

    /// Ends a session, and remembers that at least as long as its token could be used.
    /// A timeout of an older copy does not end the session.
    pub(crate) fn end(&self, key: SessionKey, end: End, now: Timestamp) -> Option<EndedSession> {
        let mut entries = self.lock();
        let entry = entries.get_mut(&key)?;
        if let Some(ended) = &mut entry.ended {
            ended.replaced |= end.replaced;
            return None;
        }
        if end.reason.is_timeout() && !entry.record.facts.has_run_out(now) {
            return None;
        }
        let ended = EndedSession {
            record: entry.record.clone(),
            reason: end.reason,
            ended_at: now,
            replaced: end.replaced,
        };
        entry.ended = Some(ended.clone());
        entry.keep_until = entry.record.facts.idle_deadline.max(now + REMEMBERED);
        Some(ended)
    }

    pub(crate) fn list(&self, subject: &SubjectId) -> Vec<SessionRecord> {
        let entries = self.lock();
        let of_subject = entries
            .values()
            .filter(|entry| entry.ended.is_none() && entry.record.subject == *subject);
        of_subject.map(|entry| entry.record.clone()).collect()
    }

    /// Forgets what need not be remembered any more.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.lock()
            .retain(|_, entry| entry.users > 0 || now < entry.keep_until);
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn live<T>(&self, key: SessionKey, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut entries = self.lock();
        let entry = entries
            .get_mut(&key)
            .filter(|entry| entry.ended.is_none())?;
        Some(change(entry))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(record: &SessionRecord) -> Self {
        Self {
            record: record.clone(),
            ended: None,
            users: 0,
            keep_until: Timestamp::MIN,
        }
    }
}

/// Whether a session that timed out here has been active elsewhere in time.
fn outlives(shown: &SessionRecord, ended: &EndedSession) -> bool {
    ended.reason.is_timeout() && is_newer(shown, &ended.record)
}

/// Whether `shown` is the newer copy of the session: another node may have changed it.
fn is_newer(shown: &SessionRecord, known: &SessionRecord) -> bool {
    let order = |record: &SessionRecord| (record.facts.version, record.facts.last_active_at);
    order(shown) > order(known)
}
