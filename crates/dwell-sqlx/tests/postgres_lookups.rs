//! Concurrent look-ups share statements, and each gets the answer it would get
//! alone.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use dwell_core::store::{Lookup, SessionStore, StoreError, StoreFuture};
use dwell_core::{EndReason, ManualClock, hours, minutes};
use dwell_servers::Postgres;
use dwell_sqlx::PostgresStore;
use support::{due_policy, key, loading, reap_all, start, state, statements, touch};
use tokio::time::timeout;

/// More than the look-up statements that run at a time.
const MANY: u32 = 64;

/// How long a step may take on a busy machine before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Polls once, like a request that is then not polled any more. Returns `true`
/// if it is ready.
async fn begin<T>(answer: &mut StoreFuture<'_, T>) -> bool {
    let mut answer = std::pin::Pin::new(answer);
    std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_ready())).await
}

async fn start_many(store: &PostgresStore) {
    for n in 0..MANY {
        start(store, n, "alice").await;
    }
}

/// Looks all sessions up at the same time.
async fn assert_all_are_found(store: &PostgresStore) {
    let loads: Vec<_> = (0..MANY).map(|n| loading(store, key(n))).collect();
    for load in loads {
        let loaded = timeout(PATIENCE, load)
            .await
            .expect("the look-up is answered");
        assert!(matches!(loaded.unwrap().unwrap().state, Lookup::Found(_)));
    }
}

#[tokio::test]
async fn concurrent_lookups_share_statements_and_get_own_answers() {
    let server = support::counting_server().await;
    let clock = ManualClock::new();
    let store = support::postgres(&server.url(), "dwell", &clock).await;
    // A third is live, a third has ended, a third never existed.
    for n in (0..MANY).filter(|n| n % 3 != 2) {
        let record = start(&store, n, &format!("subject {n}")).await;
        if n % 3 == 1 {
            let end = EndReason::Revoked.into();
            store.end(record.key, end).await.unwrap().unwrap();
        }
    }
    let before = statements(&server);
    // Each session twice, as by two requests.
    let loads: Vec<_> = (0..2 * MANY)
        .map(|n| (n % MANY, loading(&store, key(n % MANY))))
        .collect();
    for (n, load) in loads {
        let loaded = load.await.unwrap().unwrap();
        assert_eq!(loaded.now, dwell_core::Clock::now(&clock));
        match (n % 3, loaded.state) {
            (0, Lookup::Found(found)) => {
                assert_eq!(found.key, key(n));
                assert_eq!(found.subject.as_str(), format!("subject {n}"));
            }
            (1, Lookup::Ended(ended)) => assert_eq!(ended.reason, EndReason::Revoked),
            (2, Lookup::Missing) => {}
            (_, other) => panic!("{n}: {other:?}"),
        }
    }
    let asked = statements(&server) - before;
    assert!(asked <= 16, "{asked} statements for 128 look-ups");
}

#[tokio::test]
async fn expired_tombstone_is_missing_in_shared_lookup() {
    let (_server, store, clock) = support::served().await;
    for n in 0..MANY {
        let record = start(&store, n, "alice").await;
        let end = EndReason::Revoked.into();
        store.end(record.key, end).await.unwrap().unwrap();
    }
    clock.advance(hours(1));
    let loads: Vec<_> = (0..MANY).map(|n| loading(&store, key(n))).collect();
    for load in loads {
        let state = load.await.unwrap().unwrap().state;
        assert!(matches!(state, Lookup::Missing), "{state:?}");
    }
}

