//! What the tests share: stores on new files and servers, and sessions.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unused_imports, reason = "each test file uses its part")]

use dwell_core::store::{Loaded, SessionStore, StoreError};
use dwell_core::{ManualClock, SessionKey, hours};
use dwell_servers::Postgres;
use dwell_sqlx::{PostgresStore, SqliteStore};
use tokio::task::JoinHandle;

pub(crate) use dwell_test_support::{
    Folder, due_policy, key, opened, reap_all, start, state, touch,
};

/// Opens a store in a file, by a driven clock; tombstones live for an hour.
pub(crate) async fn sqlite(folder: &Folder, clock: &ManualClock) -> SqliteStore {
    let builder = SqliteStore::builder().with_clock(clock.clone());
    builder
        .with_tombstones(hours(1))
        .open(folder.path("sessions.db"))
        .await
        .unwrap()
}

/// Connects to Postgres, by a driven clock; tombstones live for an hour.
pub(crate) async fn postgres(url: &str, prefix: &str, clock: &ManualClock) -> PostgresStore {
    let builder = PostgresStore::builder()
        .with_insecure_clock_for_tests(clock.clone())
        .with_tombstones(hours(1))
        .with_prefix(prefix);
    builder.connect(url).await.unwrap()
}

/// Starts a server, and a store on it by a driven clock.
pub(crate) async fn served() -> (Postgres, PostgresStore, ManualClock) {
    let server = Postgres::start().await.unwrap();
    let clock = ManualClock::new();
    let store = postgres(&server.url(), "dwell", &clock).await;
    (server, store, clock)
}

/// Starts a server that counts its statements.
pub(crate) async fn counting_server() -> Postgres {
    let builder = Postgres::builder();
    let builder = builder.setting("shared_preload_libraries", "pg_stat_statements");
    let server = builder.start().await.unwrap();
    let extension = "CREATE EXTENSION pg_stat_statements";
    server.query("postgres", extension).unwrap();
    server
}

/// Returns how many statements the server has run, except those of this
/// function.
pub(crate) fn statements(server: &Postgres) -> u64 {
    let count = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
                 WHERE query NOT LIKE '%pg_stat_statements%'";
    server.query("postgres", count).unwrap().parse().unwrap()
}

/// Looks a session up in a separate task.
pub(crate) fn loading(
    store: &PostgresStore,
    key: SessionKey,
) -> JoinHandle<Result<Loaded, StoreError>> {
    let store = store.clone();
    tokio::spawn(async move { store.load(key).await })
}

/// Returns a key in hexadecimal digits.
pub(crate) fn digits(key: SessionKey) -> String {
    key.as_bytes().iter().map(|b| format!("{b:02x}")).collect()
}
