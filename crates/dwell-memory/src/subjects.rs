//! Which sessions a subject has.

use crate::hash::{Hash, Hasher, SHARDS, TABLES};
use crate::shard::Reference;
use crate::sync::{Mutex, MutexGuard};
use crate::table::{Table, numbers};
use dwell_core::SubjectId;

/// The index by subject, in shards of its own.
///
/// Whoever ends a session lets go of its shard before coming here.
pub(crate) struct Subjects {
    shards: Box<[Mutex<Sessions>]>,
    hasher: Hasher,
}

impl Subjects {
    pub(crate) fn new(hasher: &Hasher) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: hasher.clone(),
        }
    }

    pub(crate) fn lock(&self, subject: &SubjectId) -> Subject<'_> {
        let hash = self.hasher.of_subject(subject);
        Subject {
            sessions: crate::sync::lock(&self.shards[hash.shard()]),
            hash,
        }
    }

    pub(crate) fn remove(&self, subject: &SubjectId, reference: Reference) {
        self.lock(subject).remove(reference);
    }
}

/// One shard of the index: eight bytes for each session.
///
/// Neither the subject is kept nor a list for each, which would double what a
/// session takes. Two subjects may have the same hash, and a session may have
/// left memory before it leaves the index; so whoever reads a reference looks
/// whether the session in that place is live and the subject's own.
#[derive(Default)]
struct Sessions {
    tables: [Table; TABLES],
    /// What has more than [`CROWD`] sessions under its hash, and stands here
    /// and not in the table, which it would make slow for others.
    ///
    /// In the order of the hashes: there are few, and a map of this kind alone
    /// would be 4 KB of code.
    crowds: Vec<(Hash, Vec<u32>)>,
}

/// The most sessions under one hash in a table.
const CROWD: usize = if cfg!(shuttle) { 2 } else { 32 };

/// The right to change what the index says of a subject.
pub(crate) struct Subject<'a> {
    sessions: MutexGuard<'a, Sessions>,
    hash: Hash,
}

impl Subject<'_> {
    /// Where the subject's sessions are, and perhaps others; none twice.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut found: Vec<u32> = match self.sessions.crowd(self.hash) {
            Ok(at) => self.sessions.crowds[at].1.clone(),
            Err(_) => self.sessions.in_table(self.hash).collect(),
        };
        // Twice when one session ends and leaves memory, and another comes
        // into its place, before the first leaves the index.
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(Reference::from_bits).collect()
    }

    pub(crate) fn add(&mut self, reference: Reference) {
        let hash = self.hash;
        let number = reference.to_bits();
        let at = match self.sessions.crowd(hash) {
            Ok(at) => return self.sessions.crowds[at].1.push(number),
            Err(at) => at,
        };
        self.sessions.add_to_table(hash, number);
        if self.sessions.in_table(hash).nth(CROWD).is_some() {
            let crowd: Vec<u32> = self.sessions.in_table(hash).collect();
            for number in &crowd {
                self.sessions.remove_from_table(hash, *number);
            }
            self.sessions.crowds.insert(at, (hash, crowd));
        }
    }

    pub(crate) fn remove(&mut self, reference: Reference) {
        let hash = self.hash;
        let number = reference.to_bits();
        let Ok(place) = self.sessions.crowd(hash) else {
            self.sessions.remove_from_table(hash, number);
            return;
        };
        let crowd = &mut self.sessions.crowds[place].1;
        if let Some(at) = crowd.iter().position(|found| *found == number) {
            crowd.swap_remove(at);
        }
        if crowd.len() * 4 < crowd.capacity() {
            crowd.shrink_to(crowd.len() * 2);
        }
        // Half, so that one who comes and goes does not move all the others.
        if crowd.len() <= CROWD / 2 {
            for number in self.sessions.crowds.remove(place).1 {
                self.sessions.add_to_table(hash, number);
            }
        }
    }
}

impl Sessions {
    /// Where the crowd of this hash is, or would be.
    fn crowd(&self, hash: Hash) -> Result<usize, usize> {
        self.crowds.binary_search_by_key(&hash, |crowd| crowd.0)
    }

    fn in_table(&self, hash: Hash) -> impl Iterator<Item = u32> {
        numbers(self.tables[hash.table()].buckets(), hash.tag())
    }

    fn add_to_table(&mut self, hash: Hash, number: u32) {
        // Nobody reads it without the lock: there is nothing to publish.
        let _ = self.tables[hash.table()].insert(hash.tag(), number);
    }

    fn remove_from_table(&mut self, hash: Hash, number: u32) {
        let _ = self.tables[hash.table()].remove(hash.tag(), number);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn found(index: &Subjects, name: &SubjectId) -> Vec<u32> {
        let references = index.lock(name).references();
        references.into_iter().map(Reference::to_bits).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn behaves_like_a_map_of_sets(steps in prop::collection::vec((0..3_u8, 0..120_u32, any::<bool>()), 0..600)) {
            let index = Subjects::new(&Hasher::default());
            let mut model: HashMap<u8, HashSet<u32>> = HashMap::new();
            for (subject, number, add) in steps {
                let name = SubjectId::from(format!("subject {subject}"));
                let numbers = model.entry(subject).or_default();
                let reference = Reference::from_bits(number);
                if add && numbers.insert(number) {
                    index.lock(&name).add(reference);
                } else if !add {
                    numbers.remove(&number);
                    index.remove(&name, reference);
                }
                prop_assert_eq!(found(&index, &name).len(), numbers.len());
            }
            for (subject, numbers) in model {
                let name = SubjectId::from(format!("subject {subject}"));
                let found: HashSet<u32> = found(&index, &name).into_iter().collect();
                prop_assert_eq!(found, numbers);
            }
        }
    }

    #[test]
    fn a_place_that_stands_there_twice_is_told_once_and_stays_until_both_are_removed() {
        let index = Subjects::new(&Hasher::default());
        let name = SubjectId::from("alice");
        let reference = Reference::new(0, 7);
        for _ in 0..2 {
            index.lock(&name).add(reference);
        }
        assert_eq!(index.lock(&name).references(), [reference]);
        index.remove(&name, reference);
        assert_eq!(index.lock(&name).references(), [reference]);
        index.remove(&name, reference);
        assert_eq!(index.lock(&name).references(), []);
    }

    #[test]
    fn a_crowd_leaves_the_table_and_comes_back_when_it_is_small() {
        let index = Subjects::new(&Hasher::default());
        let name = SubjectId::from("robot");
        let in_table = |index: &Subjects| {
            let subject = index.lock(&name);
            subject.sessions.in_table(subject.hash).count()
        };
        let all = || (0..10_000).map(Reference::from_bits);
        for reference in all() {
            index.lock(&name).add(reference);
        }
        assert_eq!(in_table(&index), 0);
        assert_eq!(found(&index, &name).len(), 10_000);
        for reference in all().skip(10) {
            index.remove(&name, reference);
        }
        assert_eq!(in_table(&index), 10);
        assert!(index.lock(&name).sessions.crowds.is_empty());
        assert_eq!(found(&index, &name), (0..10).collect::<Vec<_>>());
    }
}
