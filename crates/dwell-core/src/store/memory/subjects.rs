//! Which sessions a subject has.

use hashbrown::{DefaultHashBuilder, HashTable};

use super::hash_of;
use crate::subject::SubjectId;
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

/// One shard of the index: a pair of hash and key for each session.
///
/// Neither the subject is kept nor a list for each, which would double what a
/// session takes. Two subjects may have the same hash, so whoever reads the
/// keys looks at the session's own subject.
///
/// A subject's sessions stand in groups, each under a hash of its own, so that
/// one with very many does not make the table slow for others. All groups but
/// the last are full.
pub(super) struct Sessions {
    table: HashTable<(u64, SessionKey)>,
    hasher: DefaultHashBuilder,
}

/// The most sessions under one hash.
const GROUP: usize = 32;

impl Sessions {
    /// The keys of the subject's sessions, and perhaps others.
    pub(super) fn keys(&self, subject: &SubjectId) -> Vec<SessionKey> {
        let mut keys = Vec::new();
        for group in 0.. {
            let before = keys.len();
            keys.extend(self.group(self.hash(subject, group)));
            if keys.len() < before + GROUP {
                break;
            }
        }
        keys
    }

    pub(super) fn add(&mut self, subject: &SubjectId, key: SessionKey) {
        let mut hashes = (0..).map(|group| self.hash(subject, group));
        let roomy = hashes.find(|hash| self.group(*hash).count() < GROUP);
        if let Some(hash) = roomy {
            self.table
                .insert_unique(hash, (hash, key), |(hash, _)| *hash);
        }
    }

    pub(super) fn remove(&mut self, subject: &SubjectId, key: SessionKey) {
        let mut hole = None;
        let mut last = None;
        for group in 0.. {
            let hash = self.hash(subject, group);
            let keys: Vec<SessionKey> = self.group(hash).collect();
            if keys.contains(&key) {
                hole = Some(hash);
            }
            last = keys.last().map(|key| (hash, *key)).or(last);
            if keys.len() < GROUP {
                break;
            }
        }
        let (Some(hole), Some(last)) = (hole, last) else {
            return;
        };
        self.take((hole, key));
        // The last one fills the hole, so that only the last group has room.
        if last.0 != hole {
            self.take(last);
            self.table
                .insert_unique(hole, (hole, last.1), |(hash, _)| *hash);
        }
        if self.table.len() * 8 < self.table.capacity() {
            let target = self.table.len() * 2;
            self.table.shrink_to(target, |(hash, _)| *hash);
        }
    }

    fn take(&mut self, pair: (u64, SessionKey)) {
        if let Ok(entry) = self.table.find_entry(pair.0, |found| *found == pair) {
            entry.remove();
        }
    }

    fn hash(&self, subject: &SubjectId, group: u32) -> u64 {
        hash_of(&self.hasher, &(subject, group))
    }

    fn group(&self, hash: u64) -> impl Iterator<Item = SessionKey> {
        let all = self.table.iter_hash(hash);
        all.filter(move |(found, _)| *found == hash)
            .map(|(_, key)| *key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn behaves_like_a_map_of_sets(steps in prop::collection::vec((0..3_u8, 0..120_u8, any::<bool>()), 0..600)) {
            let index = Subjects::new(&DefaultHashBuilder::default());
            let mut model: HashMap<u8, HashSet<SessionKey>> = HashMap::new();
            for (subject, key, add) in steps {
                let name = SubjectId::from(format!("subject {subject}"));
                // No two subjects share a key.
                let key = SessionKey::from_bytes([subject, key, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                let keys = model.entry(subject).or_default();
                if add && keys.insert(key) {
                    index.lock(&name).add(&name, key);
                } else if !add {
                    keys.remove(&key);
                    index.remove(&name, key);
                }
            }
            for (subject, keys) in model {
                let name = SubjectId::from(format!("subject {subject}"));
                let found = index.lock(&name).keys(&name);
                prop_assert_eq!(found.len(), keys.len());
                prop_assert_eq!(found.into_iter().collect::<HashSet<_>>(), keys);
            }
        }
    }
}
