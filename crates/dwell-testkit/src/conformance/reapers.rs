//! Concurrent reapers, and reapers concurrent with requests.
//!
//! ```
//! use dwell_core::{ManualClock, hours};
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{OnManualClock, reapers, run};
//!
//! let make = async || {
//!     let clock = ManualClock::new();
//!     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
//!     OnManualClock::new(store, clock, hours(1))
//! };
//! run(make, reapers::n20_requests_and_reapers_report_each_end_once);
//! ```

use std::sync::Arc;

use dwell_core::store::{DuePolicy, TouchOutcome};
use dwell_core::{EndReason, PolicySet, SessionRecord, Timeouts, Verdict, minutes};

use super::DriveClock;
use super::fixture::{ABSOLUTE, AGO, Fixture, IDLE, LATE, keys_in_order, keys_of};
use super::locking::locking;

/// Concurrent reapers report each end once, and each lock once.
pub async fn l12_concurrent_reapers_report_each_end_once(under: impl DriveClock) {
    let fixture = Fixture::with(under, locking(IDLE));
    let now = fixture.now().await;
    let mut ending = Vec::new();
    let mut idle = Vec::new();
    for n in 0..40 {
        let mut record = fixture.opened(n, "alice", now - IDLE + minutes(1));
        if n % 2 == 0 {
            record.facts.provider_deadline = Some(now + minutes(1));
            ending.push(record.clone());
        } else {
            idle.push(record.clone());
        }
        fixture.keep(&record).await;
    }
    fixture.advance(minutes(1) + LATE).await;
    let reaped = fixture
        .at_once(4, |fixture, _| async move {
            fixture.reap_by(&fixture.due_policy(), 5).await
        })
        .await;
    let (mut ended, mut locked) = (Vec::new(), Vec::new());
    for reaped in reaped {
        ended.extend(reaped.ended);
        locked.extend(reaped.locked);
    }
    assert_eq!(
        keys_of(&ended),
        keys_in_order(&ending),
        "reapers at once report each end once"
    );
    assert_eq!(
        keys_in_order(&locked),
        keys_in_order(&idle),
        "and each lock once"
    );
}

/// Requests and reapers at the same deadline report each end once.
pub async fn n20_requests_and_reapers_report_each_end_once(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    for round in 0..8 {
        let records = start_round(&fixture, round).await;
        fixture.advance(IDLE - AGO + LATE).await;
        let due = keys_in_order(&records);
        let keys = due.clone();
        let ended = fixture
            .at_once(4, move |fixture, n| {
                let keys = keys.clone();
                async move {
                    if n < 2 {
                        return fixture.reap_by(&fixture.due_policy(), 3).await.ended;
                    }
                    let mut ended = Vec::new();
                    // In reverse order, so that they meet the reapers.
                    for key in keys.into_iter().rev() {
                        ended.extend(fixture.end(key, EndReason::IdleTimeout).await);
                        tokio::task::yield_now().await;
                    }
                    ended
                }
            })
            .await;
        let ended: Vec<_> = ended.into_iter().flatten().collect();
        assert_eq!(
            keys_of(&ended),
            due,
            "requests and reapers at once report each end once"
        );
    }
}

/// A touch that returned `Recorded` saves its session from a pass under way. If
/// the pass was first, the touch returns `Gone`.
pub async fn l04_touch_during_pass_saves_session_or_is_late(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    for round in 0..8 {
        let records = start_round(&fixture, round).await;
        // Due by a stricter policy, while the recorded deadlines allow a touch.
        let strict = PolicySet::simple(Timeouts {
            idle: minutes(3),
            absolute: ABSOLUTE,
        })
        .expect("the policies are valid");
        let strict = DuePolicy::new(Arc::new(strict));
        let touched = touch_during_a_pass(&fixture, &strict, &records).await;
        let now = fixture.now().await;
        for (record, touched) in records.iter().zip(touched) {
            if touched == TouchOutcome::Recorded {
                let facts = fixture.found(record.key).await.facts;
                assert!(
                    matches!(strict.verdict(&facts, now), Verdict::Live(_)),
                    "a touch that was recorded saves its session"
                );
            } else {
                assert_eq!(touched, TouchOutcome::Gone, "the activity is the latest");
                assert_eq!(
                    fixture.tombstone(record.key).await.record,
                    *record,
                    "where the pass was first, the touch changed nothing"
                );
            }
        }
    }
}

/// Starts twenty sessions for a round, of a subject of its own: one subject does
/// not have that many tombstones.
async fn start_round<T: DriveClock>(fixture: &Fixture<T>, round: u32) -> Vec<SessionRecord> {
    let subject = format!("subject {round}");
    let mut records = Vec::new();
    for n in 0..20 {
        records.push(fixture.start(round * 100 + n, &subject).await);
    }
    records
}

/// Reaps and touches concurrently. Returns the outcomes of the touches.
async fn touch_during_a_pass<T: DriveClock>(
    fixture: &Fixture<T>,
    due: &DuePolicy,
    records: &[SessionRecord],
) -> Vec<TouchOutcome> {
    let (due, records) = (due.clone(), records.to_vec());
    let touched = fixture
        .at_once(2, move |fixture, n| {
            let (due, records) = (due.clone(), records.clone());
            async move {
                let mut touched = Vec::new();
                if n == 0 {
                    fixture.reap_by(&due, 4).await;
                    return touched;
                }
                let now = fixture.now().await;
                for record in &records {
                    touched.push(fixture.touch_at(record, now).await);
                    tokio::task::yield_now().await;
                }
                touched
            }
        })
        .await;
    touched.into_iter().flatten().collect()
}
