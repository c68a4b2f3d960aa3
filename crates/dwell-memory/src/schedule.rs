//! Which places must be looked at when, by the second.

use dwell_core::Timestamp;

/// Entries of a block. Blocks are neither copied nor freed but one at a time:
/// a list of what is due in a busy second would be megabytes.
const BLOCK: usize = 512;

/// Seconds of a span. A second that comes between others moves those of its
/// span, and a span the other spans: some kilobytes.
const SPAN: u32 = 256;

/// Places by the second in which something about them is due.
///
/// Entries are never moved to another second. An entry whose second is not the
/// one that its place names any more is out of date and skipped.
///
/// Spans, and seconds within them, from the last to the first: what is due
/// next is taken from the end. A `BTreeMap` does the same with 18 KB of code.
#[derive(Debug, Default)]
pub(crate) struct Schedule(Vec<Span>);

/// The seconds whose quotient by [`SPAN`] this is.
#[derive(Debug)]
struct Span {
    number: u32,
    seconds: Vec<Entries>,
}

/// Those of a second.
#[derive(Debug)]
struct Entries {
    second: u32,
    last: Vec<u32>,
    full: Vec<Vec<u32>>,
}

impl Schedule {
    pub(crate) fn add(&mut self, second: u32, place: u32) {
        let number = second / SPAN;
        let at = self.0.partition_point(|span| span.number > number);
        if self.0.get(at).is_none_or(|span| span.number != number) {
            let seconds = Vec::new();
            self.0.insert(at, Span { number, seconds });
        }
        let seconds = &mut self.0[at].seconds;
        let at = seconds.partition_point(|entries| entries.second > second);
        if seconds.get(at).is_none_or(|found| found.second != second) {
            let (last, full) = (Vec::new(), Vec::new());
            seconds.insert(at, Entries { second, last, full });
        }
        let entries = &mut seconds[at];
        if entries.last.len() == BLOCK {
            let full = std::mem::take(&mut entries.last);
            entries.full.push(full);
        }
        entries.last.push(place);
    }

    /// Takes one entry whose second has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(u32, u32)> {
        let span = self.0.last_mut()?;
        let entries = span.seconds.last_mut()?;
        let second = entries.second;
        if u64::from(second) * 1_000 > now.as_millis() {
            return None;
        }
        let place = entries.last.pop();
        if entries.last.is_empty() {
            match entries.full.pop() {
                Some(block) => entries.last = block,
                None => {
                    span.seconds.pop();
                }
            }
        }
        if span.seconds.is_empty() {
            self.0.pop();
        }
        Some((second, place?))
    }
}

/// The first whole second at or after `at`; the last one that fits for
/// instants beyond the year 2106.
pub(crate) fn second_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_due_at_its_second_and_not_before() {
        let mut schedule = Schedule::default();
        schedule.add(second_of(Timestamp::from_millis(1_001)), 5);
        schedule.add(second_of(Timestamp::from_millis(1_000)), 6);
        assert_eq!(schedule.pop(Timestamp::from_millis(999)), None);
        assert_eq!(schedule.pop(Timestamp::from_millis(1_000)), Some((1, 6)));
        assert_eq!(schedule.pop(Timestamp::from_millis(1_999)), None);
        assert_eq!(schedule.pop(Timestamp::from_millis(2_000)), Some((2, 5)));
        assert_eq!(schedule.pop(Timestamp::MAX), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Steps: so many entries in a second, or so many taken at an instant.
        #[test]
        fn behaves_like_a_map_of_sets(steps in prop::collection::vec((any::<bool>(), 0..4_u32, 0..900_u32), 0..24)) {
            let mut schedule = Schedule::default();
            let mut model: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            let mut places = 0..;
            for (add, second, many) in steps {
                if add {
                    for place in places.by_ref().take(many as usize) {
                        schedule.add(second, place);
                        model.entry(second).or_default().insert(place);
                    }
                    continue;
                }
                let now = Timestamp::from_millis(u64::from(second) * 1_000);
                for _ in 0..many {
                    let popped = schedule.pop(now);
                    let first = model.keys().next().copied().filter(|first| *first <= second);
                    prop_assert_eq!(popped.map(|entry| entry.0), first);
                    let Some((second, place)) = popped else {
                        break;
                    };
                    let left = model.get_mut(&second).unwrap();
                    prop_assert!(left.remove(&place), "never added, or taken twice");
                    if left.is_empty() {
                        model.remove(&second);
                    }
                }
            }
            let left = std::iter::from_fn(|| schedule.pop(Timestamp::MAX)).count();
            prop_assert_eq!(left, model.values().map(BTreeSet::len).sum::<usize>());
            prop_assert!(schedule.0.is_empty());
        }
    }
}
