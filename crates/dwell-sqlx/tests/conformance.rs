//! Both stores pass the suite, by a clock that is driven and by their own.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use dwell_core::store::SessionStore;
use dwell_core::{ManualClock, hours};
use dwell_servers::Postgres;
use dwell_sqlx::{PostgresStore, SqliteStore};
use dwell_testkit::conformance::{DriveClock, OnManualClock, StoreUnderTest};
use dwell_testkit::{store_conformance, store_conformance_in_one};
use support::Folder;

/// A store and its file.
struct InFile<S> {
    store: S,
    _folder: Folder,
}

impl<S: StoreUnderTest> StoreUnderTest for InFile<S> {
    fn store(&self) -> &dyn SessionStore {
        self.store.store()
    }
}

impl<S: DriveClock> DriveClock for InFile<S> {
    fn tombstones(&self) -> std::time::Duration {
        self.store.tombstones()
    }

    async fn advance(&self, by: std::time::Duration) {
        self.store.advance(by).await;
    }
}

async fn in_file() -> InFile<OnManualClock<SqliteStore>> {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    InFile {
        store: OnManualClock::new(store, clock, hours(1)),
        _folder: folder,
    }
}

async fn in_file_by_the_wall() -> InFile<SqliteStore> {
    let folder = Folder::new();
    InFile {
        store: SqliteStore::open(folder.file()).await.unwrap(),
        _folder: folder,
    }
}

async fn server() -> Postgres {
    Postgres::start().await.unwrap()
}

/// Tables of their own for every case.
fn prefix() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("case_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn on(server: &Postgres) -> OnManualClock<PostgresStore> {
    let clock = ManualClock::new();
    let store = support::postgres(&server.url(), &prefix(), &clock).await;
    OnManualClock::new(store, clock, hours(1))
}

async fn on_by_its_clock(server: &Postgres) -> PostgresStore {
    let builder = PostgresStore::builder().with_prefix(prefix());
    builder.connect(&server.url()).await.unwrap()
}

store_conformance!(sqlite, in_file);
store_conformance!(sqlite_by_the_wall, own_clock, in_file_by_the_wall);
store_conformance_in_one!(postgres_passes_every_case, server, on);
store_conformance_in_one!(
    postgres_passes_every_case_by_its_own_clock,
    own_clock,
    server,
    on_by_its_clock
);
