//! Reaping that ends the wrong sessions, too many, too few, or twice.

use std::time::Duration;

use dwell_core::store::{DuePolicy, Reaped, StoreFuture};
use dwell_core::{EndReason, Facts, SessionKey, Timestamp, Verdict, minutes};

use crate::assert_found;
use crate::plain::{Row, Rows, is_due, take};
use crate::planted::{Fault, Planted, ready};
use crate::tombstones;
use crate::update::known;

pub(crate) fn reap(store: &Planted, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
    match store.fault {
        Fault::ReapIsNotAtomic => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let (mut rows, keys, more) = choose(store, &judge, batch);
            store.dawdle().await;
            let mut reaped = begin(now, more);
            for key in keys {
                take(&mut rows, key, &judge, now, &mut reaped);
                if let Some(row) = rows.remove(&key) {
                    store.plain.rows().insert(key, row);
                }
            }
            Ok(reaped)
        }),
        Fault::ReapEndsWhatWasTouched => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let (rows, keys, more) = choose(store, &judge, batch);
            let mut reaped = begin(now, more);
            if !keys.is_empty() && !store.chosen.send_replace(true) {
                let mut touched = store.touched.subscribe();
                let _ = touched.wait_for(|count| *count >= rows.len()).await;
            }
            for key in keys {
                let end = EndReason::IdleTimeout.into();
                reaped.ended.extend(store.plain.end(key, end));
            }
            Ok(reaped)
        }),
        _ => ready(at_once(store, &judge, batch)),
    }
}

fn begin(now: Timestamp, more: bool) -> Reaped {
    Reaped {
        now,
        more,
        ..Reaped::default()
    }
}

/// A copy of what there is, what in it is due, and whether that is all.
fn choose(store: &Planted, judge: &DuePolicy, batch: usize) -> (Rows, Vec<SessionKey>, bool) {
    let rows = store.plain.rows().clone();
    let now = store.plain.now();
    let due = rows
        .iter()
        .filter(|(_, row)| is_due(row, judge, store.plain.tombstones, now));
    let mut keys: Vec<_> = due.map(|(key, _)| *key).collect();
    let more = keys.len() > batch;
    keys.truncate(batch);
    (rows, keys, more)
}

fn at_once(store: &Planted, judge: &DuePolicy, mut batch: usize) -> Reaped {
    let now = match store.fault {
        Fault::ReapIsEarly => store.plain.now() + Duration::from_millis(1),
        _ => store.plain.now(),
    };
    if store.has(Fault::ReapIgnoresTheBatch) {
        batch = usize::MAX;
    }
    let mut rows = store.plain.rows();
    let due = |row: &Row| match row.grave {
        Some(_) => tombstones::is_over(store, row, now),
        None => is_due_by(store, row, judge, now),
    };
    let mut seen: Vec<_> = rows.iter().collect();
    if store.has(Fault::ReapStopsAtWhatIsNotDue) {
        seen.truncate(batch);
    }
    let keys: Vec<_> = seen
        .into_iter()
        .filter(|(_, row)| due(row))
        .map(|(key, _)| *key)
        .collect();
    let mut reaped = begin(now, keys.len() > batch);
    match store.fault {
        Fault::ReapSaysNoMore => reaped.more = false,
        Fault::ReapNeverHasEnough => reaped.more = true,
        Fault::ReapLocksAgain => {
            let locked = rows.values().map(|row| &row.record);
            let locked = locked.filter(|record| record.facts.locked_at.is_some());
            reaped.locked.extend(locked.cloned());
        }
        Fault::ReapTellsTwice => reaped
            .ended
            .extend(rows.values().filter_map(Row::tombstone)),
        _ => {}
    }
    for key in keys.into_iter().take(batch) {
        take_by(store, &mut rows, key, judge, now, &mut reaped);
    }
    reaped
}

/// Whether the store takes it that this session is due.
fn is_due_by(store: &Planted, row: &Row, judge: &DuePolicy, now: Timestamp) -> bool {
    let facts = seen_as(store, row, now);
    let old_lock = store
        .old_locks
        .lock()
        .unwrap()
        .get(&row.record.key)
        .copied();
    match store.fault {
        Fault::ReapForgetsTheLocked if facts.locked_at.is_some() => false,
        Fault::ReapGoesByTheOldLock if old_lock.is_some_and(|until| now >= until) => true,
        Fault::ReapIgnoresPolicies => facts.has_run_out(now),
        Fault::ReapSkipsTheTouched if facts.last_active_at != row.first.facts.last_active_at => {
            false
        }
        _ => match judge.verdict(&facts, now) {
            Verdict::Ended(_) => true,
            Verdict::Locked { .. } => facts.locked_at.is_none(),
            _ => false,
        },
    }
}

/// The facts that the store goes by.
fn seen_as(store: &Planted, row: &Row, now: Timestamp) -> Facts {
    match store.fault {
        Fault::ReapGoesByFirstDeadlines => row.first.facts,
        Fault::ReapIgnoresRecords => Facts {
            idle_deadline: now + minutes(600),
            ..row.record.facts
        },
        _ => row.record.facts,
    }
}

