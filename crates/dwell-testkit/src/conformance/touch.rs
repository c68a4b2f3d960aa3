//! A touch records activity and its deadline, never backwards, and never after
//! an end.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{run, touch};
//!
//! run(async || MemoryStore::new(), touch::l05_older_touch_moves_nothing_back);
//! ```

use dwell_core::store::{Lookup, TouchOutcome, Update};
use dwell_core::{EndReason, NetworkId, SessionRecord, Timestamp, minutes, seconds};

use super::fixture::{ABSOLUTE, AGO, Fixture, IDLE, MS, check, rotation, touch};
use super::{DriveClock, StoreUnderTest};

/// Last activity, network, idle deadline and longest pause change together.
/// Nothing else changes, not even the version.
pub async fn n16_touch_records_activity_and_deadline_only(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let at = record.facts.last_active_at + minutes(3);
    let mut touch = touch(&record, at);
    touch.network = NetworkId::of("office");
    touch.idle_deadline = at + minutes(30);
    assert_eq!(
        fixture.touch(record.key, touch).await,
        TouchOutcome::Recorded,
        "later activity of a live session is recorded"
    );
    let mut expected = record.clone();
    expected.facts.last_active_at = at;
    expected.facts.network = NetworkId::of("office");
    expected.facts.idle_deadline = at + minutes(30);
    expected.facts.longest_pause = minutes(3);
    assert_eq!(
        fixture.found(record.key).await,
        expected,
        "a touch changes activity, network, idle deadline and longest pause"
    );
}

/// Activity that is not later than the recorded one changes nothing, even with
/// a later deadline.
pub async fn l05_older_touch_moves_nothing_back(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let began = record.facts.created_at;
    fixture.touch_at(&record, began + minutes(3)).await;
    let kept = fixture.found(record.key).await;
    let older = [minutes(3), minutes(3) - MS, minutes(1), seconds(0)].map(|ago| began + ago);
    for at in older.into_iter().chain([began - AGO]) {
        let mut touch = touch(&record, at);
        touch.idle_deadline = kept.facts.idle_deadline + minutes(5);
        assert_eq!(
            fixture.touch(record.key, touch).await,
            TouchOutcome::Older,
            "a touch that is not later is older"
        );
        assert_eq!(
            fixture.found(record.key).await,
            kept,
            "an older touch moves nothing"
        );
    }
}

/// `touch_and_load` touches, and then looks up.
pub async fn touch_and_load_looks_up_after_touching(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let both = async |key, touch| {
        let both = fixture.store().touch_and_load(key, touch).await;
        let (touched, loaded) = both.expect("the store answers both");
        (touched, loaded.state)
    };
    let record = fixture.start(1, "alice").await;
    let at = record.facts.created_at + minutes(3);
    let mut expected = record.clone();
    expected.facts.touch(touch(&record, at), at);
    let later = both(record.key, touch(&record, at)).await;
    let Lookup::Found(found) = &later.1 else {
        panic!("a live session is found: {later:?}");
    };
    assert_eq!(
        (later.0, found),
        (TouchOutcome::Recorded, &expected),
        "it is found as the touch left it"
    );
    assert_eq!(fixture.found(record.key).await, expected, "and stays so");
    let older = both(record.key, touch(&record, at - MS)).await;
    assert!(
        matches!(&older, (TouchOutcome::Older, Lookup::Found(found)) if *found == expected),
        "an older touch changes nothing: {older:?}"
    );
    let ended = fixture.end(record.key, EndReason::SignedOut).await;
    let late = both(record.key, touch(&record, at + MS)).await;
    assert!(
        matches!(&late, (TouchOutcome::Gone, Lookup::Ended(found)) if Some(found) == ended.as_ref()),
        "a late touch finds the tombstone: {late:?}"
    );
    let other = fixture.record(2, "alice").await;
    let none = both(other.key, touch(&other, at)).await;
    assert!(
        matches!(none, (TouchOutcome::Gone, Lookup::Missing)),
        "an unknown key stays unknown: {none:?}"
    );
}

/// Touches in any order have the same effect as `Facts::touch` in that order.
pub async fn touches_agree_with_pure_function(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let mut facts = record.facts;
    for n in 0..40 {
        // Scattered over the time since the session began.
        let at = record.facts.created_at + MS * 7_001 * (n * 17 % 43);
        let mut touch = touch(&record, at);
        touch.network = NetworkId::from_bits(n);
        let expected = facts.touch(touch, now);
        let touched = fixture.touch(record.key, touch).await;
        assert_eq!(
            touched, expected,
            "a touch is judged as `Facts::touch` does"
        );
        assert_eq!(
            fixture.found(record.key).await.facts,
            facts,
            "and it changes what `Facts::touch` changes"
        );
    }
}

/// Of many concurrent touches the latest stays, with its network and deadline.
pub async fn l05_latest_of_concurrent_touches_stays(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for round in 0..8 {
        let record = fixture.start(round, "alice").await;
        let touched = record.clone();
        fixture
            .at_once(12, move |fixture, n| {
                let record = touched.clone();
                async move {
                    let mut touch = touch(&record, nth_activity(&record, n));
                    touch.network = NetworkId::from_bits(n);
                    fixture.touch(record.key, touch).await
                }
            })
            .await;
        let facts = fixture.found(record.key).await.facts;
        let at = nth_activity(&record, 11);
        assert_eq!(facts.last_active_at, at, "the latest of all touches stays");
        assert_eq!(
            (facts.network, facts.idle_deadline),
            (NetworkId::from_bits(11), at + IDLE),
            "with its network and its deadline"
        );
    }
}

