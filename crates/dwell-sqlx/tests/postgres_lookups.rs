//! Look-ups that meet share a statement, and each is told what it would be told
//! by itself.

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

/// More than there are statements for at a time.
const MANY: u32 = 64;

/// How long anything may take, on a busy machine too, before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Polls once, as a request does that is then left lying about; tells whether
/// that was enough.
async fn begin<T>(answer: &mut StoreFuture<'_, T>) -> bool {
    let mut answer = std::pin::Pin::new(answer);
    std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx).is_ready())).await
}

async fn start_many(store: &PostgresStore) {
    for n in 0..MANY {
        start(store, n, "alice").await;
    }
}

/// Looks all of them up at the same time.
async fn assert_all_are_found(store: &PostgresStore) {
    let loads: Vec<_> = (0..MANY).map(|n| loading(store, key(n))).collect();
    for load in loads {
        let loaded = timeout(PATIENCE, load).await.expect("it is answered");
        assert!(matches!(loaded.unwrap().unwrap().state, Lookup::Found(_)));
    }
}

#[tokio::test]
async fn look_ups_that_meet_share_statements_and_each_is_told_its_own() {
    let server = support::counting_server().await;
    let clock = ManualClock::new();
    let store = support::postgres(&server.url(), "dwell", &clock).await;
    // A third lives, a third has ended, a third was never there.
    for n in (0..MANY).filter(|n| n % 3 != 2) {
        let record = start(&store, n, &format!("subject {n}")).await;
        if n % 3 == 1 {
            let end = EndReason::Revoked.into();
            store.end(record.key, end).await.unwrap().unwrap();
        }
    }
    let before = statements(&server);
    // Each twice: two requests of one session.
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
async fn a_tombstone_that_is_over_is_missing_for_all_that_ask_together() {
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

/// While others look up all the time, so that statements are always under way,
/// an end that is done is seen by whoever asks afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn l04_a_look_up_never_shares_a_statement_that_began_before_it() {
    let (_server, store, clock) = support::served().await;
    let going_on = Arc::new(AtomicBool::new(true));
    let others: Vec<_> = (0..16)
        .map(|_| {
            let (store, going_on) = (store.clone(), Arc::clone(&going_on));
            tokio::spawn(async move {
                let mut asked = 0_u64;
                while going_on.load(Ordering::Relaxed) {
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
    going_on.store(false, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_value_that_cant_be_read_is_an_error_for_its_own_session_alone() {
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

/// A request may be held without being driven on, by whatever is around it.
#[tokio::test]
async fn look_ups_that_nobody_drives_on_hold_nobody_up() {
    let (_server, store, _clock) = support::served().await;
    start_many(&store).await;
    // More than there are lanes; one or another may be answered at once.
    let mut held = Vec::new();
    while held.len() < 8 {
        let mut answer = store.load(key(0));
        if !begin(&mut answer).await {
            held.push(answer);
        }
    }
    assert_all_are_found(&store).await;
    // Nor when they are given up, or driven on after all.
    let last = held.split_off(4);
    drop(held);
    for answer in last {
        let loaded = timeout(PATIENCE, answer).await.expect("it is answered");
        assert!(matches!(loaded.unwrap().state, Lookup::Found(_)));
    }
}

/// Nobody waits for a lane any more, however they were left.
#[tokio::test]
async fn lanes_come_back_from_whatever_becomes_of_a_look_up() {
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
    // What was given up may still be on its way, for a moment.
    let lanes_for_four = async { while four_share().await {} };
    let waited = timeout(PATIENCE, lanes_for_four).await;
    waited.expect("there is a lane for each of four");
    // And they are waited for; on a busy machine, not at the first attempt.
    let many_share = async || {
        let before = statements(&server);
        assert_all_are_found(&store).await;
        statements(&server) - before <= 12
    };
    let lanes_for_many = async { while !many_share().await {} };
    let waited = timeout(PATIENCE, lanes_for_many).await;
    waited.expect("who finds no lane shares");
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_look_ups_that_meet_fail_with_their_server_and_are_answered_when_it_is_back() {
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
        let loaded = timeout(PATIENCE, load).await.expect("it is answered");
        let error = loaded.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
    server.restart().await.unwrap();
    assert_all_are_found(&store).await;
    // And what is due is found by passes, as ever.
    clock.advance(minutes(15));
    assert_eq!(reap_all(&store, &due_policy()).await.len(), 64);
}

/// Requests give up while the server hangs; those after it are served.
#[tokio::test(flavor = "multi_thread")]
async fn l08_a_server_that_hung_leaves_no_lane_taken() {
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
        assert!(load.await.unwrap().is_err(), "nothing is made up");
    }
    server.cont().unwrap();
    assert_all_are_found(&store).await;
}
