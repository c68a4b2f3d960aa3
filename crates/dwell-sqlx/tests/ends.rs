//! Every end is reported: once in normal operation, at least once across
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

async fn handed_out_until_acknowledged(store: &dyn SessionStore, clock: &ManualClock) {
    let due_policy = due_policy();
    let record = start(store, 1, "alice").await;
    let ended = store
        .end(record.key, EndReason::Revoked.into())
        .await
        .unwrap()
        .unwrap();
    clock.advance(UNREPORTED_AFTER - MS);
    assert_eq!(
        reap_all(store, &due_policy).await,
        [],
        "the receiver has time to report"
    );
    clock.advance(MS);
    for _ in 0..3 {
        let reaped = store.reap(due_policy.clone(), 100).await.unwrap();
        assert_eq!(
            reaped.ended,
            std::slice::from_ref(&ended),
            "it is handed out again, unchanged"
        );
        assert_eq!(
            reap_all(store, &due_policy).await,
            [],
            "to one receiver, with time to report"
        );
        clock.advance(UNREPORTED_AFTER);
    }
    // Longer than a tombstone's lifetime: look-ups find nothing, but the end is
    // kept.
    clock.advance(hours(2));
    assert!(matches!(state(store, record.key).await, Lookup::Missing));
    assert_eq!(reap_all(store, &due_policy).await, [record.key]);
    store.acknowledge(vec![record.key, key(99)]).await.unwrap();
    clock.advance(UNREPORTED_AFTER);
    assert_eq!(
        reap_all(store, &due_policy).await,
        [],
        "what was acknowledged is not handed out"
    );
    let again = store
        .create(record.clone(), None, due_policy)
        .await
        .unwrap();
    assert!(
        matches!(again, dwell_core::store::Created::Created { .. }),
        "the tombstone is deleted: {again:?}"
    );
}

/// Also for ends by a reaper's pass and by a login's limit.
async fn ends_by_reaper_and_limit(store: &dyn SessionStore, clock: &ManualClock) {
    let due_policy = due_policy();
    start(store, 1, "alice").await;
    clock.advance(minutes(15));
    assert_eq!(reap_all(store, &due_policy).await, [key(1)]);
    start(store, 2, "bob").await;
    let record = support::opened(3, "bob", clock.now());
    let quota = dwell_core::SessionLimit {
        max: 1,
        on_limit: dwell_core::OnLimit::EndOldest,
    };
    let created = store
        .create(record, Some(quota.into()), due_policy.clone())
        .await
        .unwrap();
    assert!(matches!(
        created,
        dwell_core::store::Created::Created { ended } if ended.len() == 1
    ));
    clock.advance(UNREPORTED_AFTER);
    let mut expected = vec![key(1), key(2)];
    expected.sort_unstable();
    assert_eq!(reap_all(store, &due_policy).await, expected);
    store.acknowledge(expected).await.unwrap();
    clock.advance(UNREPORTED_AFTER);
    assert_eq!(reap_all(store, &due_policy).await, []);
}

/// Passes with small batches end everything that a stricter policy makes due
/// after a restart.
async fn stricter_policy_ends_all(store: &dyn SessionStore, clock: &ManualClock) {
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
            assert!(passes < 200, "the passes do not end");
            if !reaped.more {
                break;
            }
        }
        ended.sort_unstable();
        assert_eq!(ended, std::mem::take(&mut expected), "batches of {batch}");
        store.acknowledge(ended).await.unwrap();
    }
}

async fn unlocked_session_is_locked_again(store: &dyn SessionStore, clock: &ManualClock) {
    let policy = dwell_core::Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policy = policy
        .on_idle(dwell_core::OnIdle::Lock)
        .lock_period(hours(3));
    let policies = PolicySet::builder(policy).build().unwrap();
    let due_policy = DuePolicy::new(Arc::new(policies));
    let record = start(store, 1, "alice").await;
    clock.advance(minutes(15));
    let locked = store.reap(due_policy.clone(), 10).await.unwrap().locked;
    assert_eq!(locked.len(), 1);
    let opened = dwell_core::store::Update::Reauthenticate {
        open: record.open.clone(),
        touch: support::touch(&record, clock.now()),
        lock_period: hours(3),
        rotation: None,
    };
    let version = locked[0].facts.version;
    store.update(record.key, version, opened).await.unwrap();
    clock.advance(minutes(15));
    let mut again = Vec::new();
    for _ in 0..3 {
        again.extend(store.reap(due_policy.clone(), 10).await.unwrap().locked);
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
    l12_end_is_handed_out_until_acknowledged: handed_out_until_acknowledged;
    l12_ends_by_reaper_and_limit_are_handed_out_again: ends_by_reaper_and_limit;
    l06_stricter_policy_ends_all_in_small_batches: stricter_policy_ends_all;
    l12_unlocked_session_is_locked_again_in_time: unlocked_session_is_locked_again;
}

#[tokio::test(flavor = "multi_thread")]
async fn l12_two_reaping_nodes_report_each_end_once() {
    let (server, one, clock) = support::served().await;
    let two = support::postgres(&server.url(), "dwell", &clock).await;
    let mut expected = Vec::new();
    for n in 0..200 {
        expected.push(start(&one, n, "alice").await.key);
    }
    expected.sort_unstable();
    clock.advance(minutes(15));
    let due_policy = due_policy();
    let pass = async |store: &dyn SessionStore| {
        let mut keys = Vec::new();
        loop {
            let reaped = store.reap(due_policy.clone(), 7).await.unwrap();
            keys.extend(reaped.ended.iter().map(|ended| ended.record.key));
            if !reaped.more {
                return keys;
            }
        }
    };
    let (mut ended, others) = tokio::join!(pass(&one), pass(&two));
    assert!(
        !ended.is_empty() && !others.is_empty(),
        "one node had nothing to do"
    );
    ended.extend(others);
    ended.sort_unstable();
    assert_eq!(ended, expected, "each end is reported once");
}

/// A node is gone before it reported an end: another node receives it.
#[tokio::test(flavor = "multi_thread")]
async fn l12_end_of_crashed_node_is_reported_by_another() {
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
