//! The list of a subject's sessions: those that have not ended, and no others.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{run, subjects};
//!
//! run(async || MemoryStore::new(), subjects::subjects_are_compared_byte_by_byte);
//! ```

use dwell_core::store::{Created, Update};
use dwell_core::{EndReason, OnLimit, minutes};

use super::StoreUnderTest;
use super::fixture::{Fixture, keys_in_order, rotation};
use super::limit::at_most;

/// Names that a careless comparison mixes up, and names that a careless store
/// takes for syntax.
const NAMES: [&str; 28] = [
    "alice",
    "Alice",
    "ALICE",
    "alice ",
    " alice",
    "alice\n",
    "alice\t",
    "al",
    "alice:alice",
    "a%",
    "a_ice",
    "a*",
    "a?",
    "[a-z]lice",
    "{alice}",
    "alice'; --",
    "\"alice\"",
    "alice\\",
    "1",
    "01",
    // Composed, decomposed, without the accent, with a wide letter.
    "caf\u{e9}",
    "cafe\u{301}",
    "cafe",
    "caf\u{ff45}",
    // Cases that fold to more letters, and a Cyrillic "а".
    "stra\u{df}e",
    "strasse",
    "\u{430}lice",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
];

/// A list has all sessions of its subject, whole, and no others.
pub async fn subject_finds_only_its_sessions(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let alices = fixture.start_many(5, "alice").await;
    let bob = fixture.start(10, "bob").await;
    assert_eq!(
        fixture.keys("alice").await,
        keys_in_order(&alices),
        "a subject finds all of its sessions"
    );
    assert_eq!(fixture.keys("bob").await, [bob.key], "and no others");
    assert_eq!(
        fixture.keys("carol").await,
        [],
        "without sessions the list is empty"
    );
    let mut listed = fixture.store().list("alice".into()).await.unwrap();
    listed.sort_unstable_by_key(|record| record.key);
    let mut expected = alices;
    expected.sort_unstable_by_key(|record| record.key);
    assert_eq!(listed, expected, "as they were created");
}

/// A list shows the current state of sessions.
pub async fn list_shows_current_state(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    fixture.touch_at(&record, now - minutes(1)).await;
    let rotate = Update::Rotate(rotation(&record, 2, now));
    fixture.apply(record.key, rotate).await;
    let found = fixture.found(record.key).await;
    assert_ne!(found, record, "it has changed");
    let listed = fixture.store().list("alice".into()).await.unwrap();
    assert_eq!(listed, [found], "a list shows what a look-up shows");
}

/// Ended sessions leave the list of their subject, and the others stay.
pub async fn ended_sessions_leave_list(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut left = fixture.start_many(4, "alice").await;
    while left.len() > 1 {
        let ended = left.remove(1);
        fixture.end(ended.key, EndReason::Revoked).await;
        assert_eq!(
            fixture.keys("alice").await,
            keys_in_order(&left),
            "an ended session leaves the list, the others stay"
        );
    }
    let new = fixture.record(10, "alice").await;
    let created = fixture.create(&new, at_most(1, OnLimit::EndOldest)).await;
    assert!(matches!(&created, Created::Created { ended } if ended.len() == 1));
    assert_eq!(
        fixture.keys("alice").await,
        [new.key],
        "and so does one that made room"
    );
    fixture.end(new.key, EndReason::SignedOut).await;
    assert_eq!(fixture.keys("alice").await, [], "the last one too");
}

/// Subjects are compared byte by byte: no case folding, trimming or patterns.
pub async fn subjects_are_compared_byte_by_byte(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut records = Vec::new();
    for (n, name) in (0..).zip(NAMES) {
        records.push(fixture.start(n, name).await);
    }
    for (record, name) in records.iter().zip(NAMES) {
        assert_eq!(
            fixture.keys(name).await,
            [record.key],
            "{name:?} is a separate subject"
        );
        assert_eq!(
            fixture.found(record.key).await.subject.as_str(),
            name,
            "and keeps its name unchanged"
        );
    }
    let (first, rest) = records.split_first().unwrap();
    fixture.end(first.key, EndReason::Revoked).await;
    for (record, name) in rest.iter().zip(&NAMES[1..]) {
        assert_eq!(
            fixture.keys(name).await,
            [record.key],
            "the end of {:?} is not that of {name:?}",
            NAMES[0]
        );
    }
}

/// Every byte of a very long subject counts.
pub async fn very_long_subject_is_kept_whole(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let long = long_name();
    let longer = format!("{long}x");
    let other = format!("{}x", &long[..long.len() - 1]);
    let mut records = Vec::new();
    for (n, name) in (0..).zip([&long, &longer, &other]) {
        records.push(fixture.start(n, name).await);
    }
    for (record, name) in records.iter().zip([&long, &longer, &other]) {
        assert!(
            fixture.keys(name).await == [record.key],
            "every byte of a very long subject counts"
        );
        assert!(
            fixture.found(record.key).await == *record,
            "and it comes back whole"
        );
    }
}

/// 16 KiB that no compression makes short.
fn long_name() -> String {
    let mut state = 1_u64;
    let letter = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        char::from(letters[usize::try_from(state >> 58).unwrap()])
    };
    (0..16_384).map(letter).collect()
}

/// A subject with a zero byte is kept, or refused with an error. It never
/// becomes another subject.
pub async fn subject_with_zero_byte_is_kept_or_refused(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let admin = fixture.start(1, "admin").await;
    let odd = fixture.record(2, "admin\0x").await;
    let created = fixture
        .store()
        .create(odd.clone(), None, fixture.due_policy());
    match created.await {
        Ok(Created::Created { ended }) if ended.is_empty() => {
            assert_eq!(fixture.found(odd.key).await, odd, "a kept session is whole");
            assert_eq!(fixture.keys("admin\0x").await, [odd.key]);
        }
        Ok(other) => panic!("the session is kept or an error: {other:?}"),
        Err(_) => assert!(
            fixture.is_missing(odd.key).await,
            "a refused session is not there"
        ),
    }
    assert_eq!(
        fixture.keys("admin").await,
        [admin.key],
        "a zero byte gives no access to another subject"
    );
}
