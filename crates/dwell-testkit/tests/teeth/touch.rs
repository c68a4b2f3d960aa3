//! Faulty touches.

use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, SessionStore, StoreFuture, TouchOutcome};
use dwell_core::{Facts, SessionKey, Timestamp};

use crate::assert_found;
use crate::planted::{Fault, Planted, ready};

/// The smallest step of time.
const MS: Duration = Duration::from_millis(1);

pub(crate) fn touch(
    store: &Planted,
    key: SessionKey,
    touch: Touch,
) -> StoreFuture<'_, TouchOutcome> {
    match store.fault {
        Fault::TouchIsNotAtomic => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let Some(mut row) = store.plain.rows().get(&key).cloned() else {
                return Ok(TouchOutcome::Gone);
            };
            if row.grave.is_some() {
                return Ok(TouchOutcome::Gone);
            }
            let touched = row.record.facts.touch(touch, now);
            store.dawdle().await;
            if touched == TouchOutcome::Recorded {
                store.plain.rows().insert(key, row);
            }
            Ok(touched)
        }),
        Fault::ReapEndsWhatWasTouched => StoreFuture::boxed(async move {
            // After the pass has chosen, and before it continues.
            let _ = store.chosen.subscribe().wait_for(|chosen| *chosen).await;
            let touched = store.plain.touch(key, touch);
            store.touched.send_modify(|count| *count += 1);
            Ok(touched)
        }),
        _ => ready(at_once(store, key, touch)),
    }
}

pub(crate) fn touch_and_load(
    store: &Planted,
    key: SessionKey,
    touch: Touch,
) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
    StoreFuture::boxed(async move {
        if store.has(Fault::LookUpBeforeTheTouch) {
            let loaded = store.load(key).await?;
            return Ok((self::touch(store, key, touch).await?, loaded));
        }
        let touched = self::touch(store, key, touch).await?;
        Ok((touched, store.load(key).await?))
    })
}

fn at_once(store: &Planted, key: SessionKey, touch: Touch) -> TouchOutcome {
    let now = store.plain.now();
    let mut rows = store.plain.rows();
    let Some(row) = rows.get_mut(&key) else {
        return TouchOutcome::Gone;
    };
    if row.grave.is_some() && !store.has(Fault::TouchRevives) {
        return TouchOutcome::Gone;
    }
    let before = row.record.facts;
    if store.has(Fault::LateTouchIsLost) && before.has_run_out(now) {
        return TouchOutcome::Gone;
    }
    if store.has(Fault::TouchWritesBackTheRecord) && before.version > 0 {
        row.record = row.first.clone();
    }
    let facts = &mut row.record.facts;
    let (deadlines, lock) = (*facts, facts.locked_at);
    forgive(store, facts, now);
    let mut touched = facts.touch(touch, now);
    match store.fault {
        Fault::TouchCountsAsOfNow if touched != TouchOutcome::Gone => {
            let of_now = Touch { at: now, ..touch };
            touched = facts.touch(of_now, now);
        }
        Fault::LateTouchOutlivesItself if before.has_run_out(now) => {
            touched = facts.touch(touch, before.idle_deadline - MS);
        }
        Fault::TouchForgetsTheDeadline => facts.idle_deadline = before.idle_deadline,
        Fault::TouchIsAVersion => facts.version += 1,
        Fault::TouchMovesBack if touched == TouchOutcome::Older => {
            facts.last_active_at = touch.at;
            facts.idle_deadline = touch.idle_deadline;
            touched = TouchOutcome::Recorded;
        }
        Fault::TouchRevives => row.grave = None,
        Fault::TouchTakesTheNodesDeadline if touched == TouchOutcome::Recorded => {
            facts.idle_deadline = touch.idle_deadline;
        }
        Fault::TouchTrustsTheNode if touched == TouchOutcome::Recorded => {
            facts.last_active_at = touch.at;
        }
        _ => {}
    }
    if touched != TouchOutcome::Recorded {
        facts.idle_deadline = deadlines.idle_deadline;
        facts.locked_at = lock;
    }
    facts.absolute_deadline = deadlines.absolute_deadline;
    facts.provider_deadline = deadlines.provider_deadline;
    touched
}

