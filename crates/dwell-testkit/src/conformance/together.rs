//! Concurrent operations of different kinds, and callers that drop them.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{run, together};
//!
//! run(async || MemoryStore::new(), together::concurrent_logins_and_ends_keep_list_correct);
//! ```

use std::pin::pin;
use std::task::Poll;

use dwell_core::store::{Created, Lookup, StoreFuture, TouchOutcome, Update, Updated};
use dwell_core::{EndReason, seconds};

use super::StoreUnderTest;
use super::fixture::{Fixture, keys_in_order};

/// Polls a store's answer `polls` times, then drops it.
pub(super) async fn poll_and_drop<T>(answer: StoreFuture<'_, T>, polls: u32) {
    let mut answer = pin!(answer);
    for _ in 0..polls {
        let done =
            std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_ready())).await;
        if done {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Every update counts and the latest touch stays, in any order.
pub async fn l04_concurrent_touches_and_updates_undo_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for round in 0..4 {
        let record = fixture.start(round, "alice").await;
        let kept = record.clone();
        let made = fixture
            .at_once(16, move |fixture, n| {
                let record = record.clone();
                async move {
                    if n % 2 == 0 {
                        let at = record.facts.created_at + seconds(10) * (n + 1);
                        let touched = fixture.touch_at(&record, at).await;
                        assert_ne!(touched, TouchOutcome::Gone, "the session is there");
                        return 0;
                    }
                    loop {
                        let version = fixture.found(record.key).await.facts.version;
                        let update = Update::Confirm;
                        match fixture.update(record.key, version, update).await {
                            Updated::Applied(_) => {
                                fixture.count_failure(record.key).await;
                                return 1;
                            }
                            Updated::Conflict => tokio::task::yield_now().await,
                            Updated::Gone => panic!("the session is there"),
                        }
                    }
                }
            })
            .await;
        let facts = fixture.found(kept.key).await.facts;
        let made: u32 = made.into_iter().sum();
        assert_eq!(
            (facts.version, u32::from(facts.failures)),
            (made, made),
            "every update that was applied is there"
        );
        assert_eq!(
            facts.last_active_at,
            kept.facts.created_at + seconds(150),
            "and the latest touch is there"
        );
    }
}

/// Every change that succeeded before the end is in the tombstone, and no later
/// one.
pub async fn l04_change_meeting_end_is_in_tombstone_or_refused(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for round in 0..18 {
        let record = fixture.start(round, "alice").await;
        let key = record.key;
        let answers = fixture
            .at_once(6, move |fixture, n| {
                let record = record.clone();
                async move {
                    // In turn, each is the first to ask.
                    match (n + round) % 6 {
                        0 => (None, fixture.end(key, EndReason::Revoked).await, false),
                        1 => {
                            let updated = fixture.update(key, 0, Update::Confirm).await;
                            (None, None, matches!(updated, Updated::Applied(_)))
                        }
                        _ => {
                            let at = record.facts.created_at + seconds(10) * n;
                            let touched = fixture.touch_at(&record, at).await;
                            let recorded = touched == TouchOutcome::Recorded;
                            (recorded.then_some(at), None, false)
                        }
                    }
                }
            })
            .await;
        let ended = answers.iter().find_map(|(_, ended, _)| ended.clone());
        let ended = ended.expect("the one end is returned");
        assert_eq!(
            fixture.tombstone(key).await,
            ended,
            "a tombstone is as the end left it"
        );
        let facts = ended.record.facts;
        let updated = answers.iter().any(|(_, _, updated)| *updated);
        assert_eq!(
            facts.version,
            u32::from(updated),
            "an update is in the tombstone exactly if it was applied"
        );
        let latest = answers.iter().filter_map(|(at, _, _)| *at).max();
        assert_eq!(
            facts.last_active_at,
            latest.unwrap_or(facts.created_at),
            "and so is the latest touch that was recorded"
        );
    }
}