fn take_by(
    store: &Planted,
    rows: &mut Rows,
    key: SessionKey,
    judge: &DuePolicy,
    now: Timestamp,
    reaped: &mut Reaped,
) {
    let Some(row) = rows.get_mut(&key) else {
        return;
    };
    let tombstone = row.tombstone();
    if let Some(tombstone) = tombstone {
        if store.has(Fault::ForgettingIsAnEnd) {
            reaped.ended.push(tombstone);
        }
        rows.remove(&key);
        return;
    }
    if let Fault::ReapGoesByFirstDeadlines
    | Fault::ReapGoesByTheOldLock
    | Fault::ReapIgnoresPolicies
    | Fault::ReapForgetsTheReason = store.fault
        && (row.record.facts.locked_at.is_some() || !locks(row, judge, now))
    {
        reaped
            .ended
            .extend(row.end(EndReason::IdleTimeout.into(), now));
        return;
    }
    if store.has(Fault::ReapKeepsWhatItKnows) {
        row.record.open = known(&row.record.open);
    }
    take(rows, key, judge, now, reaped);
    let mut old_locks = store.old_locks.lock().unwrap();
    for locked in &reaped.locked {
        let Verdict::Locked { until } = judge.verdict(&locked.facts, now) else {
            continue;
        };
        old_locks.entry(locked.key).or_insert(until);
    }
}

fn locks(row: &Row, judge: &DuePolicy, now: Timestamp) -> bool {
    matches!(
        judge.verdict(&row.record.facts, now),
        Verdict::Locked { .. }
    )
}

crate::teeth! {
    reaping_that_ends_what_was_touched_is_found: ReapEndsWhatWasTouched {
        reapers::l04_a_touch_during_a_pass_saves_the_session_or_comes_too_late, "has not ended";
    }
    reaping_that_forgets_the_locked_is_found: ReapForgetsTheLocked {
        locking::an_idle_session_is_locked_once_and_ends_after_the_lock_period, "it ends when";
        locking::a_session_that_a_request_locked_is_ended_and_not_locked_again, "all the same";
    }
    reaping_that_forgets_the_reason_is_found: ReapForgetsTheReason {
        reaping::l12_what_is_due_ends_with_its_own_reason_and_once, "of its own deadline";
    }
    reaping_by_first_deadlines_is_found: ReapGoesByFirstDeadlines {
        reaping::l12_a_touched_session_is_looked_at_again, "not due at its old deadline";
    }
    reaping_by_a_lock_that_was_opened_is_found: ReapGoesByTheOldLock {
        locking::a_session_that_was_opened_again_is_not_ended_for_its_old_lock, "its old lock";
    }
    reaping_that_ignores_policies_is_found: ReapIgnoresPolicies {
        reaping::l06_a_stricter_policy_finds_sessions_that_nobody_uses, "finds sessions";
    }
    reaping_that_ignores_recorded_deadlines_is_found: ReapIgnoresRecords {
        reaping::l06_a_looser_policy_prolongs_no_recorded_deadline, "prolongs no deadline";
    }
    reaping_that_ignores_the_batch_is_found: ReapIgnoresTheBatch {
        reaping::n22_a_pass_is_bounded_and_says_when_more_is_due, "no more than it is told";
    }
    reaping_before_the_deadline_is_found: ReapIsEarly {
        reaping::where_nothing_is_due_a_pass_does_nothing, "before its deadline";
    }
    reaping_that_is_not_atomic_is_found: ReapIsNotAtomic {
        reapers::l12_reapers_at_once_report_each_end_and_each_lock_once, "report each end once";
        reapers::n20_requests_and_reapers_at_once_report_each_end_once, "report each end once";
    }
    reaping_that_keeps_known_facts_alone_is_found: ReapKeepsWhatItKnows {
        open_part::a_reaper_keeps_the_open_part, "is kept whole: a lock";
    }
    reaping_that_locks_again_is_found: ReapLocksAgain {
        locking::an_idle_session_is_locked_once_and_ends_after_the_lock_period, "is locked once";
        locking::a_session_that_a_request_locked_is_ended_and_not_locked_again, "not locked again";
    }
    reaping_that_never_has_enough_is_found: ReapNeverHasEnough {
        reaping::where_nothing_is_due_a_pass_does_nothing, "reaping comes to an end";
        reaping::n22_a_pass_is_bounded_and_says_when_more_is_due, "no more is due after that";
    }
    reaping_that_says_too_early_that_it_is_done_is_found: ReapSaysNoMore {
        reaping::n22_a_pass_is_bounded_and_says_when_more_is_due, "everything is done";
    }
    reaping_that_skips_the_touched_is_found: ReapSkipsTheTouched {
        reaping::l12_a_touched_session_is_looked_at_again, "it is due at its new one";
    }
    reaping_that_stops_at_what_is_not_due_is_found: ReapStopsAtWhatIsNotDue {
        reaping::what_is_due_is_found_among_much_that_is_not, "there is a tombstone";
    }
    reaping_that_tells_twice_is_found: ReapTellsTwice {
        reaping::l12_what_is_due_ends_with_its_own_reason_and_once, "all that is due ends";
    }
}
