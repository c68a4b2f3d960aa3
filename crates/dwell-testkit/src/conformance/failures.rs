//! Failed re-authentications are counted by an atomic increment.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{failures, run};
//!
//! run(async || MemoryStore::new(), failures::n67_failures_at_once_are_all_counted);
//! ```

use dwell_core::store::{Update, Updated};
use dwell_core::{EndReason, minutes};

use super::fixture::{Fixture, MS, every_update, key};
use super::{DriveClock, StoreUnderTest};

/// Of 64 failures at once each is counted, and none fails.
pub async fn n67_failures_at_once_are_all_counted(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let key = record.key;
    let mut counts = fixture
        .at_once(64, move |fixture, _| async move {
            fixture.count_failure(key).await
        })
        .await;
    counts.sort_unstable();
    let all: Vec<_> = (1..=64).map(Some).collect();
    assert_eq!(counts, all, "every failure is counted");
    let mut expected = record;
    expected.facts.failures = 64;
    assert_eq!(
        fixture.found(key).await,
        expected,
        "and nothing else is changed"
    );
}

/// Of 64 failures at once, from the fifth on each ends the session, and one of
/// them gets it.
pub async fn n67_fifth_of_failures_at_once_ends_session_once(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let key = fixture.start(1, "alice").await.key;
    let ended = fixture
        .at_once(64, move |fixture, _| async move {
            match fixture.count_failure(key).await {
                Some(..5) => false,
                Some(_) => {
                    let ended = fixture.end(key, EndReason::ReauthenticationFailed);
                    ended.await.is_some()
                }
                None => false,
            }
        })
        .await;
    let ended = ended.iter().filter(|ended| **ended).count();
    assert_eq!(ended, 1, "one failure ends the session");
    let tombstone = fixture.tombstone(key).await;
    assert!(
        tombstone.record.facts.failures >= 5,
        "and not before the fifth"
    );
}

/// A failure makes no version, so it is in no conflict. Only an authentication
/// starts the count again.
pub async fn n67_failure_conflicts_with_no_update(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    for update in every_update(&record, now) {
        let before = fixture.found(record.key).await;
        let failures = before.facts.failures + 1;
        assert_eq!(fixture.count_failure(record.key).await, Some(failures));
        let version = before.facts.version;
        let updated = fixture.update(record.key, version, update.clone()).await;
        let Updated::Applied(updated) = updated else {
            panic!("a failure since the look-up is no conflict: {updated:?}")
        };
        let expected = match update {
            Update::Reauthenticate { .. } => 0,
            _ => failures,
        };
        assert_eq!(
            updated.facts.failures, expected,
            "only an authentication starts the count again: {update:?}"
        );
        let kept = fixture.found(record.key).await.facts.failures;
        assert_eq!(kept, expected, "and it is kept so");
    }
}

/// The count ends at 255, and does not begin again.
pub async fn n67_count_of_failures_stays_at_its_largest(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    record.facts.failures = 254;
    fixture.keep(&record).await;
    for _ in 0..3 {
        let counted = fixture.count_failure(record.key).await;
        assert_eq!(counted, Some(255), "the largest count stays");
    }
    assert_eq!(fixture.found(record.key).await.facts.failures, 255);
}

/// An ended session and an unknown one count nothing.
pub async fn l04_ended_session_counts_no_failure(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.end(record.key, EndReason::Revoked).await;
    assert_eq!(
        fixture.count_failure(record.key).await,
        None,
        "an ended session counts nothing"
    );
    assert_eq!(Some(fixture.tombstone(record.key).await), ended);
    assert_eq!(
        fixture.count_failure(key(2)).await,
        None,
        "nor does an unknown one"
    );
    assert!(fixture.is_missing(key(2)).await);
}

/// A failure is counted 1 ms before the absolute deadline and the provider's,
/// after the idle deadline too, and not at them.
pub async fn n11_failure_at_hard_deadline_is_too_late(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let mut sessions = Vec::new();
    for n in 0..2 {
        let mut record = fixture.record(n, "alice").await;
        record.facts.idle_deadline = now + MS;
        match n {
            0 => record.facts.absolute_deadline = now + minutes(1),
            _ => record.facts.provider_deadline = Some(now + minutes(1)),
        }
        fixture.keep(&record).await;
        sessions.push(record);
    }
    fixture.advance(minutes(1) - MS).await;
    for record in &sessions {
        let counted = fixture.count_failure(record.key).await;
        assert_eq!(counted, Some(1), "1 ms before the deadline there is time");
    }
    fixture.advance(MS).await;
    for record in &sessions {
        let counted = fixture.count_failure(record.key).await;
        assert_eq!(counted, None, "at the deadline it is too late");
        assert_eq!(fixture.found(record.key).await.facts.failures, 1);
    }
}
