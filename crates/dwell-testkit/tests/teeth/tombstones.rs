//! Tombstones that go too early or too late.

use dwell_core::Timestamp;

use crate::assert_found;
use crate::plain::Row;
use crate::planted::{Fault, Planted};

/// Whether the store takes it that this tombstone's time is over.
pub(crate) fn is_over(store: &Planted, row: &Row, now: Timestamp) -> bool {
    let tombstones = store.plain.tombstones;
    let Some(grave) = row.grave else {
        return false;
    };
    let (record, facts) = (&row.record, &row.record.facts);
    match store.fault {
        Fault::ForeignTombstonesGoByAge => now >= grave.at + tombstones,
        Fault::ForeignTombstonesGoByDeadline if record.credential.is_adopted() => {
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

crate::teeth! {
    the_tombstone_of_a_foreign_session_that_goes_by_age_is_found: ForeignTombstonesGoByAge {
        tombstones::l04_the_tombstone_of_a_foreign_session_outlives_its_absolute_deadline,
            "there is a tombstone";
    }
    the_tombstone_of_a_foreign_session_that_goes_by_its_deadline_is_found:
        ForeignTombstonesGoByDeadline {
        tombstones::the_tombstone_of_a_foreign_session_stays_at_least_as_long_as_any,
            "there is a tombstone";
    }
    forgetting_that_is_told_as_an_end_is_found: ForgettingIsAnEnd {
        tombstones::l13_a_tombstone_stays_for_its_lifetime_and_then_goes, "is no end";
    }
    a_tombstone_that_ages_from_the_deadline_is_found: ReapedTombstonesAgeFromTheDeadline {
        tombstones::l13_a_reaped_session_leaves_a_tombstone_like_any_other, "there is a tombstone";
    }
    a_successor_that_prolongs_a_tombstone_is_found: SuccessorProlongs {
        tombstones::noting_a_successor_prolongs_no_tombstone, "prolongs no tombstone";
    }
    a_tombstone_that_goes_at_once_is_found: TombstonesGoAtOnce {
        tombstones::l13_a_tombstone_stays_for_its_lifetime_and_then_goes, "there is a tombstone";
        tombstones::l13_a_reaped_session_leaves_a_tombstone_like_any_other, "there is a tombstone";
    }
    a_tombstone_that_stays_is_found: TombstonesStay {
        tombstones::l13_a_tombstone_stays_for_its_lifetime_and_then_goes, "is forgotten";
        tombstones::l13_a_reaped_session_leaves_a_tombstone_like_any_other, "forgotten after it";
    }
}