/// While other look-ups keep statements running, a look-up after an end sees
/// that end.
#[tokio::test(flavor = "multi_thread")]
async fn l04_lookup_never_joins_statement_that_began_before() {
    let (_server, store, clock) = support::served().await;
    let running = Arc::new(AtomicBool::new(true));
    let others: Vec<_> = (0..16)
        .map(|_| {
            let (store, running) = (store.clone(), Arc::clone(&running));
            tokio::spawn(async move {
                let mut asked = 0_u64;
                while running.load(Ordering::Relaxed) {
                    for n in 0..200 {
                        store.load(key(n)).await.unwrap();
                        asked += 1;
                    }
                }
                asked
            })
        })
        .collect();
    for n in 0..200 {
        let record = start(&store, n, "alice").await;
        assert!(matches!(state(&store, key(n)).await, Lookup::Found(_)));
        clock.advance(minutes(1));
        let touch = touch(&record, dwell_core::Clock::now(&clock));
        store.touch(record.key, touch).await.unwrap();
        let Lookup::Found(found) = state(&store, key(n)).await else {
            panic!("it is there")
        };
        assert_eq!(found.facts.last_active_at, touch.at, "what was recorded");
        let end = EndReason::Revoked.into();
        store.end(record.key, end).await.unwrap().unwrap();
        let after = state(&store, key(n)).await;
        assert!(matches!(after, Lookup::Ended(_)), "{n}: {after:?}");
    }
    running.store(false, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn unreadable_value_fails_only_its_own_session() {
    let (server, store, _clock) = support::served().await;
    for n in 0..MANY {
        start(&store, n, &format!("subject {n}")).await;
    }
    let spoil = "UPDATE dwell_session SET failures = 256 WHERE subject = 'subject 40'";
    server.query("postgres", spoil).unwrap();
    let loads: Vec<_> = (0..MANY).map(|n| (n, loading(&store, key(n)))).collect();
    for (n, load) in loads {
        match (n, load.await.unwrap()) {
            (40, Err(StoreError::Corrupt(_))) => {}
            (40, other) => panic!("{other:?}"),
            (_, loaded) => assert!(matches!(loaded.unwrap().state, Lookup::Found(_)), "{n}"),
        }
    }
}

/// Code around a request may hold its future without polling it.
#[tokio::test]
async fn lookups_that_are_not_polled_block_no_others() {
    let (_server, store, _clock) = support::served().await;
    start_many(&store).await;
    // More than there are lanes. Some may be answered at once.
    let mut held = Vec::new();
    while held.len() < 8 {
        let mut answer = store.load(key(0));
        if !begin(&mut answer).await {
            held.push(answer);
        }
    }
    assert_all_are_found(&store).await;
    // Nor when they are dropped, or polled after all.
    let last = held.split_off(4);
    drop(held);
    for answer in last {
        let loaded = timeout(PATIENCE, answer)
            .await
            .expect("the look-up is answered");
        assert!(matches!(loaded.unwrap().state, Lookup::Found(_)));
    }
}

/// No look-up waits for a lane after earlier ones were dropped at any stage.
#[tokio::test]
async fn lanes_return_after_dropped_lookups() {
    let server = support::counting_server().await;
    let clock = ManualClock::new();
    let store = support::postgres(&server.url(), "dwell", &clock).await;
    start_many(&store).await;
    for round in 0..40 {
        let mut dropped: Vec<_> = (0..12).map(|n| store.load(key(n))).collect();
        for answer in dropped.iter_mut().take(round % 13) {
            begin(answer).await;
        }
        tokio::task::yield_now().await;
        dropped.truncate(round % 7);
        drop(dropped);
    }
    let shared = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
                  WHERE query LIKE '%s.key = ANY%'";
    let four_share = async || {
        let before = server.query("postgres", shared).unwrap();
        let loads: Vec<_> = (0..4).map(|n| loading(&store, key(n))).collect();
        for load in loads {
            load.await.unwrap().unwrap();
        }
        server.query("postgres", shared).unwrap() != before
    };
    // Dropped look-ups may still be running.
    let lanes_for_four = async { while four_share().await {} };
    let waited = timeout(PATIENCE, lanes_for_four).await;
    waited.expect("four look-ups have a lane each");
    // More look-ups share statements; on a busy machine, not at the first
    // attempt.
    let many_share = async || {
        let before = statements(&server);
        assert_all_are_found(&store).await;
        statements(&server) - before <= 12
    };
    let lanes_for_many = async { while !many_share().await {} };
    let waited = timeout(PATIENCE, lanes_for_many).await;
    waited.expect("look-ups without a lane share a statement");
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_shared_lookups_fail_with_server_and_recover() {
    let server = Postgres::start().await.unwrap();
    let clock = ManualClock::new();
    let store = PostgresStore::builder()
        .with_insecure_clock_for_tests(clock.clone())
        .with_acquire_timeout(Duration::from_secs(2))
        .connect(&server.url())
        .await
        .unwrap();
    start_many(&store).await;
    server.kill9().unwrap();
    let loads: Vec<_> = (0..MANY).map(|n| loading(&store, key(n))).collect();
    for load in loads {
        let loaded = timeout(PATIENCE, load)
            .await
            .expect("the look-up is answered");
        let error = loaded.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    server.restart().await.unwrap();
    assert_all_are_found(&store).await;
    // And the reaper finds what is due.
    clock.advance(minutes(15));
    assert_eq!(reap_all(&store, &due_policy()).await.len(), 64);
}

/// Requests time out while the server hangs; later ones are answered.
#[tokio::test(flavor = "multi_thread")]
async fn l08_hung_server_leaves_no_lane_taken() {
    let (server, store, _clock) = support::served().await;
    start_many(&store).await;
    server.stop().unwrap();
    let loads: Vec<_> = (0..MANY)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(
                async move { timeout(Duration::from_millis(300), store.load(key(n))).await },
            )
        })
        .collect();
    for load in loads {
        assert!(load.await.unwrap().is_err(), "no answer without the server");
    }
    server.cont().unwrap();
    assert_all_are_found(&store).await;
}
