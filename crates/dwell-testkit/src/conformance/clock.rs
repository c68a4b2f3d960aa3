//! The store's clock decides, even if a node's clock is wrong.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{clock, run};
//!
//! run(async || MemoryStore::new(), clock::l11_touch_from_clock_behind_moves_nothing_back);
//! ```

use dwell_core::store::TouchOutcome;
use dwell_core::{EndReason, Timestamp, minutes, seconds};

use super::fixture::{Fixture, IDLE, MS, touch};
use super::{DriveClock, StoreUnderTest};

/// Look-ups, ends and reaping passes carry the store's time.
pub async fn l11_every_answer_carries_store_time(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let before = fixture.now().await;
    assert!(before > Timestamp::MIN, "the store has a clock");
    let record = fixture.start(1, "alice").await;
    let loaded = fixture.store().load(record.key).await.unwrap().now;
    let missing = fixture.store().load(super::fixture::key(2)).await;
    let missing = missing.unwrap().now;
    let ended = fixture.end(record.key, EndReason::Revoked).await;
    let ended = ended.expect("the session is there").ended_at;
    let reaped = fixture.pass(&fixture.due_policy(), 10).await.now;
    let after = fixture.now().await;
    let all = [before, loaded, missing, ended, reaped, after];
    assert!(
        all.is_sorted(),
        "one clock, which never goes back, stamps every answer: {all:?}"
    );
}

/// A touch from a node whose clock is minutes ahead counts as of now.
pub async fn l11_touch_from_clock_ahead_counts_as_now(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let before = fixture.now().await;
    let touched = fixture.touch_at(&record, before + minutes(10)).await;
    let after = fixture.now().await;
    assert_eq!(touched, TouchOutcome::Recorded, "it is still activity");
    let active = fixture.found(record.key).await.facts.last_active_at;
    assert!(
        before <= active && active <= after,
        "activity is never later than the store's now"
    );
}

/// A touch from a node whose clock is minutes ahead gives the session the same
/// idle time as any touch.
pub async fn l11_touch_from_clock_ahead_gains_no_idle_time(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    fixture.touch_at(&record, now + minutes(10)).await;
    let facts = fixture.found(record.key).await.facts;
    assert_eq!(
        facts.idle_deadline - facts.last_active_at,
        IDLE,
        "a clock that is ahead prolongs nothing"
    );
}

/// A touch from a node whose clock is minutes behind is lost, or counts as of
/// its own instant. It moves nothing back.
pub async fn l11_touch_from_clock_behind_moves_nothing_back(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let behind = now - minutes(10);
    assert_eq!(
        fixture.touch_at(&record, behind).await,
        TouchOutcome::Older,
        "activity from before the last one is older"
    );
    assert_eq!(
        fixture.found(record.key).await,
        record,
        "and moves nothing back"
    );
    let between = now - minutes(2);
    assert_eq!(
        fixture.touch_at(&record, between).await,
        TouchOutcome::Recorded
    );
    let facts = fixture.found(record.key).await.facts;
    assert_eq!(
        (facts.last_active_at, facts.idle_deadline),
        (between, between + IDLE),
        "activity counts as of its own instant, not as of its arrival"
    );
}

/// A touch with an instant in the far future does not make a session immortal.
pub async fn l11_touch_at_end_of_time_counts_as_now(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let mut touch = touch(&record, Timestamp::MAX);
    touch.idle_deadline = Timestamp::MAX;
    fixture.touch(record.key, touch).await;
    let facts = fixture.found(record.key).await.facts;
    assert!(
        facts.last_active_at <= fixture.now().await,
        "activity is never later than the store's now"
    );
    assert!(
        facts.idle_deadline < Timestamp::MAX,
        "and sets no deadline that never comes"
    );
    assert_eq!(facts.absolute_deadline, record.facts.absolute_deadline);
}

/// The store's clock stands still until the case moves it, and moves by exactly
/// that. The cases on boundaries rely on it.
pub async fn store_clock_moves_only_when_moved(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let start = fixture.now().await;
    assert_eq!(fixture.now().await, start, "the store's clock stands still");
    let mut expected = start;
    for by in [MS, seconds(1), minutes(1), IDLE, MS] {
        fixture.advance(by).await;
        expected = expected + by;
        assert_eq!(
            fixture.now().await,
            expected,
            "the store's clock moves exactly as far as it is moved"
        );
    }
    let loaded = fixture.store().load(super::fixture::key(1)).await.unwrap();
    assert_eq!(loaded.now, expected, "in every operation");
}
