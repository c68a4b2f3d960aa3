//! Stores under test, each on a server of its own, and sessions in them.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::{self, Touch};
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore};
use dwell_core::{
    Credential, ManualClock, PolicyId, PolicySet, SessionKey, SessionRecord, Timeouts,
    VerifierHash, hours, minutes,
};
use dwell_redis::RedisStore;
use dwell_servers::{Redis, RedisCluster, RedisSentinel};
use dwell_testkit::conformance::{DriveClock, StoreUnderTest};

/// A store and what it is on.
pub(crate) struct On<S> {
    pub(crate) store: RedisStore,
    pub(crate) clock: ManualClock,
    pub(crate) server: S,
}

/// On a server of its own, by a clock that is driven.
pub(crate) async fn driven() -> On<Redis> {
    let server = Redis::start().await.unwrap();
    let clock = ManualClock::new();
    let store = driven_store("dwell", &server.url(), &clock).await;
    On {
        store,
        clock,
        server,
    }
}

pub(crate) async fn driven_store(prefix: &str, url: &str, clock: &ManualClock) -> RedisStore {
    let builder = RedisStore::builder().prefix(prefix).tombstones(hours(1));
    let builder = builder.judge_by_node_clock_for_tests(clock.clone());
    builder.connect(url).await.unwrap()
}

/// On a server of its own, by that server's clock.
pub(crate) async fn undriven() -> On<Redis> {
    let server = Redis::start().await.unwrap();
    on(server).await
}

pub(crate) async fn on(server: Redis) -> On<Redis> {
    let store = RedisStore::connect(&server.url()).await.unwrap();
    On {
        store,
        clock: ManualClock::new(),
        server,
    }
}

impl<S: Send + Sync + 'static> StoreUnderTest for On<S> {
    fn store(&self) -> &dyn SessionStore {
        &self.store
    }
}

impl<S: Send + Sync + 'static> DriveClock for On<S> {
    fn tombstones(&self) -> Duration {
        hours(1)
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) const IDLE: Duration = minutes(15);

pub(crate) fn policies() -> Arc<PolicySet> {
    Arc::new(
        PolicySet::simple(Timeouts {
            idle: IDLE,
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

/// Keeps a session that began so long ago.
pub(crate) async fn start(store: &RedisStore, n: u32, ago: Duration) -> SessionRecord {
    let policies = policies();
    let began = store.now().await.unwrap() - ago;
    let network = policies.find_network(None);
    let record = SessionRecord {
        key: key(n),
        subject: format!("user {n}").into(),
        facts: engine::opening_facts(&policies, PolicyId::DEFAULT, network, began),
        strength: None,
        credential: Credential::new(VerifierHash::from_bits(u128::from(n) + 1)),
    };
    let created = store
        .create(record.clone(), None, due_policy())
        .await
        .unwrap();
    assert!(matches!(created, Created::Created { .. }));
    record
}

/// Activity so long after the last one on record.
pub(crate) fn activity(record: &SessionRecord, later: Duration) -> Touch {
    let at = record.facts.last_active_at + later;
    Touch {
        at,
        network: record.facts.network,
        idle_deadline: at + IDLE,
    }
}

pub(crate) async fn found(store: &RedisStore, key: SessionKey) -> Option<SessionRecord> {
    match store.load(key).await.unwrap().state {
        Lookup::Found(record) => Some(record),
        _ => None,
    }
}

pub(crate) fn cluster_url(cluster: &RedisCluster) -> String {
    format!("redis+cluster://{}", hosts(cluster.nodes()))
}

pub(crate) fn sentinel_url(sentinel: &RedisSentinel) -> String {
    let hosts = hosts(sentinel.sentinels());
    format!("redis+sentinel://{hosts}/{}", sentinel.service())
}

fn hosts(servers: &[Redis]) -> String {
    let hosts = servers
        .iter()
        .map(|one| format!("127.0.0.1:{}", one.port()));
    hosts.collect::<Vec<_>>().join(",")
}
