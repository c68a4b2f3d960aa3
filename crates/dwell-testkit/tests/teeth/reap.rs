//! Faulty reaping: the wrong sessions, too many, too few, or twice.

use std::time::Duration;

use dwell_core::store::{DuePolicy, Reaped, StoreFuture};
use dwell_core::{EndReason, Facts, SessionKey, Timestamp, Verdict, minutes};

use crate::assert_found;
use crate::plain::{Row, Rows, is_due, take};
use crate::planted::{Fault, Planted, ready};
use crate::tombstones;
use crate::update::known;

pub(crate) fn reap(
    store: &Planted,
    due_policy: DuePolicy,
    batch: usize,
) -> StoreFuture<'_, Reaped> {
    match store.fault {
        Fault::ReapIsNotAtomic => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let (mut rows, keys, more) = choose(store, &due_policy, batch);
            store.dawdle().await;
            let mut reaped = begin(now, more);
            for key in keys {
                take(&mut rows, key, &due_policy, now, &mut reaped);
                if let Some(row) = rows.remove(&key) {
                    store.plain.rows().insert(key, row);
                }
            }
            Ok(reaped)
        }),
        Fault::ReapEndsWhatWasTouched => StoreFuture::boxed(async move {
            let now = store.plain.now();
            let (rows, keys, more) = choose(store, &due_policy, batch);
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
        _ => ready(at_once(store, &due_policy, batch)),
    }
}

fn begin(now: Timestamp, more: bool) -> Reaped {
    Reaped {
        now,
        more,
        ..Reaped::default()
    }
}

/// A copy of all rows, the due keys of a batch, and whether more are due.
fn choose(store: &Planted, due_policy: &DuePolicy, batch: usize) -> (Rows, Vec<SessionKey>, bool) {
    let rows = store.plain.rows().clone();
    let now = store.plain.now();
    let due = rows
        .iter()
        .filter(|(_, row)| is_due(row, due_policy, store.plain.tombstones, now));
    let mut keys: Vec<_> = due.map(|(key, _)| *key).collect();
    let more = keys.len() > batch;
    keys.truncate(batch);
    (rows, keys, more)
}

fn at_once(store: &Planted, due_policy: &DuePolicy, mut batch: usize) -> Reaped {
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
        None => is_due_by(store, row, due_policy, now),
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
        take_by(store, &mut rows, key, due_policy, now, &mut reaped);
    }
    reaped
}

/// Whether the store considers this session due.
fn is_due_by(store: &Planted, row: &Row, due_policy: &DuePolicy, now: Timestamp) -> bool {
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
        _ => match due_policy.verdict(&facts, now) {
            Verdict::Ended(_) => true,
            Verdict::Locked { .. } => facts.locked_at.is_none(),
            _ => false,
        },
    }
}

/// The facts that the store uses.
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
    due_policy: &DuePolicy,
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
        && (row.record.facts.locked_at.is_some() || !locks(row, due_policy, now))
    {
        reaped
            .ended
            .extend(row.end(EndReason::IdleTimeout.into(), now));
        return;
    }
    if store.has(Fault::ReapKeepsWhatItKnows) {
        row.record.open = known(&row.record.open);
    }
    take(rows, key, due_policy, now, reaped);
    let mut old_locks = store.old_locks.lock().unwrap();
    for locked in &reaped.locked {
        let Verdict::Locked { until } = due_policy.verdict(&locked.facts, now) else {
            continue;
        };
        old_locks.entry(locked.key).or_insert(until);
    }
}

fn locks(row: &Row, due_policy: &DuePolicy, now: Timestamp) -> bool {
    matches!(
        due_policy.verdict(&row.record.facts, now),
        Verdict::Locked { .. }
    )
}

crate::teeth! {
    reaping_touched_sessions_is_found: ReapEndsWhatWasTouched {
        reapers::l04_touch_during_pass_saves_session_or_is_late, "has not ended";
    }
    reaping_without_locked_sessions_is_found: ReapForgetsTheLocked {
        locking::idle_session_is_locked_once_then_ends, "it ends when";
        locking::session_locked_by_request_is_not_locked_again, "still ends";
    }
    reaping_without_reason_is_found: ReapForgetsTheReason {
        reaping::l12_due_sessions_end_once_with_own_reason, "of its own deadline";
    }
    reaping_by_first_deadlines_is_found: ReapGoesByFirstDeadlines {
        reaping::l12_touched_session_is_reaped_at_new_deadline, "not due at its old deadline";
    }
    reaping_by_opened_lock_is_found: ReapGoesByTheOldLock {
        locking::unlocked_session_is_not_ended_for_old_lock, "its old lock";
    }
    reaping_without_policies_is_found: ReapIgnoresPolicies {
        reaping::l06_stricter_policy_reaches_unused_sessions, "finds unused sessions";
    }
    reaping_without_recorded_deadlines_is_found: ReapIgnoresRecords {
        reaping::l06_looser_policy_moves_no_recorded_deadline, "prolongs no deadline";
    }
    reaping_beyond_batch_is_found: ReapIgnoresTheBatch {
        reaping::n22_pass_is_bounded_and_says_if_more_is_due, "no more than its batch";
    }
    reaping_before_deadline_is_found: ReapIsEarly {
        reaping::pass_with_nothing_due_does_nothing, "before its deadline";
    }
    non_atomic_reaping_is_found: ReapIsNotAtomic {
        reapers::l12_concurrent_reapers_report_each_end_once, "report each end once";
        reapers::n20_requests_and_reapers_report_each_end_once, "report each end once";
    }
    reaping_dropping_unknown_facts_is_found: ReapKeepsWhatItKnows {
        open_part::reaper_keeps_open_part, "is kept whole: a lock";
    }
    reaping_locking_twice_is_found: ReapLocksAgain {
        locking::idle_session_is_locked_once_then_ends, "is locked once";
        locking::session_locked_by_request_is_not_locked_again, "not locked again";
    }
    endless_reaping_is_found: ReapNeverHasEnough {
        reaping::pass_with_nothing_due_does_nothing, "reaping comes to an end";
        reaping::n22_pass_is_bounded_and_says_if_more_is_due, "no more is due after that";
    }
    reaping_done_too_early_is_found: ReapSaysNoMore {
        reaping::n22_pass_is_bounded_and_says_if_more_is_due, "everything is done";
    }
    reaping_skipping_touched_sessions_is_found: ReapSkipsTheTouched {
        reaping::l12_touched_session_is_reaped_at_new_deadline, "it is due at its new one";
    }
    reaping_stopping_early_is_found: ReapStopsAtWhatIsNotDue {
        reaping::due_session_is_found_among_many_others, "a tombstone is expected";
    }
    reaping_reporting_twice_is_found: ReapTellsTwice {
        reaping::l12_due_sessions_end_once_with_own_reason, "all that is due ends";
    }
}
