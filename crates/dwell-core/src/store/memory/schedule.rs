//! Which slots must be looked at when, by the second.

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// Slots by the second in which something about them is due.
///
/// Entries are never moved. An entry whose second is not the one that its
/// slot names any more is out of date and skipped.
#[derive(Debug, Default)]
pub(super) struct Schedule(BTreeMap<u32, Vec<u32>>);

impl Schedule {
    pub(super) fn add(&mut self, second: u32, slot: u32) {
        self.0.entry(second).or_default().push(slot);
    }

    /// Takes one entry whose second has come.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<(u32, u32)> {
        let mut first = self.0.first_entry()?;
        let second = *first.key();
        if u64::from(second) * 1_000 > now.as_millis() {
            return None;
        }
        let slot = first.get_mut().pop();
        if first.get().is_empty() {
            first.remove();
        }
        Some((second, slot?))
    }
}

/// The first whole second at or after `at`; the last one that fits for
/// instants beyond the year 2106.
pub(super) fn second_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
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
}
