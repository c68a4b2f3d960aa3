//! A tombstone is kept for its lifetime, and then removed.
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
//! run(make, tombstones::l13_tombstone_is_kept_for_its_lifetime);
//! ```

use dwell_core::store::{Created, End, Lookup, TOMBSTONES_PER_SUBJECT};
use dwell_core::{EndReason, VerifierHash, minutes, seconds};

use super::DriveClock;
use super::fixture::{Fixture, LATE, MS};

/// A tombstone is found to the last millisecond of its lifetime. Then reaping
/// removes it, which is no second end, and its key is free.
pub async fn l13_tombstone_is_kept_for_its_lifetime(under: impl DriveClock) {
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
        "and keeps its key for as long: {again:?}"
    );
    fixture.advance(MS + LATE).await;
    let reaped = fixture.reap().await;
    assert!(
        reaped.ended.is_empty() && reaped.locked.is_empty(),
        "removing a tombstone is no end"
    );
    assert!(
        fixture.is_missing(record.key).await,
        "a tombstone whose time is over is removed"
    );
    let now = fixture.now().await;
    let anew = fixture.opened(1, "alice", now);
    fixture.keep(&anew).await;
    assert_eq!(fixture.found(anew.key).await, anew, "and its key is free");
}

/// The tombstone of a reaped session is kept for the usual lifetime, from the
/// recorded end on.
pub async fn l13_reaped_session_leaves_tombstone(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let left = record.facts.idle_deadline - fixture.now().await;
    // Reaped late: the lifetime counts from the recorded end.
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
        "and is removed after it"
    );
}

/// Another middleware may send its session until the absolute deadline, so the
/// tombstone is kept as long. Otherwise the session would be adopted again.
pub async fn l04_adopted_tombstone_outlives_absolute_deadline(under: impl DriveClock) {
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
        "the tombstone of an adopted session outlives the usual lifetime"
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
        "so that it is not adopted again: {again:?}"
    );
    fixture.advance(MS + LATE).await;
    fixture.reap().await;
    assert!(
        fixture.is_missing(record.key).await,
        "and then it is removed"
    );
}

/// The tombstone of an adopted session with a near absolute deadline is kept for
/// the usual lifetime.
pub async fn adopted_tombstone_is_kept_for_usual_lifetime(under: impl DriveClock) {
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
        "a near deadline shortens no tombstone's lifetime"
    );
    fixture.advance(MS + LATE).await;
    fixture.reap().await;
    assert!(fixture.is_missing(record.key).await);
}

/// Recording a successor late does not prolong a tombstone's lifetime.
pub async fn successor_prolongs_no_tombstone(under: impl DriveClock) {
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

/// However many sessions a subject has, the newest of its tombstones are kept and
/// no more. What is no such tombstone stays: live sessions, those of others,
/// adopted ones, and ends that were not reported yet.
pub async fn l22_newest_tombstones_of_a_subject_are_kept(under: impl DriveClock) {
    const SURPLUS: usize = 10;
    let fixture = Fixture::new(under);
    let others = fixture.start(1_001, "bob").await;
    fixture.end(others.key, EndReason::Revoked).await;
    let mut adopted = fixture.record(1_002, "alice").await;
    adopted.credential.check = VerifierHash::NONE;
    fixture.keep(&adopted).await;
    fixture.end(adopted.key, EndReason::Revoked).await;
    let unreported = fixture.start(1_003, "alice").await;
    let end = End::from(EndReason::Revoked);
    let ended = fixture.store().end(unreported.key, end).await;
    assert!(matches!(ended, Ok(Some(_))), "a session ends: {ended:?}");
    let live = fixture.start(1_004, "alice").await;

    let count = u32::try_from(TOMBSTONES_PER_SUBJECT + SURPLUS).expect("a small number");
    let records = fixture.start_many(count, "alice").await;
    for record in &records {
        fixture.advance(MS).await;
        fixture.end(record.key, EndReason::SignedOut).await;
    }
    for (n, record) in records.iter().enumerate() {
        let state = fixture.state(record.key).await;
        let is_kept = matches!(state, Lookup::Ended(_));
        assert_eq!(
            is_kept,
            n >= SURPLUS,
            "the newest tombstones are kept, older ones removed: {n} is {state:?}"
        );
    }
    for kept in [others.key, adopted.key, unreported.key] {
        assert_eq!(
            fixture.tombstone(kept).await.reason,
            EndReason::Revoked,
            "and every other tombstone is kept"
        );
    }
    assert_eq!(
        fixture.found(live.key).await,
        live,
        "and so is a live session"
    );
}

/// Sessions that end together leave as many tombstones as those that end one
/// after another.
pub async fn l22_tombstones_of_many_ends_at_once_are_capped(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let count = u32::try_from(TOMBSTONES_PER_SUBJECT + 50).expect("a small number");
    let records = fixture.start_many(count, "alice").await;
    let keys: Vec<_> = records.iter().map(|record| record.key).collect();
    let ended = fixture.end_many(keys.clone()).await;
    assert_eq!(ended.len(), keys.len(), "each session ends once");
    let mut kept = 0;
    for key in keys {
        kept += usize::from(!fixture.is_missing(key).await);
    }
    assert_eq!(kept, TOMBSTONES_PER_SUBJECT, "the rest is removed");
}
