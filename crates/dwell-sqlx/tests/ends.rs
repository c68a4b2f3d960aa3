//! Every end has a witness: one in normal operation, at least one across
//! crashes.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::sync::Arc;

use dwell_core::store::{DuePolicy, End, Lookup, SessionStore, UNREPORTED_AFTER};
use dwell_core::{
    Clock, EndReason, ManualClock, PolicySet, Timeouts, as_millis, hours, minutes, seconds,
};
use support::{Folder, due_policy, key, reap_all, start, state};

const MS: std::time::Duration = std::time::Duration::from_millis(1);

async fn is_handed_out_until_it_is_acknowledged(store: &dyn SessionStore, clock: &ManualClock) {
    let judge = due_policy();
    let record = start(store, 1, "alice").await;
    let ended = store
        .end(record.key, EndReason::Revoked.into())
        .await
        .unwrap()
        .unwrap();
    clock.advance(UNREPORTED_AFTER - MS);
    assert_eq!(
        reap_all(store, &judge).await,
        [],
        "whoever got it has time to report"
    );
    clock.advance(MS);
    for _ in 0..3 {
        let reaped = store.reap(judge.clone(), 100).await.unwrap();
        assert_eq!(
            reaped.ended,
            std::slice::from_ref(&ended),
            "it is handed out again, whole"
        );
        assert_eq!(
            reap_all(store, &judge).await,
            [],
            "to one, who has time to report"
        );
        clock.advance(UNREPORTED_AFTER);
    }
    // Longer than tombstones live: it is forgotten, but its end is not.
    clock.advance(hours(2));
    assert!(matches!(state(store, record.key).await, Lookup::Missing));
    assert_eq!(reap_all(store, &judge).await, [record.key]);
    store.acknowledge(vec![record.key, key(99)]).await.unwrap();
    clock.advance(UNREPORTED_AFTER);
    assert_eq!(
        reap_all(store, &judge).await,
        [],
        "what was acknowledged is not handed out"
    );
    let again = store.create(record.clone(), None, judge).await.unwrap();
    assert!(
        matches!(again, dwell_core::store::Created::Created { .. }),
        "and the tombstone has gone: {again:?}"
    );
}

/// What a pass ended and what made room for a login is handed out again too.
async fn whoever_ended_it(store: &dyn SessionStore, clock: &ManualClock) {
    let judge = due_policy();
    start(store, 1, "alice").await;
    clock.advance(minutes(15));
    assert_eq!(reap_all(store, &judge).await, [key(1)]);
    start(store, 2, "bob").await;
    let record = support::opened(3, "bob", clock.now());
    let quota = dwell_core::SessionLimit {
        max: 1,
        on_limit: dwell_core::OnLimit::EndOldest,
    };
    let created = store
        .create(record, Some(quota.into()), judge.clone())
        .await
        .unwrap();
    assert!(matches!(
        created,
        dwell_core::store::Created::Created { ended } if ended.len() == 1
    ));
    clock.advance(UNREPORTED_AFTER);
    let mut expected = vec![key(1), key(2)];
    expected.sort_unstable();
    assert_eq!(reap_all(store, &judge).await, expected);
    store.acknowledge(expected).await.unwrap();
    clock.advance(UNREPORTED_AFTER);
    assert_eq!(reap_all(store, &judge).await, []);
}

/// However small its batches, a pass ends what a stricter policy of the next
/// start makes due.
async fn stricter_policies_find_all(store: &dyn SessionStore, clock: &ManualClock) {
    let mut expected = Vec::new();
    for n in 0..20 {
        expected.push(start(store, n, "alice").await.key);
        if n % 3 == 0 {
            let gone = start(store, 100 + n, "bob").await.key;
            store.end(gone, EndReason::SignedOut.into()).await.unwrap();
            store.acknowledge(vec![gone]).await.unwrap();
        }
    }
    expected.sort_unstable();
    clock.advance(minutes(6));
    let strict = DuePolicy::new(Arc::new(
        PolicySet::simple(Timeouts {
            idle: minutes(5),
            absolute: hours(8),
        })
        .unwrap(),
    ));
    for batch in [1, 2, 3] {
        let mut ended = Vec::new();
        let mut passes = 0;
        loop {
            let reaped = store.reap(strict.clone(), batch).await.unwrap();
            assert!(reaped.ended.len() <= batch);
            ended.extend(reaped.ended.iter().map(|ended| ended.record.key));
            passes += 1;
            assert!(passes < 200, "passes come to an end");
            if !reaped.more {
                break;
            }
        }
        ended.sort_unstable();
        assert_eq!(ended, std::mem::take(&mut expected), "batches of {batch}");
        store.acknowledge(ended).await.unwrap();
    }
}

