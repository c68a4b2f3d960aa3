//! Updates that are not compare-and-set, not whole, or of something else.

use dwell_core::store::{StoreFuture, Update, Updated};
use dwell_core::{OpenPart, Previous, SessionKey, SessionRecord, Timestamp, VerifierHash, hours};

use crate::assert_found;
use crate::plain::change;
use crate::planted::{Fault, Planted, ready};

pub(crate) fn update(
    store: &Planted,
    key: SessionKey,
    version: u32,
    update: Update,
) -> StoreFuture<'_, Updated> {
    match (store.fault, &update) {
        (Fault::UpdateIsNotAtomic, _) => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let Some(mut row) = store.plain.rows().get(&key).cloned() else {
                return Ok(Updated::Gone);
            };
            if row.grave.is_some() {
                return Ok(Updated::Gone);
            }
            let updated = change(&mut row.record, version, &update, now);
            store.dawdle().await;
            if let Updated::Applied(_) = updated {
                store.plain.rows().insert(key, row);
            }
            Ok(updated)
        }),
        (Fault::RotationInTwoSteps, Update::Rotate(rotation)) => {
            let rotation = *rotation;
            StoreFuture::boxed(async move {
                if let Some(row) = store.plain.rows().get_mut(&key) {
                    let credential = &mut row.record.credential;
                    credential.previous = Some(Previous {
                        check: credential.check,
                        at: rotation.at,
                    });
                }
                store.dawdle().await;
                Ok(store.plain.update(key, version, &update))
            })
        }
        _ => ready(at_once(store, key, version, &update)),
    }
}

fn at_once(store: &Planted, key: SessionKey, mut version: u32, update: &Update) -> Updated {
    let now = store.plain.now();
    let mut rows = store.plain.rows();
    let Some(row) = rows.get_mut(&key) else {
        return Updated::Gone;
    };
    if row.grave.is_some() {
        if !store.has(Fault::UpdateRevives) {
            return Updated::Gone;
        }
        row.grave = None;
    }
    let before = row.record.clone();
    let mut at = now;
    match store.fault {
        Fault::UpdateIgnoresDeadlines => at = Timestamp::MIN,
        Fault::UpdateIgnoresTheVersion => version = before.facts.version,
        Fault::UpdateNeedsALiveSession if before.facts.has_run_out(now) => return Updated::Gone,
        Fault::UpdateWritesBackTheRecord => row.record = row.first.clone(),
        Fault::LocksMoveOn if matches!(update, Update::Lock { .. }) => {
            row.record.facts.locked_at = None;
        }
        _ => {}
    }
    let updated = change(&mut row.record, version, update, at);
    if !matches!(updated, Updated::Applied(_)) {
        row.record = before;
        return updated;
    }
    spoil(store, &before, &mut row.record, update);
    Updated::Applied(row.record.clone())
}

fn spoil(store: &Planted, before: &SessionRecord, record: &mut SessionRecord, update: &Update) {
    let facts = &mut record.facts;
    match store.fault {
        Fault::UpdateForgetsTheForeign if record.credential.is_adopted() => {
            record.credential.check = VerifierHash::from_bits(1);
        }
        Fault::UpdateForgetsTheOpenPart => record.open.clone_from(&before.open),
        Fault::UpdateKeepsWhatItKnows => record.open = known(&record.open),
        Fault::UpdateMovesTheAbsoluteDeadline
            if matches!(update, Update::Reauthenticate { .. }) =>
        {
            facts.absolute_deadline = facts.authenticated_at + hours(8);
        }
        Fault::VersionsStop => facts.version = before.facts.version.saturating_add(1),
        _ => {}
    }
}

/// The open part without what only a newer version knows.
pub(crate) fn known(open: &OpenPart) -> OpenPart {
    let context = open.authentication().unwrap_or_default();
    OpenPart::new().with_authentication(&context).unwrap()
}

crate::teeth! {
    a_lock_that_moves_on_is_found: LocksMoveOn {
        locking::a_reauthentication_opens_a_lock, "the one that came first";
    }
    a_rotation_in_two_steps_is_found: RotationInTwoSteps {
        update::n46_a_rotation_that_is_dropped_half_way_is_whole_or_not_there, "is whole or not";
    }
    an_update_that_forgets_who_owns_the_session_is_found: UpdateForgetsTheForeign {
        update::a_foreign_session_stays_foreign, "stays foreign";
    }
    an_update_that_forgets_the_open_part_is_found: UpdateForgetsTheOpenPart {
        open_part::a_statement_replaces_the_open_part_by_compare_and_set, "as it is";
        update::every_kind_of_update_does_what_the_pure_function_does, "as the update leaves it";
    }
    an_update_that_ignores_deadlines_is_found: UpdateIgnoresDeadlines {
        update::n11_at_the_absolute_deadline_an_update_is_too_late, "it is too late";
        update::n11_at_the_providers_deadline_an_update_is_too_late, "it is too late";
    }
    an_update_that_ignores_the_version_is_found: UpdateIgnoresTheVersion {
        update::an_update_for_another_version_conflicts_and_changes_nothing, "is not the one";
        update::every_update_makes_another_version, "not made twice";
        update::n46_of_many_rotations_at_once_one_wins, "one rotation wins";
    }
    an_update_that_is_not_atomic_is_found: UpdateIsNotAtomic {
        update::n46_of_many_rotations_at_once_one_wins, "one rotation wins";
        together::l04_touches_and_updates_at_once_undo_nothing, "is there";
        together::l04_what_meets_an_end_comes_before_it_or_not_at_all, "a tombstone";
    }
    an_update_that_moves_the_absolute_deadline_is_found: UpdateMovesTheAbsoluteDeadline {
        update::l03_no_update_moves_the_absolute_deadline, "no update moves";
    }
    an_update_that_keeps_known_facts_alone_is_found: UpdateKeepsWhatItKnows {
        open_part::only_a_statement_changes_the_open_part, "is kept whole: Confirm";
        open_part::a_statement_replaces_the_open_part_by_compare_and_set, "as it is";
    }
    an_update_that_wants_a_live_session_is_found: UpdateNeedsALiveSession {
        locking::an_idle_session_can_be_locked_and_opened_again, "can be locked";
    }
    an_update_that_revives_is_found: UpdateRevives {
        update::l04_an_ended_session_takes_no_update, "takes no update";
    }
    an_update_that_writes_back_the_whole_record_is_found: UpdateWritesBackTheRecord {
        update::a_touch_since_the_look_up_is_no_conflict_and_is_not_undone, "does not undo it";
    }
    a_version_that_stops_counting_is_found: VersionsStop {
        update::every_update_makes_another_version, "makes the next version";
    }
}
