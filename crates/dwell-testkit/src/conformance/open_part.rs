//! Every operation keeps the record's open part whole, also entries that only a
//! newer version knows.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{open_part, run};
//!
//! run(async || MemoryStore::new(), open_part::every_open_part_round_trips);
//! ```

use std::time::Duration;

use dwell_core::store::{Lookup, Update, Updated};
use dwell_core::{
    AuthenticationContext, EndReason, OnIdle, OpenPart, OpenTag, Policy, PolicySet, SessionRecord,
    hours, minutes,
};

use super::fixture::{ABSOLUTE, Fixture, IDLE, NEWER, known_and_unknown, rotation, touch};
use super::records::come_back;
use super::{DriveClock, StoreUnderTest};

/// The largest open part, and other unusual ones.
fn odd_parts() -> Vec<OpenPart> {
    let none = AuthenticationContext::none;
    let contexts = [
        none().with_acr("aal1"),
        none().with_acr("urn:mace:incommon:iap:silver"),
        none().with_acr("ключ 🔑, \"quoted\"\n"),
        none().with_amr(["pwd"]),
        none().with_amr(["otp", "pwd", "hwk", "pin", "mfa", "user", "geo"]),
        none().with_acr("aal3").with_amr(["pwd", "pwd"]),
        none().with_amr([
            "a,b", "a b", "a;b", "a|b", "\"", "'", "\\", "[]", "{}", "ä\n",
        ]),
        none().with_amr((0..70).map(|n| format!("method-{n}"))),
        none().with_acr("x".repeat(1_000)),
    ];
    let mut parts = vec![OpenPart::new(), known_and_unknown()];
    let empty = OpenPart::new();
    parts.extend(contexts.iter().map(|context| {
        let open = empty.with_authentication(context);
        open.expect("a context of a kilobyte fits")
    }));
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let most = vec![0xff; OpenPart::MAX_LEN - 3];
    for value in [&b""[..], b"\0", b"\0\0\0", b"a\0", &every_byte, &most] {
        parts.push(empty.with(NEWER, value).expect("up to a kilobyte fits"));
    }
    let many = (0..=u8::MAX).try_fold(empty, |open, code| open.with(OpenTag::from_code(code), b""));
    parts.push(many.expect("an entry under every tag fits"));
    parts
}

/// Every open part, from the empty to the largest, comes back unchanged.
pub async fn every_open_part_round_trips(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.record(1, "alice").await;
    let records = odd_parts().into_iter().map(|open| SessionRecord {
        open,
        ..record.clone()
    });
    come_back(&fixture, "an open part", records).await;
}

/// Operations that state no fact keep the open part.
pub async fn only_reauthentication_changes_open_part(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    record.open = known_and_unknown();
    fixture.keep(&record).await;
    let (key, now) = (record.key, fixture.now().await);
    fixture.touch_at(&record, now - minutes(2)).await;
    assert_kept(&record, &fixture.found(key).await, "a touch");
    let later = touch(&record, now - minutes(1));
    let (_, loaded) = fixture
        .store()
        .touch_and_load(key, later)
        .await
        .expect("the store answers a touch with a look-up");
    let Lookup::Found(found) = loaded.state else {
        panic!("a session that has not ended is expected")
    };
    assert_kept(&record, &found, "a touch with a look-up");
    for update in [
        Update::Confirm,
        Update::Rotate(rotation(&record, 900, now)),
        Update::Lock { at: now },
    ] {
        let what = format!("{update:?}");
        assert_kept(&record, &fixture.apply(key, update).await, &what);
        assert_kept(&record, &fixture.found(key).await, &what);
    }
    let listed = fixture.store().list("alice".into()).await;
    let listed = listed.expect("the store answers a list");
    assert_eq!(listed.len(), 1, "a list has the session");
    assert_kept(&record, &listed[0], "a list");
    let ended = fixture.end(key, EndReason::Revoked).await;
    assert_kept(&record, &ended.expect("it ends").record, "an end");
    assert_kept(&record, &fixture.tombstone(key).await.record, "an end");
}

fn assert_kept(before: &SessionRecord, after: &SessionRecord, what: &str) {
    assert_eq!(
        after.open.as_bytes(),
        before.open.as_bytes(),
        "the open part is kept whole: {what}"
    );
}

/// A re-authentication replaces the whole open part, and only for the version
/// that it was made from.
pub async fn open_part_is_replaced_by_compare_and_set(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let (key, now) = (record.key, fixture.now().await);
    let state = |open: &OpenPart| Update::Reauthenticate {
        open: open.clone(),
        touch: touch(&record, now),
        lock_period: Duration::ZERO,
        rotation: None,
    };
    for open in odd_parts() {
        let applied = fixture.apply(key, state(&open)).await;
        assert_eq!(applied.open, open, "the open part is replaced as given");
        assert_eq!(fixture.found(key).await, applied, "and found as given");
    }
    let before = fixture.found(key).await;
    let late = fixture
        .update(
            key,
            before.facts.version.wrapping_sub(1),
            state(&known_and_unknown()),
        )
        .await;
    assert!(
        matches!(late, Updated::Conflict),
        "an open part from an older version is refused: {late:?}"
    );
    assert_eq!(fixture.found(key).await, before, "and changes nothing");
}

/// A reaper that locks or ends a session keeps its open part.
pub async fn reaper_keeps_open_part(under: impl DriveClock) {
    let default = Policy::named("default").idle(IDLE).absolute(ABSOLUTE);
    let default = default.on_idle(OnIdle::Lock).lock_period(hours(1));
    let policies = PolicySet::builder(default)
        .build()
        .expect("the policies are valid");
    let fixture = Fixture::with(under, policies);
    let mut record = fixture.record(1, "alice").await;
    record.open = known_and_unknown();
    fixture.keep(&record).await;
    fixture.advance(IDLE).await;
    let locked = fixture.reap_late(&fixture.due_policy()).await.locked;
    assert_eq!(locked.len(), 1, "the session is due to be locked");
    assert_kept(&record, &locked[0], "a lock");
    assert_kept(&record, &fixture.found(record.key).await, "a lock");
    fixture.advance(hours(1)).await;
    let ended = fixture.reap_late(&fixture.due_policy()).await.ended;
    assert_eq!(ended.len(), 1, "the session is due to be ended");
    assert_kept(&record, &ended[0].record, "an end");
    let tombstone = fixture.tombstone(record.key).await;
    assert_kept(&record, &tombstone.record, "an end");
}
