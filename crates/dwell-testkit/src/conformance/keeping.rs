//! A session is kept once, under its key, until it is ended.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{keeping, run};
//!
//! run(async || MemoryStore::new(), keeping::lookup_changes_nothing);
//! ```

use dwell_core::store::{Created, Lookup, TouchOutcome, Updated};
use dwell_core::{EndReason, SessionKey};

use super::fixture::{Fixture, LATE, every_update, key, touch};
use super::{DriveClock, StoreUnderTest};

/// A look-up finds a session as it was created.
pub async fn new_session_is_found_as_created(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.record(1, "alice").await;
    let created = fixture.create(&record, None).await;
    assert!(
        matches!(&created, Created::Created { ended } if ended.is_empty()),
        "a first session is kept and ends no other: {created:?}"
    );
    assert_eq!(
        fixture.found(record.key).await,
        record,
        "a session is found as it was created"
    );
}

/// An unknown key finds nothing, and no operation on it creates anything.
pub async fn n50_unknown_key_finds_and_creates_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.record(1, "alice").await;
    let now = fixture.now().await;
    assert!(fixture.is_missing(record.key).await, "nothing is there yet");
    assert_eq!(
        fixture.touch_at(&record, now).await,
        TouchOutcome::Gone,
        "an unknown session takes no touch"
    );
    for update in every_update(&record, now) {
        let updated = fixture.update(record.key, 0, update.clone()).await;
        assert!(
            matches!(updated, Updated::Gone),
            "an unknown session takes no update: {update:?}"
        );
    }
    assert!(
        fixture.end(record.key, EndReason::Revoked).await.is_none(),
        "the end of an unknown session is not reported"
    );
    assert!(
        fixture.is_missing(record.key).await,
        "asking for an unknown session creates nothing"
    );
    assert_eq!(fixture.keys("alice").await, [], "nor for its subject");
    fixture.keep(&record).await;
}

/// A second session under the same key is refused, and the first stays.
pub async fn key_in_use_stays_with_its_session(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let first = fixture.start(1, "alice").await;
    let mut second = fixture.record(2, "mallory").await;
    second.key = first.key;
    let created = fixture.create(&second, None).await;
    assert!(
        matches!(created, Created::Exists),
        "a key in use is refused: {created:?}"
    );
    assert_eq!(
        fixture.found(first.key).await,
        first,
        "the session that has the key stays as it was"
    );
    assert_eq!(fixture.keys("alice").await, [first.key]);
    assert_eq!(
        fixture.keys("mallory").await,
        [],
        "the refused login left no session"
    );
}

/// A key with a tombstone takes no new session.
pub async fn l04_key_of_ended_session_is_not_reused(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.end(record.key, EndReason::SignedOut).await;
    let created = fixture.create(&record, None).await;
    assert!(
        matches!(created, Created::Exists),
        "the key of a tombstone is refused: {created:?}"
    );
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        ended,
        "the tombstone stays as it was"
    );
    assert_eq!(fixture.keys("alice").await, []);
}

/// Of many concurrent creations under one key, one is kept, whole.
pub async fn one_of_concurrent_creations_under_one_key_wins(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let created = fixture
        .at_once(8, |fixture, n| async move {
            let mut record = fixture.record(n, &format!("subject {n}")).await;
            record.key = key(100);
            let created = fixture.create(&record, None).await;
            matches!(created, Created::Created { .. }).then_some(record)
        })
        .await;
    let kept: Vec<_> = created.into_iter().flatten().collect();
    assert_eq!(kept.len(), 1, "one of the creations succeeds");
    let found = fixture.found(key(100)).await;
    assert_eq!(found, kept[0], "and it is the one that is found");
    for n in 0..8 {
        let subject = format!("subject {n}");
        let won = found.subject.as_str() == subject;
        assert_eq!(
            fixture.keys(&subject).await.len(),
            usize::from(won),
            "only the subject that won has a session"
        );
    }
}

/// Look-ups and lists are no activity and change nothing.
pub async fn lookup_changes_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    for _ in 0..3 {
        assert_eq!(
            fixture.found(record.key).await,
            record,
            "a look-up leaves the session as it was"
        );
        assert_eq!(fixture.keys("alice").await, [record.key]);
        let listed = fixture.store().list("alice".into()).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&record), "and so does a list");
    }
}

/// Keys that differ in any bit find different sessions.
pub async fn sessions_under_similar_keys_do_not_mix(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut keys = vec![[0; 16], [0xff; 16], *b"key:{tag}*?\\'\"%_"];
    for byte in 0..16 {
        let mut flipped = [0; 16];
        flipped[byte] = 1;
        keys.push(flipped);
        flipped[byte] = 0x80;
        keys.push(flipped);
    }
    let mut records = Vec::new();
    for (n, bytes) in (0..).zip(keys) {
        let mut record = fixture.record(n, "alice").await;
        record.key = SessionKey::from_bytes(bytes);
        fixture.keep(&record).await;
        records.push(record);
    }
    let touched = records[0].key;
    let now = fixture.now().await;
    fixture.touch(touched, touch(&records[0], now)).await;
    for record in &records[1..] {
        assert_eq!(
            fixture.found(record.key).await,
            *record,
            "every key finds its own session, and only its own was touched"
        );
    }
}

/// A store that claims to be local has every answer at once.
pub async fn local_store_answers_at_once(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let store = fixture.store();
    if !store.is_local() {
        return;
    }
    let record = fixture.record(1, "alice").await;
    let now = fixture.now().await;
    let update = every_update(&record, now).remove(0);
    let at_once = "a local store has its answer at once";
    assert!(store.now().into_ready().is_ok(), "{at_once}: now");
    let created = store.create(record.clone(), None, fixture.due_policy());
    assert!(created.into_ready().is_ok(), "{at_once}: create");
    assert!(
        store.load(record.key).into_ready().is_ok(),
        "{at_once}: load"
    );
    let touched = store.touch(record.key, touch(&record, now));
    assert!(touched.into_ready().is_ok(), "{at_once}: touch");
    let updated = store.update(record.key, 0, update);
    assert!(updated.into_ready().is_ok(), "{at_once}: update");
    let listed = store.list(record.subject.clone());
    assert!(listed.into_ready().is_ok(), "{at_once}: list");
    let ended = store.end(record.key, EndReason::Revoked.into());
    assert!(ended.into_ready().is_ok(), "{at_once}: end");
    let reaped = store.reap(fixture.due_policy(), 10);
    assert!(reaped.into_ready().is_ok(), "{at_once}: reap");
    assert!(
        matches!(fixture.state(record.key).await, Lookup::Ended(_)),
        "and the work is done"
    );
}

/// A session does not vanish at its deadline: its end must still be reported,
/// even if no reaper ran for the lifetime of a tombstone.
pub async fn expired_session_stays_until_ended(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    let now = fixture.now().await;
    record.facts.absolute_deadline = record.facts.idle_deadline;
    record.facts.provider_deadline = Some(record.facts.idle_deadline);
    fixture.keep(&record).await;
    let left = record.facts.idle_deadline - now;
    fixture.advance(left + fixture.tombstones() - LATE).await;
    assert_eq!(
        fixture.found(record.key).await,
        record,
        "a session that ran out is found until it is ended"
    );
    assert_eq!(fixture.keys("alice").await, [record.key]);
    let ended = fixture.end(record.key, EndReason::IdleTimeout).await;
    assert!(ended.is_some(), "and its end is reported");
}
