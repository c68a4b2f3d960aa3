//! A table of numbers by 32 bits of hash. Everybody reads it, without a lock;
//! one at a time changes it.
//!
//! An entry never moves within the same buckets, so that no reader misses one
//! that is there all the while: what is removed leaves a mark, and when there
//! are too many marks or entries, new buckets take the place of the old ones,
//! which nobody changes from then on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// What readers share: open addressing with linear probing. A bucket is a tag
/// in the upper half and a number, plus two, in the lower.
pub(crate) type Buckets = Arc<[AtomicU64]>;

const EMPTY: u64 = 0;
const REMOVED: u64 = 1;
/// Lower halves below this are not numbers.
const FIRST: u32 = 2;

/// The fewest buckets, a cache line of them; in models so few that tables grow
/// with three sessions.
const FEWEST: usize = if cfg!(shuttle) { 2 } else { 8 };

/// What whoever changes a table knows of it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    buckets: Buckets,
    used: usize,
    removed: usize,
}

/// Whether a change put new buckets in the place of the old ones, so that they
/// must be published.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    InPlace,
    NewBuckets,
}

impl Table {
    pub(crate) const fn len(&self) -> usize {
        self.used
    }

    pub(crate) const fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Adds an entry; there may be the same one already.
    pub(crate) fn insert(&mut self, tag: u32, number: u32) -> Change {
        let mut change = Change::InPlace;
        if !has_room(self.used + self.removed + 1, self.buckets.len()) {
            self.rebuild(self.used + 1);
            change = Change::NewBuckets;
        }
        if put(&self.buckets, pack(tag, number)) == REMOVED {
            self.removed -= 1;
        }
        self.used += 1;
        change
    }

    /// Removes an entry, if it is there.
    pub(crate) fn remove(&mut self, tag: u32, number: u32) -> Change {
        let Some(at) = position(&self.buckets, pack(tag, number)) else {
            return Change::InPlace;
        };
        self.used -= 1;
        self.removed += 1;
        // Who comes here looks no further, so it need not lead on.
        let next = (at + 1) % self.buckets.len();
        if self.buckets[next].load(Ordering::Relaxed) == EMPTY {
            self.buckets[at].store(EMPTY, Ordering::Release);
            self.removed -= 1;
        } else {
            self.buckets[at].store(REMOVED, Ordering::Release);
        }
        let sparse = self.used * 4 < self.buckets.len() && self.buckets.len() > FEWEST;
        if sparse || self.used == 0 {
            self.rebuild(self.used);
            return Change::NewBuckets;
        }
        Change::InPlace
    }

    /// New buckets for so many entries. They grow by a half: a table that
    /// doubles is half empty afterwards, and one that grows by a quarter leaves
    /// more memory behind that is too small for the next. A quarter more has
    /// room, or marks would soon fill it again.
    fn rebuild(&mut self, entries: usize) {
        let mut len = if entries == 0 { 0 } else { FEWEST };
        while !has_room(entries + entries / 4, len) {
            len = (len + len.div_ceil(2)).next_multiple_of(FEWEST);
        }
        let new: Buckets = (0..len).map(|_| AtomicU64::new(EMPTY)).collect();
        for bucket in self.buckets.iter() {
            let word = bucket.load(Ordering::Relaxed);
            if is_entry(word) {
                // In the same order: reading and writing go straight on.
                put(&new, word);
            }
        }
        self.buckets = new;
        self.removed = 0;
    }
}

/// Four fifths: half as many buckets are looked at as with seven eighths, for
/// one byte more per entry.
const fn has_room(entries: usize, buckets: usize) -> bool {
    entries * 5 <= buckets * 4
}

/// The numbers under this tag.
pub(crate) fn numbers(buckets: &[AtomicU64], tag: u32) -> Numbers<'_> {
    Numbers {
        buckets,
        tag,
        at: home(tag, buckets.len()),
        left: buckets.len(),
    }
}

/// See [`numbers`].
pub(crate) struct Numbers<'a> {
    buckets: &'a [AtomicU64],
    tag: u32,
    at: usize,
    left: usize,
}

impl Iterator for Numbers<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while self.left > 0 {
            self.left -= 1;
            let word = self.buckets.get(self.at)?.load(Ordering::Acquire);
            self.at += 1;
            if self.at == self.buckets.len() {
                self.at = 0;
            }
            if word == EMPTY {
                return None;
            }
            if tag_of(word) == self.tag && is_entry(word) {
                return Some(number_of(word));
            }
        }
        None
    }
}

/// Puts a word into the first bucket that is free, and tells what stood there.
fn put(buckets: &[AtomicU64], word: u64) -> u64 {
    let mut at = home(tag_of(word), buckets.len());
    loop {
        let found = buckets[at].load(Ordering::Relaxed);
        if !is_entry(found) {
            // Whoever finds the number finds what was done before.
            buckets[at].store(word, Ordering::Release);
            return found;
        }
        at = (at + 1) % buckets.len();
    }
}