async fn a_lock_that_is_opened_is_not_forgotten(store: &dyn SessionStore, clock: &ManualClock) {
    let policy = dwell_core::Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policy = policy
        .on_idle(dwell_core::OnIdle::Lock)
        .lock_period(hours(3));
    let policies = PolicySet::builder(policy).build().unwrap();
    let judge = DuePolicy::new(Arc::new(policies));
    let record = start(store, 1, "alice").await;
    clock.advance(minutes(15));
    let locked = store.reap(judge.clone(), 10).await.unwrap().locked;
    assert_eq!(locked.len(), 1);
    let opened = dwell_core::store::Update::Reauthenticate {
        open: record.open.clone(),
        touch: support::touch(&record, clock.now()),
        rotation: None,
    };
    let version = locked[0].facts.version;
    store.update(record.key, version, opened).await.unwrap();
    clock.advance(minutes(15));
    let mut again = Vec::new();
    for _ in 0..3 {
        again.extend(store.reap(judge.clone(), 10).await.unwrap().locked);
    }
    assert_eq!(
        again.len(),
        1,
        "it is locked at its idle deadline, not when the old lock ends"
    );
}

macro_rules! both {
    ($($name:ident: $case:ident;)+) => {$(mod $name {
        use super::*;

        #[tokio::test(flavor = "multi_thread")]
        async fn in_postgres() {
            let (_server, store, clock) = support::served().await;
            $case(&store, &clock).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn in_sqlite() {
            let (folder, clock) = (Folder::new(), ManualClock::new());
            let store = support::sqlite(&folder, &clock).await;
            $case(&store, &clock).await;
        }
    })+};
}

both! {
    l12_an_end_is_handed_out_until_it_is_acknowledged: is_handed_out_until_it_is_acknowledged;
    l12_whoever_ended_it_an_end_is_handed_out_again: whoever_ended_it;
    l06_a_stricter_policy_finds_all_in_small_batches: stricter_policies_find_all;
    l12_a_lock_that_was_opened_is_looked_at_in_time: a_lock_that_is_opened_is_not_forgotten;
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_two_nodes_that_reap_at_once_report_each_end_once() {
    let (server, one, clock) = support::served().await;
    let two = support::postgres(&server.url(), "dwell", &clock).await;
    let mut expected = Vec::new();
    for n in 0..200 {
        expected.push(start(&one, n, "alice").await.key);
    }
    expected.sort_unstable();
    clock.advance(minutes(15));
    let judge = due_policy();
    let pass = async |store: &dyn SessionStore| {
        let mut keys = Vec::new();
        loop {
            let reaped = store.reap(judge.clone(), 7).await.unwrap();
            keys.extend(reaped.ended.iter().map(|ended| ended.record.key));
            if !reaped.more {
                return keys;
            }
        }
    };
    let (mut ended, others) = tokio::join!(pass(&one), pass(&two));
    assert!(
        !ended.is_empty() && !others.is_empty(),
        "both had something to do"
    );
    ended.extend(others);
    ended.sort_unstable();
    assert_eq!(ended, expected, "each end is reported once");
}

/// A node goes down with an end that it did not report: another one gets it.
#[tokio::test(flavor = "multi_thread")]
async fn l12_an_end_that_a_node_took_with_it_is_reported_by_another() {
    let (server, one, clock) = support::served().await;
    let record = start(&one, 1, "alice").await;
    let end = End::from(EndReason::SignedOut);
    assert!(one.end(record.key, end).await.unwrap().is_some());
    drop(one);
    clock.advance(UNREPORTED_AFTER + seconds(1));
    let two = support::postgres(&server.url(), "dwell", &clock).await;
    let reaped = two.reap(due_policy(), 10).await.unwrap();
    assert_eq!(reaped.ended.len(), 1);
    assert_eq!(reaped.ended[0].reason, EndReason::SignedOut);
    assert!(as_millis(reaped.now - reaped.ended[0].ended_at) >= 30_000);
}
