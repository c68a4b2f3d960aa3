//! An end has one winner, and leaves a tombstone that tells why.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{end, run};
//!
//! run(async || MemoryStore::new(), end::an_end_gives_the_session_back_and_leaves_its_tombstone);
//! ```

use dwell_core::store::{End, Update};
use dwell_core::{EndReason, minutes};

use super::StoreUnderTest;
use super::fixture::{Fixture, IDLE, rotation};

/// Another session of the same client has taken this one's place.
pub(super) const SUPERSEDED: End = End {
    reason: EndReason::Superseded,
    replaced: true,
};

/// Who ends a session gets it back as it was at its end, with the reason; a
/// look-up finds the same.
pub async fn an_end_gives_the_session_back_and_leaves_its_tombstone(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut n = 0;
    for reason in EndReason::ALL.into_iter().chain([EndReason::Other]) {
        for replaced in [false, true] {
            n += 1;
            let record = fixture.start(n, "alice").await;
            let before = fixture.now().await;
            fixture.touch_at(&record, before - minutes(1)).await;
            let rotate = Update::Rotate(rotation(&record, 500 + n, before));
            let last = fixture.apply(record.key, rotate).await;
            let ended = fixture.end(record.key, End { reason, replaced }).await;
            let after = fixture.now().await;
            let ended = ended.expect("who ends a live session is told so");
            assert_eq!(
                ended.record, last,
                "an end gives the session back as it was at its end"
            );
            assert_eq!(
                (ended.reason, ended.replaced),
                (reason, replaced),
                "with the reason it was given, and whether there is a successor"
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

/// Of many callers at the same moment one ends the session, and the reason is
/// that one's.
pub async fn l12_of_many_ends_at_once_one_wins(under: impl StoreUnderTest) {
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
            "and the tombstone tells that one's reason"
        );
    }
}

/// What has ended keeps its reason and its instant.
pub async fn the_end_of_an_ended_session_is_nobodys_and_changes_nothing(
    under: impl StoreUnderTest,
) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let first = fixture.end(record.key, EndReason::SignedOut).await;
    for reason in EndReason::ALL {
        assert!(
            fixture.end(record.key, reason).await.is_none(),
            "what has ended is not ended again: {reason}"
        );
    }
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        first,
        "and keeps its reason and its instant"
    );
}

/// The client of an ended session signed in again: the tombstone learns it, so
/// that a late answer to the old token removes no fresh cookie. Nothing else
/// changes, and nothing takes it back.
pub async fn a_tombstone_learns_of_a_successor_and_of_nothing_else(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let mut expected = fixture
        .end(record.key, EndReason::IdleTimeout)
        .await
        .expect("who ends a live session is told so");
    assert!(
        fixture.end(record.key, SUPERSEDED).await.is_none(),
        "a successor is no second end"
    );
    expected.replaced = true;
    assert_eq!(
        fixture.tombstone(record.key).await,
        expected,
        "the tombstone learns of the successor and of nothing else"
    );
    assert!(fixture.end(record.key, EndReason::Revoked).await.is_none());
    assert_eq!(
        fixture.tombstone(record.key).await,
        expected,
        "and nothing takes that back"
    );
}

/// A successor of a session that nobody knows is noted nowhere.
pub async fn a_successor_of_an_unknown_session_creates_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.record(1, "alice").await;
    assert!(
        fixture.end(record.key, SUPERSEDED).await.is_none(),
        "the end of an unknown session is nobody's to report"
    );
    assert!(
        fixture.is_missing(record.key).await,
        "an unknown session gets no tombstone"
    );
}

/// A session that ran out unseen is ended by whoever sees it first, with the
/// reason that this one gives, and once.
pub async fn l12_a_session_that_ran_out_is_still_ended_once(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let record = fixture.opened(1, "alice", now - IDLE - minutes(1));
    fixture.keep(&record).await;
    let ended = fixture.end(record.key, EndReason::IdleTimeout).await;
    let ended = ended.expect("a session that ran out has an end to be told of");
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
