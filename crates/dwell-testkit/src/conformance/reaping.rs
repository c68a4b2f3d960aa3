//! Reaping ends due sessions without requests, once, in bounded batches.
//!
//! ```
//! use dwell_core::{ManualClock, hours};
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{OnManualClock, reaping, run};
//!
//! let make = async || {
//!     let clock = ManualClock::new();
//!     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
//!     OnManualClock::new(store, clock, hours(1))
//! };
//! run(make, reaping::n22_pass_is_bounded_and_says_if_more_is_due);
//! ```

use std::sync::Arc;

use dwell_core::store::{DuePolicy, TouchOutcome};
use dwell_core::{EndReason, PolicySet, Timeouts, minutes, seconds};

use super::DriveClock;
use super::fixture::{ABSOLUTE, AGO, Fixture, IDLE, LATE, MS, keys_in_order, keys_of};

fn due_policy(policies: PolicySet) -> DuePolicy {
    DuePolicy::new(Arc::new(policies))
}

/// A pass does nothing up to the last millisecond before a deadline.
pub async fn pass_with_nothing_due_does_nothing(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let reaped = fixture.reap().await;
    assert!(
        reaped.ended.is_empty() && reaped.locked.is_empty(),
        "in an empty store nothing is due"
    );
    let records = fixture.start_many(5, "alice").await;
    for wait in [seconds(0), IDLE - AGO - MS] {
        fixture.advance(wait).await;
        let reaped = fixture.reap().await;
        assert!(
            reaped.ended.is_empty() && reaped.locked.is_empty(),
            "before its deadline no session is due"
        );
    }
    for record in &records {
        assert_eq!(
            fixture.found(record.key).await,
            *record,
            "a pass that does nothing changes nothing"
        );
    }
}

/// Each due session ends for the reason of its own deadline, whole, and is
/// reported once.
pub async fn l12_due_sessions_end_once_with_own_reason(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let deadline = fixture.now().await + minutes(5);
    let idle = fixture.opened(1, "alice", deadline - IDLE);
    let mut absolute = fixture.opened(2, "alice", deadline - ABSOLUTE);
    absolute.facts.last_active_at = deadline - minutes(10);
    absolute.facts.idle_deadline = deadline + minutes(5);
    let mut provider = fixture.opened(3, "bob", deadline - minutes(10));
    provider.facts.provider_deadline = Some(deadline);
    let live = fixture.record(4, "bob").await;
    for record in [&idle, &absolute, &provider, &live] {
        fixture.keep(record).await;
    }
    fixture.advance(minutes(5)).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert_eq!(reaped.ended.len(), 3, "all that is due ends: {reaped:?}");
    let expected = [
        (&idle, EndReason::IdleTimeout),
        (&absolute, EndReason::AbsoluteTimeout),
        (&provider, EndReason::IdpSessionExpired),
    ];
    for (record, reason) in expected {
        let ended = reaped.ended.iter().find(|e| e.record.key == record.key);
        let ended = ended.expect("all that is due ends");
        assert_eq!(
            (&ended.record, ended.reason, ended.replaced),
            (record, reason, false),
            "each with the reason of its own deadline, and as it was"
        );
        assert!(
            ended.ended_at >= deadline && ended.ended_at <= deadline + LATE,
            "at the instant of the pass"
        );
        assert_eq!(
            fixture.tombstone(record.key).await,
            *ended,
            "and leaves a tombstone"
        );
    }
    assert_eq!(fixture.keys("alice").await, [], "and is in no list");
    assert_eq!(fixture.keys("bob").await, [live.key]);
    let again = fixture.reap_late(&fixture.due_policy()).await;
    assert!(again.ended.is_empty(), "no end is reported twice");
    let end = fixture.end(idle.key, EndReason::IdleTimeout).await;
    assert!(end.is_none(), "nor by another caller");
}

