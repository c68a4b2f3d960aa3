//! Values that can't be read are errors, and block no other session.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use dwell_core::store::{Lookup, SessionStore, StoreError};
use dwell_core::{
    Clock, EndReason, ManualClock, PolicySet, SessionManager, Timeouts, hours, minutes,
};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqlitePoolOptions;
use support::{Folder, digits, due_policy, key, opened, reap_all, start, touch};

/// What is written into a row, in SQL that both databases accept.
const FAULTS: [&str; 11] = [
    "ended_reason = 0, ended_at = 5",
    "ended_reason = 256, ended_at = 5",
    "ended_reason = -1, ended_at = 5",
    "ended_reason = 6",
    "created_at = -1",
    "idle_deadline = -9223372036854775807",
    "failures = 256",
    "version = 4294967296",
    "longest_pause = -5",
    "previous_at = 7, previous_check = NULL",
    "policy = -1",
];

/// Creates one session for each fault, and one without a fault. Returns the
/// number of faults.
async fn plant(store: &dyn SessionStore, own: &[&str], sql: impl AsyncFn(String)) -> u32 {
    let mut n = 0;
    for fault in FAULTS.iter().chain(own) {
        n += 1;
        let record = start(store, n, "alice").await;
        let key = digits(record.key);
        sql(format!(
            "UPDATE dwell_session SET {fault} WHERE key = KEY('{key}')"
        ))
        .await;
    }
    start(store, 0, "alice").await;
    n
}

async fn corrupt_rows_are_skipped(
    store: &(impl SessionStore + Clone),
    clock: &ManualClock,
    faults: u32,
) {
    let limits = Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    };
    let policies = PolicySet::simple(limits).unwrap();
    let manager = SessionManager::builder(store.clone(), policies).build();
    for n in 1..=faults {
        let error = store.load(key(n)).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Corrupt(_)),
            "fault {n}: {error:?}"
        );
        // N92: to the layers the session has ended.
        let found = manager.readable(key(n), Err(error.clone())).await;
        assert!(matches!(found.unwrap().state, Lookup::Missing), "fault {n}");
        let ended = manager.end_session(key(n), EndReason::Revoked).await;
        assert!(!ended.unwrap(), "fault {n}");
        let shown = format!("{error:?}");
        assert!(!shown.contains(&digits(key(n))), "{shown}");
        let touch = touch(&opened(n, "alice", clock.now()), clock.now());
        assert!(store.touch(key(n), touch).await.is_err(), "fault {n}");
    }
    let listed = store.list("alice".into()).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|record| record.key).collect();
    assert_eq!(listed, [key(0)], "a list holds what can be read");
    clock.advance(minutes(15));
    for _ in 0..3 {
        let ended = reap_all(store, &due_policy()).await;
        store.acknowledge(ended.clone()).await.unwrap();
        let reaped = store.reap(due_policy(), 100).await.unwrap();
        assert!(!reaped.more, "no pass looks at one row twice");
        clock.advance(minutes(2));
    }
    let listed = store.list("alice".into()).await.unwrap();
    assert!(
        listed.is_empty(),
        "what is due is ended, despite damaged rows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn n92_postgres_skips_corrupt_rows() {
    let (server, store, clock) = support::served().await;
    let own = [
        "token_check = '\\x00'",
        "open_part = '\\x010005'",
        "open_part = '\\x020000010000'",
    ];
    let faults = plant(&store, &own, async |sql| {
        let sql = sql.replace("KEY('", "decode('").replace("')", "', 'hex')");
        server.query("postgres", &sql).unwrap();
    });
    let faults = faults.await;
    let other_key =
        "INSERT INTO dwell_session SELECT '\\x0102', 'alice', 0, 0, 0, 0, 0, NULL, NULL,
        0, 0, 0, 0, 0, '', '', true, NULL, NULL, NULL, NULL, false, 0, NULL";
    server.query("postgres", other_key).unwrap();
    corrupt_rows_are_skipped(&store, &clock, faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n92_sqlite_skips_corrupt_rows() {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    let url = format!("sqlite://{}", folder.path("sessions.db"));
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect(&url)
        .await
        .unwrap();
    let own = [
        "token_check = x'00'",
        "open_part = x'010005'",
        "open_part = x'020000010000'",
        "ended_reason = 70000, ended_at = 5",
        "subject = CAST(x'616c696365ff' AS TEXT)",
    ];
    let faults = plant(&store, &own, async |sql| {
        let sql = sql.replace("KEY('", "x'").replace("')", "'");
        sqlx::query(AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .unwrap();
    });
    let faults = faults.await;
    corrupt_rows_are_skipped(&store, &clock, faults).await;
}