fn nth_activity(record: &SessionRecord, n: u32) -> Timestamp {
    record.facts.created_at + seconds(10) * (n + 1)
}

/// A request loads the session, another updates it, the first touches it: the
/// update stays.
pub async fn l04_touch_undoes_no_update_since_lookup(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let loaded = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let rotated = Update::Rotate(rotation(&loaded, 2, now));
    let updated = fixture.apply(loaded.key, rotated).await;
    assert_eq!(fixture.count_failure(loaded.key).await, Some(1));
    assert_eq!(fixture.touch_at(&loaded, now).await, TouchOutcome::Recorded);
    let kept = fixture.found(loaded.key).await;
    assert_eq!(kept.credential.check, check(2), "the new token stays");
    assert_eq!(
        (kept.credential, kept.facts.version, kept.facts.failures),
        (updated.credential, updated.facts.version, 1),
        "a touch undoes no update that was made since the look-up"
    );
}

/// An ended session takes no touch of any instant, and its tombstone is
/// unchanged.
pub async fn l04_ended_session_takes_no_touch(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let ended = fixture.end(record.key, EndReason::SignedOut).await;
    for at in [now, now - minutes(1), now + minutes(1)] {
        assert_eq!(
            fixture.touch_at(&record, at).await,
            TouchOutcome::Gone,
            "an ended session takes no touch"
        );
    }
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        ended,
        "the tombstone is as the end left it"
    );
}

/// After a recorded deadline a session takes no touch, even of activity before
/// the deadline.
pub async fn l04_touch_after_deadline_revives_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let passed = now - minutes(1);
    let mut idle = fixture.opened(1, "alice", now - IDLE - minutes(1));
    let mut absolute = fixture.opened(2, "alice", now - ABSOLUTE - minutes(1));
    let mut provider = fixture.opened(3, "alice", now - minutes(10));
    idle.facts.idle_deadline = passed;
    absolute.facts.idle_deadline = now + IDLE;
    absolute.facts.absolute_deadline = passed;
    provider.facts.provider_deadline = Some(passed);
    for record in [idle, absolute, provider] {
        fixture.keep(&record).await;
        let before = passed - seconds(1);
        assert_eq!(
            fixture.touch_at(&record, before).await,
            TouchOutcome::Gone,
            "a touch that comes after a deadline comes too late"
        );
        assert_eq!(
            fixture.found(record.key).await,
            record,
            "and revives nothing"
        );
    }
}

/// Sets the deadline that a session of [`boundary`] runs into.
type Deadline = fn(&mut SessionRecord, Timestamp);

/// A touch 1 ms before the deadline is recorded; at it and 1 ms after, it is
/// too late.
async fn boundary<T: DriveClock>(under: T, set: Deadline) {
    let fixture = Fixture::new(under);
    let deadline = fixture.now().await + minutes(1);
    let mut records = Vec::new();
    for n in 0..3 {
        let mut record = fixture.record(n, "alice").await;
        set(&mut record, deadline);
        fixture.keep(&record).await;
        records.push(record);
    }
    fixture.advance(minutes(1) - MS).await;
    let expected = [
        TouchOutcome::Recorded,
        TouchOutcome::Gone,
        TouchOutcome::Gone,
    ];
    for (n, (record, expected)) in records.iter().zip(expected).enumerate() {
        let at = deadline - seconds(1);
        let touched = fixture.touch_at(record, at).await;
        assert_eq!(
            touched, expected,
            "1 ms before a deadline there is time, at it and after it there is none: case {n}"
        );
        let kept = fixture.found(record.key).await;
        assert_eq!(
            kept.facts.last_active_at == at,
            expected == TouchOutcome::Recorded,
            "the outcome matches the record"
        );
        fixture.advance(MS).await;
    }
}

/// At the idle deadline itself a touch is too late.
pub async fn n11_touch_at_idle_deadline_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| record.facts.idle_deadline = at).await;
}

/// At the absolute deadline itself a touch is too late.
pub async fn n11_touch_at_absolute_deadline_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| record.facts.absolute_deadline = at).await;
}

/// At the identity provider's deadline itself a touch is too late.
pub async fn n11_touch_at_provider_deadline_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| {
        record.facts.provider_deadline = Some(at);
    })
    .await;
}

/// A touch moves the idle deadline, and the session lives until the new one.
pub async fn touched_session_lives_until_new_deadline(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    for _ in 0..4 {
        fixture.advance(IDLE - AGO - MS).await;
        let now = fixture.now().await;
        assert_eq!(
            fixture.touch_at(&record, now).await,
            TouchOutcome::Recorded,
            "an active session stays live"
        );
        fixture.advance(AGO).await;
    }
    fixture.advance(IDLE - AGO).await;
    let now = fixture.now().await;
    assert_eq!(
        fixture.touch_at(&record, now).await,
        TouchOutcome::Gone,
        "and runs out one idle timeout after the last touch"
    );
}
