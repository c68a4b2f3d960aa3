//! A server that is killed, is full or takes no writes: nothing is answered
//! without it, and nothing is lost.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::task::Poll;

use dwell_core::store::{Lookup, SessionStore, StoreError, StoreFuture, TouchOutcome};
use dwell_core::{
    CommandError, EndReason, ManualClock, NewSession, PolicySet, Resolved, Selection,
    SessionManager, SessionState, Timeouts, as_millis, hours, minutes, seconds,
};
use dwell_servers::Postgres;
use dwell_sqlx::PostgresStore;
use support::{due_policy, key, opened, start, state, touch};

async fn unavailable<T: std::fmt::Debug>(what: &str, answer: StoreFuture<'_, T>) -> String {
    let error = answer.await.unwrap_err();
    let StoreError::Unavailable(source) = &error else {
        panic!("{what}: {error:?}")
    };
    source.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_killed_server_loses_nothing_and_is_used_again() {
    let server = Postgres::start().await.unwrap();
    let clock = ManualClock::new();
    let store = PostgresStore::builder()
        .with_insecure_clock_for_tests(clock.clone())
        .with_acquire_timeout(seconds(1) / 5)
        .connect(&server.url())
        .await
        .unwrap();
    let record = start(&store, 1, "alice").await;
    clock.advance(seconds(20));
    let touch = touch(&record, dwell_core::Clock::now(&clock));
    server.kill9().unwrap();
    unavailable("a look-up", store.load(record.key)).await;
    unavailable("a touch", store.touch(record.key, touch)).await;
    unavailable("an end", store.end(record.key, EndReason::Revoked.into())).await;
    unavailable(
        "a login",
        store.create(opened(2, "bob", touch.at), None, due_policy()),
    )
    .await;
    unavailable("a list", store.list("alice".into())).await;
    unavailable("a pass", store.reap(due_policy(), 10)).await;
    server.restart().await.unwrap();
    let Lookup::Found(found) = state(&store, record.key).await else {
        panic!("the session is as it was")
    };
    assert_eq!(found, record);
    assert_eq!(
        store.touch(record.key, touch).await.unwrap(),
        TouchOutcome::Recorded
    );
    assert!(matches!(state(&store, key(2)).await, Lookup::Missing));
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_full_disk_fails_closed() {
    let (server, store, clock) = support::served().await;
    let record = start(&store, 1, "alice").await;
    // The error that Postgres gives for a full disk.
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'could not extend file: No space left on device'
            USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON dwell_session
            FOR EACH ROW EXECUTE FUNCTION full_disk()";
    server.query("postgres", full).unwrap();
    clock.advance(seconds(20));
    let now = store.now().await.unwrap();
    let end = store.end(record.key, EndReason::Revoked.into());
    let said = unavailable("an end", end).await;
    assert!(said.contains("No space left on device"), "{said}");
    unavailable(
        "a login",
        store.create(opened(2, "bob", now), None, due_policy()),
    )
    .await;
    unavailable("a touch", store.touch(record.key, touch(&record, now))).await;
    let found = state(&store, record.key).await;
    assert!(
        matches!(found, Lookup::Found(found) if found == record),
        "nothing was half done"
    );
    server
        .query("postgres", "DROP TRIGGER full_disk ON dwell_session")
        .unwrap();
    let end = store
        .end(record.key, EndReason::Revoked.into())
        .await
        .unwrap();
    assert!(end.is_some(), "the session can end once there is room");
}

/// Polls a number of times, then drops the future.
async fn poll_and_drop<T>(answer: StoreFuture<'_, T>, polls: u32) {
    let mut answer = std::pin::pin!(answer);
    for _ in 0..polls {
        let poll = std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_ready()));
        if poll.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Found: a dropped request left its connection inside a transaction, and later
/// changes on that connection were never committed.
#[tokio::test]
async fn dropped_request_leaves_no_open_transaction() {
    let server = Postgres::start().await.unwrap();
    let builder = PostgresStore::builder().with_max_connections(1);
    let store = builder.connect(&server.url()).await.unwrap();
    let now = store.now().await.unwrap();
    let quota = dwell_core::SessionLimit {
        max: 1,
        on_limit: dwell_core::OnLimit::EndOldest,
    };
    for n in 0..60 {
        let dropped = opened(1_000 + n, "alice", now);
        poll_and_drop(
            store.create(dropped, Some(quota.into()), due_policy()),
            n % 20,
        )
        .await;
        poll_and_drop(store.reap(due_policy(), 10), n % 30).await;
        start(&store, n, "bob").await;
        let count = "SELECT count(*) FROM dwell_session WHERE subject = 'bob'";
        let count = server.query("postgres", count).unwrap();
        assert_eq!(
            count,
            (n + 1).to_string(),
            "other connections see what was answered"
        );
    }
}

/// The store's times lie between two readings of the server's clock, and
/// activity of nodes with wrong clocks is cut by it.
#[tokio::test(flavor = "multi_thread")]
async fn l11_server_clock_judges() {
    let server = Postgres::start().await.unwrap();
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    let by_server = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)";
    let server_time = || -> u64 {
        server
            .query("postgres", by_server)
            .unwrap()
            .parse()
            .unwrap()
    };
    let before = server_time();
    let now = store.now().await.unwrap().as_millis();
    let loaded = store.load(key(1)).await.unwrap().now.as_millis();
    let after = server_time();
    assert!([before, now, loaded, after].is_sorted());
    // Activity of nodes whose clocks are ten minutes ahead and behind.
    let record = start(&store, 1, "alice").await;
    let began = record.facts.created_at;
    let ahead = touch(&record, began + seconds(600));
    assert_eq!(
        store.touch(record.key, ahead).await.unwrap(),
        TouchOutcome::Recorded
    );
    let behind = touch(&record, began - seconds(600));
    assert_eq!(
        store.touch(record.key, behind).await.unwrap(),
        TouchOutcome::Older
    );
    let Lookup::Found(found) = state(&store, record.key).await else {
        panic!("the session is there")
    };
    let facts = found.facts;
    assert!(facts.last_active_at.as_millis() <= server_time());
    assert_eq!(
        as_millis(facts.idle_deadline - facts.last_active_at),
        900_000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn n91_subject_with_nul_is_no_outage() {
    let (_server, store, _clock) = support::served().await;
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    });
    let manager = SessionManager::builder(store, policies.unwrap()).build();
    let state = SessionState::new(
        manager.clone(),
        manager.policies().current(),
        Resolved::Nothing,
    );
    state.decide();
    for subject in ["", "admin\0x"] {
        let refused = state.start(NewSession::new(subject)).await;
        assert!(matches!(refused, Err(CommandError::UnusableSubject)));
        let subject = subject.into();
        assert!(manager.list(&subject).await.unwrap().is_empty());
        let end = manager.end_sessions(&subject, Selection::All, EndReason::Revoked);
        assert_eq!(end.await.unwrap(), 0);
    }
}
