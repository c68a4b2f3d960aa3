//! Both stores pass the conformance suite, by a driven clock and by their own.

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
use dwell_core::{ManualClock, SessionKey, hours};
use dwell_servers::Postgres;
use dwell_sqlx::{PostgresStore, SqliteStore};
use dwell_testkit::conformance::newer::WriteReason;
use dwell_testkit::conformance::outage::TakeAway;
use dwell_testkit::conformance::{DriveClock, OnManualClock, StoreUnderTest};
use dwell_testkit::store_conformance;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqlitePool;
use support::{Folder, digits};

/// A store, and its file or server.
struct In<S, P> {
    store: S,
    place: P,
}

impl<S: StoreUnderTest, P: Send + Sync + 'static> StoreUnderTest for In<S, P> {
    fn store(&self) -> &dyn SessionStore {
        self.store.store()
    }
}

impl<S: DriveClock, P: Send + Sync + 'static> DriveClock for In<S, P> {
    fn tombstones(&self) -> Duration {
        self.store.tombstones()
    }

    async fn advance(&self, by: Duration) {
        self.store.advance(by).await;
    }
}

async fn in_file() -> In<OnManualClock<SqliteStore>, Folder> {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    In {
        store: OnManualClock::new(store, clock, hours(1)),
        place: folder,
    }
}

async fn in_file_by_the_wall() -> In<SqliteStore, Folder> {
    let folder = Folder::new();
    In {
        store: SqliteStore::open(folder.path("sessions.db")).await.unwrap(),
        place: folder,
    }
}

async fn server() -> Postgres {
    Postgres::start().await.unwrap()
}

/// Returns a new table prefix for each case.
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

/// Is killed, and restarts with its data.
impl<S: StoreUnderTest> TakeAway for In<S, Postgres> {
    async fn take_away(&self) {
        self.place.kill9().unwrap();
    }

    async fn bring_back(&self) {
        self.place.restart().await.unwrap();
    }
}

/// In tables that are named as they are where nothing else is said.
async fn on_its_own_tables() -> In<OnManualClock<PostgresStore>, Postgres> {
    let (server, store, clock) = support::served().await;
    In {
        store: OnManualClock::new(store, clock, hours(1)),
        place: server,
    }
}

impl WriteReason for In<OnManualClock<PostgresStore>, Postgres> {
    async fn write_reason(&self, key: SessionKey, code: u8) {
        let key = format!("decode('{}', 'hex')", digits(key));
        let query = self.place.query("postgres", &ended_for(code, &key));
        query.unwrap();
    }
}

impl WriteReason for In<OnManualClock<SqliteStore>, Folder> {
    async fn write_reason(&self, key: SessionKey, code: u8) {
        let url = format!("sqlite://{}", self.place.path("sessions.db"));
        let pool = SqlitePool::connect(&url).await.unwrap();
        let sql = ended_for(code, &format!("x'{}'", digits(key)));
        let query = sqlx::query(AssertSqlSafe(sql)).execute(&pool);
        query.await.unwrap();
    }
}

fn ended_for(code: u8, key: &str) -> String {
    format!("UPDATE dwell_session SET ended_reason = {code} WHERE key = {key}")
}

async fn on_its_own_server() -> In<OnManualClock<PostgresStore>, Postgres> {
    let server = server().await;
    let store = on(&server).await;
    In {
        store,
        place: server,
    }
}

async fn that_can_go_down() -> In<PostgresStore, Postgres> {
    let server = server().await;
    let builder = PostgresStore::builder().with_acquire_timeout(Duration::from_millis(300));
    let store = builder.connect(&server.url()).await.unwrap();
    In {
        store,
        place: server,
    }
}

store_conformance!(sqlite_outlives_its_nodes, outliving, in_file);
store_conformance!(postgres_outlives_its_nodes, outliving, on_its_own_server);
store_conformance!(sqlite_of_a_newer_version, newer, in_file);
store_conformance!(postgres_of_a_newer_version, newer, on_its_own_tables);
store_conformance!(postgres_away, outage, that_can_go_down);
store_conformance!(sqlite, in_file);
store_conformance!(sqlite_by_the_wall, own_clock, in_file_by_the_wall);
store_conformance!(postgres_passes_every_case, in_one, server, on);
store_conformance!(
    postgres_passes_every_case_by_server_clock,
    in_one,
    own_clock,
    server,
    on_by_its_clock
);