/// A pass does no more than its batch, and says whether more is due. Passes come
/// to an end, with everything done.
pub async fn n22_pass_is_bounded_and_says_if_more_is_due(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(60, "alice").await;
    fixture.advance(IDLE - AGO + LATE).await;
    let mut ended = Vec::new();
    // Some passes may find nothing.
    for _ in 0..1_000 {
        let pass = fixture.pass(&fixture.due_policy(), 7).await;
        assert!(
            pass.ended.len() + pass.locked.len() <= 7,
            "a pass does no more than its batch"
        );
        ended.extend(pass.ended);
        if !pass.more {
            break;
        }
    }
    assert_eq!(
        keys_of(&ended),
        keys_in_order(&records),
        "when no more is due everything is done"
    );
    let pass = fixture.pass(&fixture.due_policy(), 7).await;
    assert!(
        pass.ended.is_empty() && !pass.more,
        "and no more is due after that"
    );
}

/// A touched session is due at its new deadline, not at its first one.
pub async fn l12_touched_session_is_reaped_at_new_deadline(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    for _ in 0..4 {
        fixture.advance(minutes(8)).await;
        let now = fixture.now().await;
        assert_eq!(fixture.touch_at(&record, now).await, TouchOutcome::Recorded);
        let reaped = fixture.reap().await;
        assert!(
            reaped.ended.is_empty(),
            "a session that was touched is not due at its old deadline"
        );
    }
    fixture.advance(IDLE - MS).await;
    assert!(
        fixture.reap().await.ended.is_empty(),
        "nor before its new one"
    );
    fixture.advance(MS).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert_eq!(
        keys_of(&reaped.ended),
        [record.key],
        "and it is due at its new one"
    );
}

/// A stricter policy ends unused sessions before their recorded deadlines, even
/// after a pass by the old policy.
pub async fn l06_stricter_policy_reaches_unused_sessions(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(5, "alice").await;
    assert!(fixture.reap().await.ended.is_empty());
    let strict = due_policy(
        PolicySet::simple(Timeouts {
            idle: minutes(6),
            absolute: ABSOLUTE,
        })
        .expect("the policies are valid"),
    );
    let reaped = fixture.reap_late(&strict).await;
    assert!(
        reaped.ended.is_empty(),
        "five minutes are less than the stricter six"
    );
    fixture.advance(minutes(1)).await;
    let reaped = fixture.reap_late(&strict).await;
    assert_eq!(
        keys_of(&reaped.ended),
        keys_in_order(&records),
        "a stricter policy finds unused sessions"
    );
    for ended in &reaped.ended {
        assert_eq!(ended.reason, EndReason::IdleTimeout);
    }
}

/// A looser policy moves no recorded deadline.
pub async fn l06_looser_policy_moves_no_recorded_deadline(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    assert!(fixture.reap().await.ended.is_empty());
    let loose = due_policy(
        PolicySet::simple(Timeouts {
            idle: minutes(60),
            absolute: ABSOLUTE * 2,
        })
        .expect("the policies are valid"),
    );
    fixture.advance(IDLE - AGO - MS).await;
    let reaped = fixture.reap_by(&loose, 100).await;
    assert!(reaped.ended.is_empty(), "not before the deadline on record");
    fixture.advance(MS).await;
    let reaped = fixture.reap_late(&loose).await;
    assert_eq!(
        keys_of(&reaped.ended),
        [record.key],
        "a looser policy prolongs no deadline on record"
    );
}

/// A due session is found among many tombstones and live sessions.
pub async fn due_session_is_found_among_many_others(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    for n in 0..90 {
        let record = fixture.opened(n, "alice", now);
        fixture.keep(&record).await;
        if n % 3 == 0 {
            fixture.end(record.key, EndReason::SignedOut).await;
        }
    }
    let due = fixture.start(100, "alice").await;
    fixture.advance(IDLE - AGO).await;
    fixture.reap_by(&fixture.due_policy(), 2).await;
    fixture.advance(LATE).await;
    fixture.reap_by(&fixture.due_policy(), 2).await;
    assert_eq!(
        fixture.tombstone(due.key).await.reason,
        EndReason::IdleTimeout,
        "a due session is found among many others, in small batches"
    );
    assert_eq!(fixture.keys("alice").await.len(), 60, "and nothing else");
}
