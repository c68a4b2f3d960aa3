//! When each session must be looked at next.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use dwell_core::{SessionKey, Timestamp};

/// Keys by the second in which something about their session is due.
///
/// Entries are never moved to another second. An entry is out of date, and
/// skipped, when its session is due at another second by now.
#[derive(Debug, Default)]
pub(crate) struct Schedule(BTreeMap<u32, Vec<SessionKey>>);

impl Schedule {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, second: u32, key: SessionKey) {
        self.0.entry(second).or_default().push(key);
    }

    /// Removes an entry, if it is there.
    pub(crate) fn remove(&mut self, second: u32, key: SessionKey) {
        if let Entry::Occupied(mut keys) = self.0.entry(second) {
            if let Some(place) = keys.get().iter().position(|other| *other == key) {
                keys.get_mut().swap_remove(place);
            }
            if keys.get().is_empty() {
                keys.remove();
            }
        }
    }

    /// Takes one entry of the first second.
    pub(crate) fn pop(&mut self) -> Option<(u32, SessionKey)> {
        let mut first = self.0.first_entry()?;
        let second = *first.key();
        let key = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        Some((second, key?))
    }

    /// Takes one entry whose second has come.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(u32, SessionKey)> {
        let second = *self.0.first_key_value()?.0;
        let is_due = u64::from(second) * 1_000 <= now.as_millis();
        is_due.then(|| self.pop())?
    }
}

/// The first whole second at or after `at`, or `u32::MAX` for instants beyond
/// the year 2106.
pub(crate) fn second_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_at_their_second_not_before() {
        let at = Timestamp::from_millis;
        let key = |n| SessionKey::from_bytes([n; 16]);
        let mut schedule = Schedule::default();
        schedule.add(second_of(at(1_001)), key(5));
        schedule.add(second_of(at(1_000)), key(6));
        schedule.add(second_of(at(2_000)), key(7));
        assert_eq!(schedule.pop_due(at(999)), None);
        assert_eq!(schedule.pop_due(at(1_000)), Some((1, key(6))));
        assert_eq!(schedule.pop_due(at(1_999)), None);
        assert_eq!(schedule.pop_due(at(2_000)), Some((2, key(7))));
        schedule.add(2, key(8));
        schedule.add(3, key(9));
        for (second, gone) in [(2, 8), (3, 9), (3, 9), (2, 77)] {
            schedule.remove(second, key(gone));
        }
        assert_eq!(schedule.pop(), Some((2, key(5))));
        assert_eq!(schedule.pop(), None);
        assert!(schedule.is_empty());
    }
}
