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
use std::time::Duration;

use dwell_core::store::SessionStore;
use dwell_core::{ManualClock, hours};
use dwell_servers::Postgres;
use dwell_sqlx::{PostgresStore, SqliteStore};
use dwell_testkit::conformance::outage::TakeAway;
use dwell_testkit::conformance::{DriveClock, OnManualClock, StoreUnderTest};
use dwell_testkit::{
    outage_conformance, outliving_store_conformance, store_conformance, store_conformance_in_one,
};
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
    fn tombstones(&self) -> Duration {
        self.store.tombstones()
    }

    async fn advance(&self, by: Duration) {
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

/// A store and its server.
struct OnServer<S> {
    store: S,
    server: Postgres,
}

impl<S: StoreUnderTest> StoreUnderTest for OnServer<S> {
    fn store(&self) -> &dyn SessionStore {
        self.store.store()
    }
}

impl<S: DriveClock> DriveClock for OnServer<S> {
    fn tombstones(&self) -> Duration {
        self.store.tombstones()
    }

    async fn advance(&self, by: Duration) {
        self.store.advance(by).await;
    }
}

/// Goes down, and comes up with what it had.
impl<S: StoreUnderTest> TakeAway for OnServer<S> {
    async fn take_away(&self) {
        self.server.kill9().unwrap();
    }

    async fn bring_back(&self) {
        self.server.restart().await.unwrap();
    }
}

async fn on_its_own_server() -> OnServer<OnManualClock<PostgresStore>> {
    let server = server().await;
    let store = on(&server).await;
    OnServer { store, server }
}

async fn that_can_go_down() -> OnServer<PostgresStore> {
    let server = server().await;
    let builder = PostgresStore::builder().with_acquire_timeout(Duration::from_millis(300));
    let store = builder.connect(&server.url()).await.unwrap();
    OnServer { store, server }
}

outliving_store_conformance!(sqlite_outlives_its_nodes, in_file);
outliving_store_conformance!(postgres_outlives_its_nodes, on_its_own_server);
outage_conformance!(postgres_away, that_can_go_down);
store_conformance!(sqlite, in_file);
store_conformance!(sqlite_by_the_wall, own_clock, in_file_by_the_wall);
store_conformance_in_one!(postgres_passes_every_case, server, on);
store_conformance_in_one!(
    postgres_passes_every_case_by_its_own_clock,
    own_clock,
    server,
    on_by_its_clock
);
