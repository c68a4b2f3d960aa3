//! Tombstones that are removed too early or too late.

use dwell_core::Timestamp;

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

crate::teeth! {
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
