//! A touch that the store failed to record may come after the recorded deadline.

use dwell_core::store::TouchOutcome;
use dwell_core::{EndReason, minutes};

use super::DriveClock;
use super::fixture::{Fixture, MS, touch};

/// Activity before the idle deadline that the store failed to record is recorded
/// after that deadline, until the deadline of the touch itself. A session that has
/// ended meanwhile stays ended.
pub async fn n58_retried_touch_counts_until_its_own_deadline(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let deadline = fixture.now().await + minutes(1);
    let mut records = Vec::new();
    for n in 0..5 {
        let mut record = fixture.record(n, "alice").await;
        record.facts.idle_deadline = deadline;
        fixture.keep(&record).await;
        records.push(record);
    }
    fixture.advance(minutes(2)).await;
    let now = fixture.now().await;
    fixture.end(records[0].key, EndReason::IdleTimeout).await;
    for (n, at, own, retried) in [
        (0, deadline - MS, now + MS, true),
        (1, deadline - MS, now + MS, false),
        (2, deadline - MS, now, true),
        (3, deadline, now + MS, true),
        (4, deadline - MS, now + MS, true),
    ] {
        let mut touch = touch(&records[n], at);
        touch.idle_deadline = own;
        touch.retried = retried;
        let expected = match n {
            4 => TouchOutcome::Recorded,
            _ => TouchOutcome::Gone,
        };
        assert_eq!(
            fixture.touch(records[n].key, touch).await,
            expected,
            "a retried touch counts before its own deadline, and not at it: case {n}"
        );
        if n > 0 {
            let found = fixture.found(records[n].key).await.facts;
            assert_eq!(
                found.idle_deadline != deadline,
                n == 4,
                "the outcome matches the record"
            );
        }
    }
}
