//! A tombstone stays for its time, and then goes.
//!
//! ```
//! use dwell_core::{ManualClock, hours};
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{OnManualClock, run, tombstones};
//!
//! let make = async || {
//!     let clock = ManualClock::new();
//!     let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
//!     OnManualClock::new(store, clock, hours(1))
//! };
//! run(make, tombstones::l13_a_tombstone_stays_for_its_lifetime_and_then_goes);
//! ```

use dwell_core::store::{Created, End};
use dwell_core::{EndReason, VerifierHash, minutes, seconds};

use super::DriveClock;
use super::fixture::{Fixture, LATE, MS};

/// For its lifetime a tombstone tells of the end, to the last millisecond;
/// after it, reaping forgets it, which is no second end, and the key is free.
pub async fn l13_a_tombstone_stays_for_its_lifetime_and_then_goes(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.end(record.key, EndReason::Revoked).await;
    for part in [seconds(1), fixture.tombstones() - seconds(1) - MS] {
        fixture.advance(part).await;
        let reaped = fixture.reap().await;
        assert!(reaped.ended.is_empty(), "a tombstone does not end again");
        assert_eq!(
            Some(fixture.tombstone(record.key).await),
            ended,
            "a tombstone stays for its lifetime"
        );
    }
    let again = fixture.create(&record, None).await;
    assert!(
        matches!(again, Created::Exists),
        "and keeps its key as long: {again:?}"
    );
    fixture.advance(MS + LATE).await;
    let reaped = fixture.reap().await;
    assert!(
        reaped.ended.is_empty() && reaped.locked.is_empty(),
        "forgetting a tombstone is no end"
    );
    assert!(
        fixture.is_missing(record.key).await,
        "a tombstone whose time is over is forgotten"
    );
    let now = fixture.now().await;
    let anew = fixture.opened(1, "alice", now);
    fixture.keep(&anew).await;
    assert_eq!(fixture.found(anew.key).await, anew, "and its key is free");
}

/// The tombstone of an end that only reaping saw lives as long as any other,
/// from that end on.
pub async fn l13_a_reaped_session_leaves_a_tombstone_like_any_other(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let left = record.facts.idle_deadline - fixture.now().await;
    // Seen late: the lifetime runs from the end on record.
    fixture.advance(left + minutes(10)).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    let [ended] = reaped.ended.as_slice() else {
        panic!("the one session that is due is ended: {:?}", reaped.ended)
    };
    let lived = fixture.now().await - ended.ended_at;
    fixture.advance(fixture.tombstones() - lived - MS).await;
    fixture.reap().await;
    assert_eq!(
        fixture.tombstone(record.key).await,
        *ended,
        "the tombstone of a reaped session stays for its lifetime"
    );
    fixture.advance(MS + LATE).await;
    fixture.reap().await;
    assert!(
        fixture.is_missing(record.key).await,
        "and is forgotten after it"
    );
}

/// Another middleware may show its session until the absolute deadline, so the
/// tombstone stays as long: else the session would be adopted anew.
pub async fn l04_the_tombstone_of_a_foreign_session_outlives_its_absolute_deadline(
    under: impl DriveClock,
) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    record.credential.check = VerifierHash::NONE;
    let lasts = fixture.tombstones() * 3;
    record.facts.absolute_deadline = fixture.now().await + lasts;
    fixture.keep(&record).await;
    let ended = fixture.end(record.key, EndReason::Revoked).await;
    fixture.advance(fixture.tombstones() + LATE).await;
    fixture.reap().await;
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        ended,
        "the tombstone of a foreign session outlives the usual lifetime"
    );
    fixture
        .advance(lasts - fixture.tombstones() - LATE - MS)
        .await;
    fixture.reap().await;
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        ended,
        "and stays until its absolute deadline"
    );
    let again = fixture.create(&record, None).await;
    assert!(
        matches!(again, Created::Exists),
        "so that it is not adopted anew: {again:?}"
    );
    fixture.advance(MS + LATE).await;
    fixture.reap().await;
    assert!(
        fixture.is_missing(record.key).await,
        "and then it is forgotten"
    );
}

/// One whose absolute deadline is near is kept for the usual lifetime.
pub async fn the_tombstone_of_a_foreign_session_stays_at_least_as_long_as_any(
    under: impl DriveClock,
) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    record.credential.check = VerifierHash::NONE;
    record.facts.absolute_deadline = fixture.now().await + seconds(30);
    fixture.keep(&record).await;
    fixture.end(record.key, EndReason::Revoked).await;
    fixture.advance(fixture.tombstones() - MS).await;
    fixture.reap().await;
    let tombstone = fixture.tombstone(record.key).await;
    assert_eq!(
        tombstone.record, record,
        "a near deadline makes a tombstone's life no shorter"
    );
    fixture.advance(MS + LATE).await;
    fixture.reap().await;
    assert!(fixture.is_missing(record.key).await);
}

/// A successor that is noted late makes a tombstone live no longer.
pub async fn noting_a_successor_prolongs_no_tombstone(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    fixture.end(record.key, EndReason::IdleTimeout).await;
    fixture.advance(fixture.tombstones() - MS).await;
    let superseded = End {
        reason: EndReason::Superseded,
        replaced: true,
    };
    assert!(fixture.end(record.key, superseded).await.is_none());
    assert!(fixture.tombstone(record.key).await.replaced);
    fixture.advance(MS + LATE).await;
    fixture.reap().await;
    assert!(
        fixture.is_missing(record.key).await,
        "a successor prolongs no tombstone"
    );
}