/// Removes the deadlines and locks that the fault ignores.
fn forgive(store: &Planted, facts: &mut Facts, now: Timestamp) {
    let forgives = |which, at| {
        let at_it = store.has(which) && now == at;
        at_it || store.has(Fault::TouchIgnoresDeadlines)
    };
    if forgives(Fault::TouchAtTheIdleDeadline, facts.idle_deadline) {
        facts.idle_deadline = Timestamp::MAX;
    }
    if forgives(Fault::TouchAtTheAbsoluteDeadline, facts.absolute_deadline) {
        facts.absolute_deadline = Timestamp::MAX;
    }
    if let Some(at) = facts.provider_deadline
        && forgives(Fault::TouchAtTheProvidersDeadline, at)
    {
        facts.provider_deadline = None;
    }
    if store.has(Fault::TouchOpensALock) {
        facts.locked_at = None;
    }
}

crate::teeth! {
    lookup_before_its_touch_is_found: LookUpBeforeTheTouch {
        touch::touch_and_load_looks_up_after_touching, "as the touch left it";
    }
    losing_late_touch_is_found: LateTouchIsLost {
        retried_touch::n58_retried_touch_counts_until_its_own_deadline, "before its own deadline";
    }
    late_touch_outliving_itself_is_found: LateTouchOutlivesItself {
        retried_touch::n58_retried_touch_counts_until_its_own_deadline, "and not at it";
    }
    touch_at_absolute_deadline_is_found: TouchAtTheAbsoluteDeadline {
        touch::n11_touch_at_absolute_deadline_is_too_late, "1 ms before a deadline";
    }
    touch_at_idle_deadline_is_found: TouchAtTheIdleDeadline {
        touch::n11_touch_at_idle_deadline_is_too_late, "1 ms before a deadline";
    }
    touch_at_provider_deadline_is_found: TouchAtTheProvidersDeadline {
        touch::n11_touch_at_provider_deadline_is_too_late, "1 ms before a deadline";
    }
    touch_counted_as_now_is_found: TouchCountsAsOfNow {
        clock::l11_touch_from_clock_behind_moves_nothing_back, "is older";
    }
    touch_without_deadline_is_found: TouchForgetsTheDeadline {
        touch::n16_touch_records_activity_and_deadline_only, "a touch changes";
        touch::touches_agree_with_pure_function, "`Facts::touch` changes";
    }
    touch_ignoring_deadlines_is_found: TouchIgnoresDeadlines {
        touch::l04_touch_after_deadline_revives_nothing, "comes too late";
        touch::touched_session_lives_until_new_deadline, "and runs out";
    }
    touch_making_new_version_is_found: TouchIsAVersion {
        touch::n16_touch_records_activity_and_deadline_only, "a touch changes";
        update::touch_since_lookup_is_no_conflict, "is no conflict";
    }
    non_atomic_touch_is_found: TouchIsNotAtomic {
        touch::l05_latest_of_concurrent_touches_stays, "the latest of all touches";
        together::l04_concurrent_touches_and_updates_undo_nothing, "is there";
        together::l04_change_meeting_end_is_in_tombstone_or_refused, "a tombstone";
    }
    touch_moving_activity_back_is_found: TouchMovesBack {
        touch::l05_older_touch_moves_nothing_back, "not later is older";
        touch::touches_agree_with_pure_function, "judged as";
        clock::l11_touch_from_clock_behind_moves_nothing_back, "is older";
    }
    touch_opening_lock_is_found: TouchOpensALock {
        locking::locked_session_takes_no_touch, "takes no touch";
    }
    reviving_touch_is_found: TouchRevives {
        touch::l04_ended_session_takes_no_touch, "takes no touch";
    }
    touch_with_deadline_of_node_is_found: TouchTakesTheNodesDeadline {
        clock::l11_touch_from_clock_ahead_gains_no_idle_time, "prolongs nothing";
        clock::l11_touch_at_end_of_time_counts_as_now, "no deadline that never comes";
    }
    touch_trusting_node_clock_is_found: TouchTrustsTheNode {
        clock::l11_touch_from_clock_ahead_counts_as_now, "never later";
        clock::l11_touch_at_end_of_time_counts_as_now, "never later";
    }
    touch_writing_whole_record_is_found: TouchWritesBackTheRecord {
        touch::l04_touch_undoes_no_update_since_lookup, "the new token stays";
    }
}
