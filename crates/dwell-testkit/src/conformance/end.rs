//! An end has one winner, and leaves a tombstone with its reason.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{end, run};
//!
//! run(async || MemoryStore::new(), end::end_returns_session_and_leaves_tombstone);
//! ```

use dwell_core::store::{End, Update};
use dwell_core::{EndReason, SessionKey, minutes};

use super::StoreUnderTest;
use super::fixture::{Fixture, IDLE, keys_of, rotation};

/// An end by another session of the same client.
pub(super) const SUPERSEDED: End = End {
    reason: EndReason::Superseded,
    replaced: true,
};

/// The caller that ends a session gets it back as it was at its end, with the
/// reason. A look-up finds the same.
pub async fn end_returns_session_and_leaves_tombstone(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut n = 0;
    for reason in EndReason::ALL.iter().copied().chain([EndReason::Other]) {
        for replaced in [false, true] {
            n += 1;
            let record = fixture.start(n, "alice").await;
            let before = fixture.now().await;
            fixture.touch_at(&record, before - minutes(1)).await;
            let rotate = Update::Rotate(rotation(&record, 500 + n, before));
            let last = fixture.apply(record.key, rotate).await;
            let ended = fixture.end(record.key, End { reason, replaced }).await;
            let after = fixture.now().await;
            let ended = ended.expect("the caller that ends a live session gets it back");
            assert_eq!(
                ended.record, last,
                "an end returns the session as it was at its end"
            );
            assert_eq!(
                (ended.reason, ended.replaced),
                (reason, replaced),
                "with the reason of the call, and whether there is a successor"
            );
            assert!(
                before <= ended.ended_at && ended.ended_at <= after,
                "and the instant by the store's clock"
            );
            assert_eq!(
                fixture.tombstone(record.key).await,
                ended,
                "the tombstone is what the caller got"
            );
        }
    }
}

/// Of many concurrent callers one ends the session, and its reason is kept.
pub async fn l12_one_of_many_concurrent_ends_wins(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for round in 0..8 {
        let key = fixture.start(round, "alice").await.key;
        let ended = fixture
            .at_once(9, move |fixture, n| async move {
                fixture.end(key, EndReason::ALL[n as usize]).await
            })
            .await;
        let won: Vec<_> = ended.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "one of all callers ends the session");
        assert_eq!(
            fixture.tombstone(key).await,
            won[0],
            "and the tombstone has its reason"
        );
    }
}

/// An ended session keeps its reason and its instant.
pub async fn second_end_returns_none_and_changes_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let first = fixture.end(record.key, EndReason::SignedOut).await;
    for reason in EndReason::ALL.iter().copied() {
        assert!(
            fixture.end(record.key, reason).await.is_none(),
            "an ended session is not ended again: {reason}"
        );
    }
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        first,
        "and keeps its reason and its instant"
    );
}

/// The client of an ended session signed in again. The tombstone records it, so
/// that a late answer to the old token removes no new cookie. Nothing else
/// changes, and nothing reverts it.
pub async fn second_end_can_only_add_a_successor(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let mut expected = fixture
        .end(record.key, EndReason::IdleTimeout)
        .await
        .expect("the caller that ends a live session gets it back");
    assert!(
        fixture.end(record.key, SUPERSEDED).await.is_none(),
        "a successor is no second end"
    );
    expected.replaced = true;
    assert_eq!(
        fixture.tombstone(record.key).await,
        expected,
        "the tombstone records the successor and nothing else"
    );
    assert!(fixture.end(record.key, EndReason::Revoked).await.is_none());
    assert_eq!(
        fixture.tombstone(record.key).await,
        expected,
        "and nothing reverts that"
    );
}

/// A successor of an unknown session is not recorded.
pub async fn successor_of_unknown_session_creates_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.record(1, "alice").await;
    assert!(
        fixture.end(record.key, SUPERSEDED).await.is_none(),
        "the end of an unknown session is not reported"
    );
    assert!(
        fixture.is_missing(record.key).await,
        "an unknown session gets no tombstone"
    );
}

/// A session that ran out unnoticed is ended once, by the first caller and for
/// its reason.
pub async fn l12_expired_session_is_ended_once(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let record = fixture.opened(1, "alice", now - IDLE - minutes(1));
    fixture.keep(&record).await;
    let ended = fixture.end(record.key, EndReason::IdleTimeout).await;
    let ended = ended.expect("a session that ran out can be ended");
    assert_eq!(
        (&ended.record, ended.reason),
        (&record, EndReason::IdleTimeout)
    );
    assert!(
        fixture
            .end(record.key, EndReason::IdleTimeout)
            .await
            .is_none(),
        "a session that ran out is ended once"
    );
    assert_eq!(fixture.tombstone(record.key).await, ended);
}

/// Many sessions are ended in one call. It returns those that it ended, each
/// with its tombstone, and leaves every other session.
pub async fn l19_many_sessions_end_in_one_call(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let sessions = fixture.start_many(100, "alice").await;
    let keys: Vec<_> = sessions.iter().map(|session| session.key).collect();
    let (spared, all) = keys.split_last().expect("there are sessions");
    fixture.end(all[0], EndReason::SignedOut).await;
    let unknown = super::fixture::key(500);
    let asked = [all, &[unknown]].concat();
    let mut ended = fixture.end_many(asked.clone()).await;
    ended.sort_unstable_by_key(|ended| ended.record.key);
    assert_eq!(
        keys_of(&ended),
        sorted(&all[1..]),
        "the sessions that were live are ended, each once"
    );
    for one in &ended {
        assert_eq!(one.reason, EndReason::Revoked, "with the reason");
        assert_eq!(fixture.tombstone(one.record.key).await, *one);
    }
    assert_eq!(
        fixture.tombstone(all[0]).await.reason,
        EndReason::SignedOut,
        "a session that had ended keeps its reason"
    );
    assert!(fixture.is_missing(unknown).await);
    assert_eq!(fixture.keys("alice").await, [*spared]);
    assert!(fixture.end_many(asked).await.is_empty(), "once");
    assert!(fixture.end_many(Vec::new()).await.is_empty());
}

/// Of concurrent calls that end the same sessions, in different orders, each
/// session is returned to one.
pub async fn l12_concurrent_ends_of_many_report_each_once(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let sessions = fixture.start_many(60, "alice").await;
    let keys: Vec<_> = sessions.iter().map(|session| session.key).collect();
    let asked = keys.clone();
    let ended = fixture
        .at_once(6, move |fixture, n| {
            let mut keys = asked.clone();
            match n % 2 {
                0 => keys.reverse(),
                _ => keys.rotate_left(10 * n as usize),
            }
            async move { fixture.end_many(keys).await }
        })
        .await;
    assert_eq!(
        keys_of(&ended.concat()),
        sorted(&keys),
        "each session is ended once"
    );
    assert_eq!(fixture.keys("alice").await, []);
}

fn sorted(keys: &[SessionKey]) -> Vec<SessionKey> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys
}
