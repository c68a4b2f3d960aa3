//! A subject finds its sessions, those that have not ended, and no others.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{run, subjects};
//!
//! run(async || MemoryStore::new(), subjects::subjects_are_told_apart_byte_by_byte);
//! ```

use dwell_core::store::{Created, Update};
use dwell_core::{EndReason, OnLimit, minutes};

use super::StoreUnderTest;
use super::fixture::{Fixture, keys_in_order, rotation};
use super::limit::at_most;

/// Names that a careless comparison takes for one another, and ones that a
/// careless store takes for syntax.
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

/// A subject has its own sessions, whole, and one without any has none.
pub async fn a_subject_finds_its_sessions_and_no_others(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let alices = fixture.start_many(5, "alice").await;
    let bob = fixture.start(10, "bob").await;
    assert_eq!(
        fixture.keys("alice").await,
        keys_in_order(&alices),
        "a subject finds all of its sessions"
    );
    assert_eq!(fixture.keys("bob").await, [bob.key], "and no others");
    assert_eq!(fixture.keys("nobody").await, [], "who has none finds none");
    let mut listed = fixture.store().list("alice".into()).await.unwrap();
    listed.sort_unstable_by_key(|record| record.key);
    let mut expected = alices;
    expected.sort_unstable_by_key(|record| record.key);
    assert_eq!(listed, expected, "as they were created");
}

/// A list shows sessions as they are now.
pub async fn a_list_shows_sessions_as_they_are_now(under: impl StoreUnderTest) {
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

/// Ended sessions leave their subject's list, whoever ended them, and the
/// others stay.
pub async fn ended_sessions_leave_their_subject(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut left = fixture.start_many(4, "alice").await;
    while left.len() > 1 {
        let ended = left.remove(1);
        fixture.end(ended.key, EndReason::Revoked).await;
        assert_eq!(
            fixture.keys("alice").await,
            keys_in_order(&left),
            "an ended session leaves its subject, the others stay"
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

/// Subjects are told apart byte by byte: no folding, no trimming, no patterns.
pub async fn subjects_are_told_apart_byte_by_byte(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut records = Vec::new();
    for (n, name) in (0..).zip(NAMES) {
        records.push(fixture.start(n, name).await);
    }
    for (record, name) in records.iter().zip(NAMES) {
        assert_eq!(
            fixture.keys(name).await,
            [record.key],
            "{name:?} is nobody else"
        );
        assert_eq!(
            fixture.found(record.key).await.subject.as_str(),
            name,
            "and keeps its name as it is"
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

/// Of a very long subject every byte counts.
pub async fn a_very_long_subject_is_kept_whole(under: impl StoreUnderTest) {
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
            "of a very long subject every byte counts"
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

/// A zero byte in a subject is kept, or the session is refused with an error;
/// it never makes another subject of it.
pub async fn a_subject_with_a_zero_byte_is_kept_whole_or_refused(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let admin = fixture.start(1, "admin").await;
    let odd = fixture.record(2, "admin\0x").await;
    let created = fixture
        .store()
        .create(odd.clone(), None, fixture.due_policy());
    match created.await {
        Ok(Created::Created { ended }) if ended.is_empty() => {
            assert_eq!(fixture.found(odd.key).await, odd, "what is kept is whole");
            assert_eq!(fixture.keys("admin\0x").await, [odd.key]);
        }
        Ok(other) => panic!("it is kept or it is an error: {other:?}"),
        Err(_) => assert!(
            fixture.is_missing(odd.key).await,
            "what is refused is not there"
        ),
    }
    assert_eq!(
        fixture.keys("admin").await,
        [admin.key],
        "a zero byte makes nobody an administrator"
    );
}