fn position(buckets: &[AtomicU64], word: u64) -> Option<usize> {
    let mut at = home(tag_of(word), buckets.len());
    for _ in 0..buckets.len() {
        match buckets[at].load(Ordering::Relaxed) {
            EMPTY => return None,
            found if found == word => return Some(at),
            _ => at = (at + 1) % buckets.len(),
        }
    }
    None
}

/// The tag as a share of the buckets: any number of buckets will do, and
/// entries stand about in the order of their tags.
#[allow(clippy::cast_possible_truncation, reason = "less than `len`")]
const fn home(tag: u32, len: usize) -> usize {
    ((tag as u64 * len as u64) >> 32) as usize
}

const fn pack(tag: u32, number: u32) -> u64 {
    (tag as u64) << 32 | (number.saturating_add(FIRST)) as u64
}

const fn is_entry(word: u64) -> bool {
    low(word) >= FIRST
}

const fn tag_of(word: u64) -> u32 {
    (word >> 32) as u32
}

const fn number_of(word: u64) -> u32 {
    low(word) - FIRST
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
const fn low(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(table: &Table, tag: u32) -> Vec<u32> {
        let mut found: Vec<u32> = numbers(table.buckets(), tag).collect();
        found.sort_unstable();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Few tags, and such that homes lie at both ends and meet.
        #[test]
        fn behaves_like_a_bag(steps in prop::collection::vec((0..24_u32, 0..40_u32, 0..5_u8), 0..800)) {
            let tag = |n: u32| n.wrapping_mul(0x0b00_0000).wrapping_sub(3);
            let mut table = Table::default();
            let mut model: Vec<(u32, u32)> = Vec::new();
            for (n, number, step) in steps {
                let entry = (tag(n), number);
                let before = table.buckets().clone();
                let change = if step < 3 {
                    model.push(entry);
                    table.insert(entry.0, number)
                } else {
                    if let Some(at) = model.iter().position(|found| *found == entry) {
                        model.swap_remove(at);
                    }
                    table.remove(entry.0, number)
                };
                let same = Arc::ptr_eq(&before, table.buckets()) || table.buckets().is_empty();
                prop_assert!(same || change == Change::NewBuckets);
                prop_assert_eq!(table.len(), model.len());
                let mut expected: Vec<u32> =
                    model.iter().filter(|found| found.0 == entry.0).map(|found| found.1).collect();
                expected.sort_unstable();
                prop_assert_eq!(found(&table, entry.0), expected);
            }
            for n in 0..24 {
                let of_tag = model.iter().filter(|found| found.0 == tag(n)).count();
                prop_assert_eq!(found(&table, tag(n)).len(), of_tag);
            }
        }
    }

    #[test]
    fn it_takes_between_ten_and_fifteen_bytes_for_an_entry_and_gives_memory_back() {
        let mut table = Table::default();
        let tag = |n: u32| n.wrapping_mul(0x9e37_79b9);
        for n in 0..20_000 {
            let _ = table.insert(tag(n), n);
            let bytes = table.buckets().len() * 8;
            assert!(n < 100 || (10..=15).contains(&(bytes / n as usize)));
        }
        for n in 0..20_000 {
            let _ = table.remove(tag(n), n);
            assert!(table.buckets().len() <= (table.len() * 4).max(FEWEST));
        }
        assert_eq!(table.buckets().len(), 0);
    }

    #[test]
    fn coming_and_going_neither_makes_it_grow_nor_makes_it_anew_often() {
        let tag = |n: u32| n.wrapping_mul(0x9e37_79b9);
        // Among them what just fits.
        for live in 560..620 {
            let mut table = Table::default();
            let mut rebuilt = 0;
            for n in 0..6_000 {
                let changes = [
                    Some(table.insert(tag(n), n)),
                    n.checked_sub(live)
                        .map(|gone| table.remove(tag(gone), gone)),
                ];
                rebuilt += changes
                    .iter()
                    .filter(|c| **c == Some(Change::NewBuckets))
                    .count();
            }
            assert!(rebuilt < 70, "{live}: {rebuilt}");
            assert!(table.buckets().len() <= 1_120, "{live}");
            assert_eq!(found(&table, tag(5_999)), [5_999]);
            assert!(found(&table, tag(5_999 - live)).is_empty());
        }
    }

    #[test]
    fn readers_of_old_buckets_still_find_what_stood_there() {
        let mut table = Table::default();
        let _ = table.insert(7, 1);
        let old = table.buckets().clone();
        while table.insert(9, 2) == Change::InPlace {}
        let _ = table.remove(7, 1);
        assert_eq!(numbers(&old, 7).collect::<Vec<_>>(), [1]);
        assert!(found(&table, 7).is_empty());
    }
}
