//! What the tests share: stores on fresh files and servers, and sessions.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dwell_core::engine::{self, Touch};
use dwell_core::store::{Created, DuePolicy, Loaded, Lookup, SessionStore, StoreError};
use dwell_core::{
    Credential, ManualClock, PolicyId, PolicySet, SessionKey, SessionRecord, Timeouts, Timestamp,
    VerifierHash, hours, minutes,
};
use dwell_servers::Postgres;
use dwell_sqlx::{PostgresStore, SqliteStore};
use tokio::task::JoinHandle;

/// A folder that goes with its value.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sqlx-{process}-{count}"));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A store in a file, on a clock that is driven; tombstones live for an hour.
pub(crate) async fn sqlite(folder: &Folder, clock: &ManualClock) -> SqliteStore {
    let builder = SqliteStore::builder().with_clock(clock.clone());
    builder
        .with_tombstones(hours(1))
        .open(folder.file())
        .await
        .unwrap()
}

/// A store in Postgres, on a clock that is driven; tombstones live for an hour.
pub(crate) async fn postgres(url: &str, prefix: &str, clock: &ManualClock) -> PostgresStore {
    let builder = PostgresStore::builder()
        .with_insecure_clock_for_tests(clock.clone())
        .with_tombstones(hours(1))
        .with_prefix(prefix);
    builder.connect(url).await.unwrap()
}

/// A server, and a store on it by a clock that is driven.
pub(crate) async fn served() -> (Postgres, PostgresStore, ManualClock) {
    let server = Postgres::start().await.unwrap();
    let clock = ManualClock::new();
    let store = postgres(&server.url(), "dwell", &clock).await;
    (server, store, clock)
}

/// A server that counts its statements.
pub(crate) async fn counting_server() -> Postgres {
    let builder = Postgres::builder();
    let builder = builder.setting("shared_preload_libraries", "pg_stat_statements");
    let server = builder.start().await.unwrap();
    let extension = "CREATE EXTENSION pg_stat_statements";
    server.query("postgres", extension).unwrap();
    server
}

/// How many statements it has seen that are not about counting them.
pub(crate) fn statements(server: &Postgres) -> u64 {
    let count = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
                 WHERE query NOT LIKE '%pg_stat_statements%'";
    server.query("postgres", count).unwrap().parse().unwrap()
}

/// A look-up in a task of its own.
pub(crate) fn loading(
    store: &PostgresStore,
    key: SessionKey,
) -> JoinHandle<Result<Loaded, StoreError>> {
    let store = store.clone();
    tokio::spawn(async move { store.load(key).await })
}

/// A quarter of an hour and eight hours.
pub(crate) fn policies() -> Arc<PolicySet> {
    Arc::new(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    )
}

pub(crate) fn due_policy() -> DuePolicy {
    DuePolicy::new(policies())
}

pub(crate) fn key(n: u32) -> SessionKey {
    SessionKey::adopted(&n.to_be_bytes())
}

/// The `n`th session, opened at this instant.
pub(crate) fn opened(n: u32, subject: &str, at: Timestamp) -> SessionRecord {
    let policies = policies();
    let network = policies.find_network(None);
    SessionRecord {
        key: key(n),
        subject: subject.into(),
        facts: engine::opening_facts(&policies, PolicyId::DEFAULT, network, at),
        strength: None,
        credential: Credential::new(VerifierHash::from_bits(u128::from(n) + 1)),
    }
}

/// Keeps the `n`th session, opened now by the store's clock.
pub(crate) async fn start(store: &dyn SessionStore, n: u32, subject: &str) -> SessionRecord {
    let record = opened(n, subject, store.now().await.unwrap());
    let created = store
        .create(record.clone(), None, due_policy())
        .await
        .unwrap();
    assert!(matches!(created, Created::Created { .. }), "{created:?}");
    record
}

pub(crate) async fn state(store: &dyn SessionStore, key: SessionKey) -> Lookup {
    store.load(key).await.unwrap().state
}

pub(crate) fn touch(record: &SessionRecord, at: Timestamp) -> Touch {
    Touch {
        at,
        network: record.facts.network,
        idle_deadline: at + minutes(15),
    }
}

/// Passes until nothing more is due; the keys of what ended, in order.
pub(crate) async fn reap_all(store: &dyn SessionStore, judge: &DuePolicy) -> Vec<SessionKey> {
    let mut keys = Vec::new();
    loop {
        let reaped = store.reap(judge.clone(), 100).await.unwrap();
        keys.extend(reaped.ended.iter().map(|ended| ended.record.key));
        if !reaped.more {
            keys.sort_unstable();
            return keys;
        }
    }
}
