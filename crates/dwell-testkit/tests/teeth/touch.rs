//! Touches that do too much, too little or too late.

use dwell_core::engine::Touch;
use dwell_core::store::{Loaded, SessionStore, StoreFuture, TouchOutcome};
use dwell_core::{Facts, SessionKey, Timestamp};

use crate::assert_found;
use crate::planted::{Fault, Planted, ready};

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
            // After the pass has chosen, and before it goes on.
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

/// Takes out of the way what should stand in it.
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
    a_look_up_that_does_not_see_its_touch_is_found: LookUpBeforeTheTouch {
        touch::a_touch_and_a_look_up_in_one_are_one_after_the_other, "as the touch left it";
    }
    a_touch_that_lets_the_absolute_deadline_pass_is_found: TouchAtTheAbsoluteDeadline {
        touch::n11_at_the_absolute_deadline_a_touch_is_too_late, "1 ms before a deadline";
    }
    a_touch_that_lets_the_idle_deadline_pass_is_found: TouchAtTheIdleDeadline {
        touch::n11_at_the_idle_deadline_a_touch_is_too_late, "1 ms before a deadline";
    }
    a_touch_that_lets_the_providers_deadline_pass_is_found: TouchAtTheProvidersDeadline {
        touch::n11_at_the_providers_deadline_a_touch_is_too_late, "1 ms before a deadline";
    }
    a_touch_that_counts_as_of_now_is_found: TouchCountsAsOfNow {
        clock::l11_a_touch_from_a_clock_behind_moves_nothing_back, "is older";
    }
    a_touch_that_forgets_its_deadline_is_found: TouchForgetsTheDeadline {
        touch::n16_a_touch_records_activity_with_its_deadline_and_nothing_else, "a touch changes";
        touch::any_sequence_of_touches_agrees_with_the_pure_function, "`Facts::touch` changes";
    }
    a_touch_that_ignores_deadlines_is_found: TouchIgnoresDeadlines {
        touch::l04_a_touch_that_comes_after_a_deadline_revives_nothing, "comes too late";
        touch::a_touched_session_lives_until_its_new_deadline, "and runs out";
    }
    a_touch_that_makes_a_version_is_found: TouchIsAVersion {
        touch::n16_a_touch_records_activity_with_its_deadline_and_nothing_else, "a touch changes";
        update::a_touch_since_the_look_up_is_no_conflict_and_is_not_undone, "is no conflict";
    }
    a_touch_that_is_not_atomic_is_found: TouchIsNotAtomic {
        touch::l05_of_many_touches_at_once_the_latest_stays, "the latest of all touches";
        together::l04_touches_and_updates_at_once_undo_nothing, "is there";
        together::l04_what_meets_an_end_comes_before_it_or_not_at_all, "a tombstone";
    }
    a_touch_that_moves_activity_back_is_found: TouchMovesBack {
        touch::l05_an_older_touch_moves_nothing_back, "not later is older";
        touch::any_sequence_of_touches_agrees_with_the_pure_function, "judged as";
        clock::l11_a_touch_from_a_clock_behind_moves_nothing_back, "is older";
    }
    a_touch_that_opens_a_lock_is_found: TouchOpensALock {
        locking::a_locked_session_takes_no_touch, "takes no touch";
    }
    a_touch_that_revives_is_found: TouchRevives {
        touch::l04_an_ended_session_takes_no_touch, "takes no touch";
    }
    a_touch_that_takes_the_deadline_of_a_node_ahead_is_found: TouchTakesTheNodesDeadline {
        clock::l11_a_touch_from_a_clock_ahead_gains_no_idle_time, "prolongs nothing";
        clock::l11_a_touch_at_the_end_of_time_is_one_of_now, "no deadline that never comes";
    }
    a_touch_that_trusts_the_clock_of_a_node_is_found: TouchTrustsTheNode {
        clock::l11_a_touch_from_a_clock_ahead_is_never_later_than_now, "never later";
        clock::l11_a_touch_at_the_end_of_time_is_one_of_now, "never later";
    }
    a_touch_that_writes_back_the_whole_record_is_found: TouchWritesBackTheRecord {
        touch::l04_a_touch_undoes_no_update_made_since_the_look_up, "the new token stays";
    }
}
