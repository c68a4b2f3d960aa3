//! What a request costs in Postgres: one statement, and no index write.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use dwell_core::store::{SessionStore, TouchOutcome};
use dwell_core::{Clock, ManualClock, seconds};
use dwell_servers::Postgres;
use dwell_sqlx::PostgresStore;
use sqlx::postgres::{PgPool, PgPoolOptions};
use support::{start, statements, touch};

/// Uses one connection, so that its statistics can be flushed in time.
async fn on_one_connection(server: &Postgres, clock: &ManualClock) -> (PostgresStore, PgPool) {
    let (url, pool) = (server.url(), PgPoolOptions::new().max_connections(1));
    let pool = pool.connect(&url).await.unwrap();
    let builder = PostgresStore::builder().with_insecure_clock_for_tests(clock.clone());
    (builder.with_pool(pool.clone()).await.unwrap(), pool)
}

#[tokio::test(flavor = "multi_thread")]
async fn touch_is_hot_update() {
    let server = Postgres::start().await.unwrap();
    let clock = ManualClock::new();
    let (store, pool) = on_one_connection(&server, &clock).await;
    let mut records = Vec::new();
    for n in 0..100 {
        records.push(start(&store, n, &format!("subject {n}")).await);
    }
    for _ in 0..10 {
        clock.advance(seconds(20));
        for record in &records {
            let touch = touch(record, clock.now());
            assert_eq!(
                store.touch(record.key, touch).await.unwrap(),
                TouchOutcome::Recorded
            );
        }
    }
    let flush = sqlx::query("SELECT pg_stat_force_next_flush()");
    flush.execute(&pool).await.unwrap();
    let counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
                  WHERE relname = 'dwell_session'";
    let counts: (i64, i64) = sqlx::query_as(counts).fetch_one(&pool).await.unwrap();
    assert_eq!(
        counts,
        (1_000, 1_000),
        "updates, and those that wrote no index"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_one_statement_at_most() {
    let server = support::counting_server().await;
    let clock = ManualClock::new();
    let (store, _pool) = on_one_connection(&server, &clock).await;
    let record = start(&store, 1, "alice").await;
    let other = start(&store, 2, "alice").await;
    clock.advance(seconds(20));
    let touch = touch(&record, clock.now());

    let before = statements(&server);
    store.load(record.key).await.unwrap();
    assert_eq!(statements(&server) - before, 1, "a look-up");

    let before = statements(&server);
    store.touch(record.key, touch).await.unwrap();
    assert_eq!(statements(&server) - before, 1, "a touch");

    let before = statements(&server);
    let (touched, _) = store.touch_and_load(other.key, touch).await.unwrap();
    assert_eq!(touched, TouchOutcome::Recorded);
    assert_eq!(
        statements(&server) - before,
        1,
        "a touch with the look-up after it"
    );

    let before = statements(&server);
    let end = dwell_core::EndReason::SignedOut.into();
    assert!(store.end(record.key, end).await.unwrap().is_some());
    assert_eq!(statements(&server) - before, 1, "an end");
}

#[tokio::test(flavor = "multi_thread")]
async fn touch_and_load_returns_what_it_recorded() {
    let (_server, store, clock) = support::served().await;
    let record = start(&store, 1, "alice").await;
    clock.advance(seconds(20));
    let touch = touch(&record, clock.now());
    for expected in [TouchOutcome::Recorded, TouchOutcome::Older] {
        let (touched, loaded) = store.touch_and_load(record.key, touch).await.unwrap();
        assert_eq!(touched, expected);
        let dwell_core::store::Lookup::Found(found) = loaded.state else {
            panic!("the session is there")
        };
        assert_eq!(found.facts.last_active_at, touch.at);
        assert_eq!(found.facts.idle_deadline, touch.idle_deadline);
    }
    let (touched, loaded) = store.touch_and_load(support::key(9), touch).await.unwrap();
    assert_eq!(touched, TouchOutcome::Gone);
    assert!(matches!(loaded.state, dwell_core::store::Lookup::Missing));
}

/// Many sessions, so that a scan of the table would be slower than an index.
const MANY: &str = "
    INSERT INTO dwell_session
    SELECT sha256(n::text::bytea), 'subject ' || n, l.created_at, l.last_active_at,
        l.authenticated_at, l.idle_deadline, l.absolute_deadline, NULL, NULL, 0, 0, l.policy, 0,
        0, '', l.token_check, true, NULL, NULL,
        CASE WHEN n % 2 = 0 THEN l.created_at END,
        CASE WHEN n % 2 = 0 THEN 6 END, false, l.due, NULL
    FROM generate_series(1, 20000) n, dwell_session l;
    ANALYZE dwell_session";

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_scans_table() {
    let server = Postgres::start().await.unwrap();
    let clock = ManualClock::new();
    let (store, pool) = on_one_connection(&server, &clock).await;
    let record = start(&store, 1, "alice").await;
    server.query("postgres", MANY).unwrap();
    let due_policy = support::due_policy();
    while store.reap(due_policy.clone(), 5_000).await.unwrap().more {}
    let scans = async || -> i64 {
        let flush = sqlx::query("SELECT pg_stat_force_next_flush()");
        flush.execute(&pool).await.unwrap();
        let count = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'dwell_session'";
        sqlx::query_scalar(count).fetch_one(&pool).await.unwrap()
    };
    let before = scans().await;
    // Often enough for the server to make generic plans.
    for n in 2..12 {
        clock.advance(seconds(20));
        store.load(record.key).await.unwrap();
        let shared = (1..9).map(|n| support::loading(&store, support::key(n)));
        for loaded in shared.collect::<Vec<_>>() {
            loaded.await.unwrap().unwrap();
        }
        let touch = touch(&record, clock.now());
        store.touch_and_load(record.key, touch).await.unwrap();
        store.list("alice".into()).await.unwrap();
        let other = start(&store, n, "alice").await;
        let confirm = dwell_core::store::Update::Confirm;
        store.update(other.key, 0, confirm).await.unwrap();
        store.count_failure(other.key).await.unwrap();
        let end = dwell_core::EndReason::SignedOut.into();
        store.end(other.key, end).await.unwrap();
        store.acknowledge(vec![other.key]).await.unwrap();
        store.reap(due_policy.clone(), 100).await.unwrap();
    }
    assert_eq!(scans().await, before, "passes over the whole table");
}
