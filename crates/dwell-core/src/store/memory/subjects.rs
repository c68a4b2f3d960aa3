//! Which sessions a subject has.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::hash_of;
use crate::id::SubjectId;
use crate::sync::{Mutex, MutexGuard};
use crate::token::SessionKey;

const SHARDS: usize = if cfg!(shuttle) { 1 } else { 64 };

/// The index by subject, in shards of its own.
///
/// Locks are taken in this order: a subject's, then a session's. Whoever ends
/// a session lets go of its shard before coming here.
pub(super) struct Subjects {
    shards: Box<[Mutex<Sessions>]>,
    hasher: DefaultHashBuilder,
}

impl Subjects {
    pub(super) fn new(hasher: &DefaultHashBuilder) -> Self {
        let shard = |_| {
            Mutex::new(Sessions {
                table: HashTable::new(),
                hasher: hasher.clone(),
            })
        };
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            hasher: hasher.clone(),
        }
    }

    pub(super) fn lock(&self, subject: &SubjectId) -> MutexGuard<'_, Sessions> {
        #[allow(clippy::cast_possible_truncation, reason = "a few bits are meant")]
        let ix = (hash_of(&self.hasher, subject) >> 32) as usize;
        crate::sync::lock(&self.shards[ix % self.shards.len()])
    }

    pub(super) fn remove(&self, subject: &SubjectId, key: SessionKey) {
        self.lock(subject).remove(subject, key);
    }
}

/// One shard of the index.
pub(super) struct Sessions {
    table: HashTable<Entry>,
    hasher: DefaultHashBuilder,
}

struct Entry {
    subject: SubjectId,
    keys: Keys,
}

/// Most subjects have one session, which needs no list.
enum Keys {
    One([SessionKey; 1]),
    Many(Vec<SessionKey>),
}

impl Keys {
    fn as_slice(&self) -> &[SessionKey] {
        match self {
            Self::One(key) => key,
            Self::Many(keys) => keys,
        }
    }
}

impl Sessions {
    pub(super) fn keys(&self, subject: &SubjectId) -> &[SessionKey] {
        let hash = hash_of(&self.hasher, subject);
        let found = self.table.find(hash, |entry| entry.subject == *subject);
        found.map(|entry| entry.keys.as_slice()).unwrap_or_default()
    }

    pub(super) fn add(&mut self, subject: &SubjectId, key: SessionKey) {
        let hash = hash_of(&self.hasher, subject);
        match self.table.find_mut(hash, |entry| entry.subject == *subject) {
            Some(entry) => match &mut entry.keys {
                Keys::One([first]) => entry.keys = Keys::Many(vec![*first, key]),
                Keys::Many(keys) => keys.push(key),
            },
            None => {
                let entry = Entry {
                    subject: subject.clone(),
                    keys: Keys::One([key]),
                };
                let hasher = &self.hasher;
                self.table
                    .insert_unique(hash, entry, |entry| hash_of(hasher, &entry.subject));
            }
        }
    }

    pub(super) fn remove(&mut self, subject: &SubjectId, key: SessionKey) {
        let hash = hash_of(&self.hasher, subject);
        let same = |entry: &Entry| entry.subject == *subject;
        let Ok(mut entry) = self.table.find_entry(hash, same) else {
            return;
        };
        match &mut entry.get_mut().keys {
            Keys::One([only]) if *only == key => {
                entry.remove();
            }
            Keys::One(_) => return,
            Keys::Many(keys) => {
                keys.retain(|kept| *kept != key);
                match keys.as_slice() {
                    [] => {
                        entry.remove();
                    }
                    [only] => {
                        let only = *only;
                        entry.get_mut().keys = Keys::One([only]);
                    }
                    _ => return,
                }
            }
        }
        if self.table.len() * 8 < self.table.capacity() {
            let (target, hasher) = (self.table.len() * 2, &self.hasher);
            self.table
                .shrink_to(target, |entry| hash_of(hasher, &entry.subject));
        }
    }
}
