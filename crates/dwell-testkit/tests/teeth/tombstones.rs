//! Tombstones that are removed too early or too late.

use dwell_core::store::TOMBSTONES_PER_SUBJECT;
use dwell_core::{SessionKey, Timestamp};

use crate::assert_found;
use crate::plain::Row;
use crate::planted::{Fault, Planted};

/// Whether the store considers this tombstone's time over.
pub(crate) fn is_over(store: &Planted, row: &Row, now: Timestamp) -> bool {
    let tombstones = store.plain.tombstones;
    let Some(grave) = row.grave else {
        return false;
    };
    let (record, facts) = (&row.record, &row.record.facts);
    match store.fault {
        Fault::AdoptedTombstonesGoByAge => now >= grave.at + tombstones,
        Fault::AdoptedTombstonesGoByDeadline if record.credential.is_adopted() => {
            now >= facts.absolute_deadline
        }
        Fault::ReapedTombstonesAgeFromTheDeadline if facts.has_run_out(now) => {
            now >= facts.idle_deadline + tombstones
        }
        Fault::TombstonesGoAtOnce => true,
        Fault::TombstonesStay => false,
        _ => row.is_over(tombstones, now),
    }
}

/// Removes the oldest tombstones of the subjects of these sessions.
pub(crate) fn acknowledge(store: &Planted, keys: &[SessionKey]) {
    let mut rows = store.plain.rows();
    for key in keys {
        let Some(row) = rows.get_mut(key) else {
            continue;
        };
        let subject = row.record.subject.clone();
        if let Some(grave) = &mut row.grave {
            grave.reported = true;
        }
        let mut spare: Vec<_> = rows
            .iter()
            .filter_map(|(key, row)| {
                let grave = row.grave?;
                let is_of = row.record.subject == subject || store.has(Fault::SurplusIsEverybodys);
                let is_reported = grave.reported || store.has(Fault::SurplusOfTheUnreported);
                let may_go =
                    !row.record.credential.is_adopted() || store.has(Fault::SurplusOfTheAdopted);
                (is_of && is_reported && may_go).then_some((grave.at, *key))
            })
            .collect();
        spare.sort_unstable();
        if store.has(Fault::SurplusIsTheNewest) {
            spare.reverse();
        }
        let surplus = match store.has(Fault::SurplusStays) {
            true => 0,
            false => spare.len().saturating_sub(TOMBSTONES_PER_SUBJECT),
        };
        for (_, key) in spare.into_iter().take(surplus) {
            rows.remove(&key);
        }
    }
}

crate::teeth! {
    surplus_of_tombstones_kept_is_found: SurplusStays {
        tombstones::l22_newest_tombstones_of_a_subject_are_kept, "older ones removed";
        tombstones::l22_tombstones_of_many_ends_at_once_are_capped, "the rest is removed";
    }
    newest_tombstones_removed_is_found: SurplusIsTheNewest {
        tombstones::l22_newest_tombstones_of_a_subject_are_kept, "older ones removed";
    }
    adopted_tombstone_removed_as_surplus_is_found: SurplusOfTheAdopted {
        tombstones::l22_newest_tombstones_of_a_subject_are_kept, "a tombstone is expected";
    }
    unreported_end_removed_as_surplus_is_found: SurplusOfTheUnreported {
        tombstones::l22_newest_tombstones_of_a_subject_are_kept, "a tombstone is expected";
    }
    tombstones_counted_for_everybody_is_found: SurplusIsEverybodys {
        tombstones::l22_newest_tombstones_of_a_subject_are_kept, "a tombstone is expected";
    }
    adopted_tombstone_kept_by_age_is_found: AdoptedTombstonesGoByAge {
        tombstones::l04_adopted_tombstone_outlives_absolute_deadline,
            "a tombstone is expected";
    }
    adopted_tombstone_kept_by_deadline_is_found:
        AdoptedTombstonesGoByDeadline {
        tombstones::adopted_tombstone_is_kept_for_usual_lifetime,
            "a tombstone is expected";
    }
    forgetting_reported_as_end_is_found: ForgettingIsAnEnd {
        tombstones::l13_tombstone_is_kept_for_its_lifetime, "is no end";
    }
    tombstone_aging_from_deadline_is_found: ReapedTombstonesAgeFromTheDeadline {
        tombstones::l13_reaped_session_leaves_tombstone, "a tombstone is expected";
    }
    tombstone_prolonged_by_successor_is_found: SuccessorProlongs {
        tombstones::successor_prolongs_no_tombstone, "prolongs no tombstone";
    }
    tombstone_gone_at_once_is_found: TombstonesGoAtOnce {
        tombstones::l13_tombstone_is_kept_for_its_lifetime, "a tombstone is expected";
        tombstones::l13_reaped_session_leaves_tombstone, "a tombstone is expected";
    }
    tombstone_kept_forever_is_found: TombstonesStay {
        tombstones::l13_tombstone_is_kept_for_its_lifetime, "is removed";
        tombstones::l13_reaped_session_leaves_tombstone, "removed after it";
    }
}