/// After concurrent logins and ends of a subject, its list is correct.
pub async fn concurrent_logins_and_ends_keep_list_correct(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let there = fixture.start_many(16, "alice").await;
    let records = there.clone();
    fixture
        .at_once(32, move |fixture, n| {
            let there = records.get(n as usize).map(|record| record.key);
            async move {
                match there {
                    // Every second of the existing sessions ends.
                    Some(key) if n % 2 == 0 => {
                        fixture.end(key, EndReason::Revoked).await;
                    }
                    Some(_) => {}
                    None => {
                        fixture.start(n, "alice").await;
                    }
                }
            }
        })
        .await;
    let mut expected = keys_in_order(&there.into_iter().skip(1).step_by(2).collect::<Vec<_>>());
    expected.extend((16..32).map(super::fixture::key));
    expected.sort_unstable();
    assert_eq!(
        fixture.keys("alice").await,
        expected,
        "the list has the sessions that began and those that did not end"
    );
}

/// A creation whose caller drops it at any point is whole or absent: every
/// session is in its subject's list.
pub async fn dropped_creation_is_whole_or_absent(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for polls in 0..6 {
        let subject = format!("subject {polls}");
        let record = fixture.record(polls, &subject).await;
        let create = fixture
            .store()
            .create(record.clone(), None, fixture.due_policy());
        poll_and_drop(create, polls).await;
        // In this order a creation that completes meanwhile is no fault.
        let listed = fixture.keys(&subject).await;
        match fixture.state(record.key).await {
            Lookup::Missing => assert_eq!(listed, [], "a missing session is not listed"),
            Lookup::Found(found) => {
                assert_eq!(found, record, "a session that is there is whole");
                assert_eq!(
                    fixture.keys(&subject).await,
                    [record.key],
                    "and is in its subject's list"
                );
            }
            Lookup::Ended(_) => panic!("the session was not ended"),
        }
    }
}

/// An end whose caller drops it at any point is whole or absent: no ended
/// session is in a list, and every live one is.
pub async fn dropped_end_is_whole_or_absent(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for polls in 0..6 {
        let subject = format!("subject {polls}");
        let record = fixture.start(polls, &subject).await;
        let end = fixture.store().end(record.key, EndReason::Revoked.into());
        poll_and_drop(end, polls).await;
        // In this order an end that completes meanwhile is no fault.
        let listed = fixture.keys(&subject).await;
        match fixture.state(record.key).await {
            Lookup::Found(found) => {
                assert_eq!(found, record, "a session that has not ended is unchanged");
                assert_eq!(listed, [record.key], "and is in its subject's list");
            }
            Lookup::Ended(ended) => {
                assert_eq!(
                    (ended.record, ended.reason),
                    (record, EndReason::Revoked),
                    "an ended session has a whole tombstone"
                );
                assert_eq!(
                    fixture.keys(&subject).await,
                    [],
                    "and is in no list any more"
                );
            }
            Lookup::Missing => panic!("an end leaves a tombstone"),
        }
    }
}

/// A login at the limit whose caller drops it leaves both halves, the new
/// session and the end of the old one, or neither.
pub async fn dropped_login_ends_no_session_for_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for polls in 0..6 {
        let subject = format!("subject {polls}");
        let old = fixture.start(polls, &subject).await;
        let new = fixture.record(100 + polls, &subject).await;
        let limit = super::limit::at_most(1, dwell_core::OnLimit::EndOldest);
        let store = fixture.store();
        poll_and_drop(
            store.create(new.clone(), limit, fixture.due_policy()),
            polls,
        )
        .await;
        let is_new = matches!(fixture.state(new.key).await, Lookup::Found(_));
        let again = fixture.create(&new, limit).await;
        if is_new {
            assert!(
                matches!(again, Created::Exists),
                "a kept session stays: {again:?}"
            );
        }
        assert_eq!(
            fixture.keys(&subject).await,
            [new.key],
            "after the first or the second try the new session is the only one"
        );
        assert_eq!(
            fixture.tombstone(old.key).await.reason,
            EndReason::Superseded,
            "and the old one has ended for it"
        );
    }
}
