//! Faulty updates.

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
    let mut update = update.clone();
    if let (Fault::UpdateForgetsTheIdleDeadline, Update::Reauthenticate { lock_period, .. }) =
        (store.fault, &mut update)
    {
        *lock_period = hours(8);
    }
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
    let updated = change(&mut row.record, version, &update, at);
    if !matches!(updated, Updated::Applied(_)) {
        row.record = before;
        return updated;
    }
    spoil(store, &before, &mut row.record, &update);
    Updated::Applied(row.record.clone())
}

fn spoil(store: &Planted, before: &SessionRecord, record: &mut SessionRecord, update: &Update) {
    let facts = &mut record.facts;
    match store.fault {
        Fault::UpdateForgetsTheOwner if record.credential.is_adopted() => {
            record.credential.check = VerifierHash::from_bits(1);
        }
        Fault::UpdateForgetsTheOpenPart => record.open.clone_from(&before.open),
        Fault::UpdateForgetsTheProvider => {
            facts.provider_deadline = before.facts.provider_deadline;
        }
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
    moving_lock_is_found: LocksMoveOn {
        locking::reauthentication_opens_lock, "the instant of the first";
    }
    rotation_in_two_steps_is_found: RotationInTwoSteps {
        update::n46_dropped_rotation_is_whole_or_absent, "is whole or absent";
    }
    update_losing_owner_is_found: UpdateForgetsTheOwner {
        update::adopted_session_stays_adopted, "stays adopted";
    }
    update_ignoring_idle_deadline_is_found: UpdateForgetsTheIdleDeadline {
        locking::n69_authentication_at_idle_deadline_is_too_late, "it is too late";
        locking::n69_authentication_at_end_of_lock_is_too_late, "it is too late";
    }
    update_losing_open_part_is_found: UpdateForgetsTheOpenPart {
        adopted::n103_newer_proof_is_heard_once_and_kept, "is heard";
        open_part::open_part_is_replaced_by_compare_and_set, "as given";
        update::updates_agree_with_pure_function, "as the update leaves it";
    }
    update_losing_owners_limit_is_found: UpdateForgetsTheProvider {
        adopted::n103_newer_proof_is_heard_once_and_kept, "is heard";
        update::updates_agree_with_pure_function, "as the update leaves it";
    }
    update_ignoring_deadlines_is_found: UpdateIgnoresDeadlines {
        update::n11_update_at_absolute_deadline_is_too_late, "it is too late";
        update::n11_update_at_provider_deadline_is_too_late, "it is too late";
    }
    update_ignoring_version_is_found: UpdateIgnoresTheVersion {
        update::update_for_other_version_conflicts, "is not the current one";
        update::every_update_makes_new_version, "not made twice";
        update::n46_one_of_many_concurrent_rotations_wins, "one rotation wins";
    }
    non_atomic_update_is_found: UpdateIsNotAtomic {
        update::n46_one_of_many_concurrent_rotations_wins, "one rotation wins";
        together::l04_concurrent_touches_and_updates_undo_nothing, "is there";
        together::l04_change_meeting_end_is_in_tombstone_or_refused, "a tombstone";
    }
    update_moving_absolute_deadline_is_found: UpdateMovesTheAbsoluteDeadline {
        update::l03_no_update_moves_absolute_deadline, "no update moves";
    }
    update_dropping_unknown_facts_is_found: UpdateKeepsWhatItKnows {
        open_part::only_reauthentication_changes_open_part, "is kept whole: Confirm";
        open_part::open_part_is_replaced_by_compare_and_set, "as given";
    }
    update_requiring_live_session_is_found: UpdateNeedsALiveSession {
        locking::idle_session_can_be_locked_and_unlocked, "can be locked";
    }
    reviving_update_is_found: UpdateRevives {
        update::l04_ended_session_takes_no_update, "takes no update";
    }
    update_writing_whole_record_is_found: UpdateWritesBackTheRecord {
        update::touch_since_lookup_is_no_conflict, "does not undo it";
    }
    stuck_version_is_found: VersionsStop {
        update::every_update_makes_new_version, "makes the next version";
    }
}
