//! Stores under test, each on its own server, and sessions in them.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unused_imports, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{ManualClock, SessionKey, SessionRecord, hours};
use dwell_redis::RedisStore;
use dwell_servers::{Redis, RedisCluster, RedisSentinel};
use dwell_test_support::{keep, opened, touch};
use dwell_testkit::conformance::{DriveClock, StoreUnderTest};

pub(crate) use dwell_test_support::{IDLE, due_policy, key};

/// A store and its server.
pub(crate) struct On<S> {
    pub(crate) store: RedisStore,
    pub(crate) clock: ManualClock,
    pub(crate) server: S,
}

/// Starts a server, and a store on it by a driven clock.
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

/// Starts a server, and a store on it by the server's clock.
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

/// Creates a session that began `ago` before now.
pub(crate) async fn start(store: &RedisStore, n: u32, ago: Duration) -> SessionRecord {
    let began = store.now().await.unwrap() - ago;
    let record = opened(n, &format!("user {n}"), began);
    keep(store, &record).await;
    record
}

/// Returns the database key of a session.
pub(crate) fn raw_key(server: &Redis, key: SessionKey) -> Vec<u8> {
    let id = key.as_bytes();
    let script = "local found = {} \
         for _, k in ipairs(redis.call('KEYS', 'dwell:{*}:s:*')) do \
         if k:sub(-16) == ARGV[1] then return k end end return ''";
    let args: [&[u8]; 4] = [b"EVAL", script.as_bytes(), b"0", id];
    let answer = server.command_bytes(&args).unwrap();
    assert!(answer.ends_with(id), "the session is in the database");
    answer
}

/// Returns activity `later` after the last one on record.
pub(crate) fn activity(record: &SessionRecord, later: Duration) -> Touch {
    touch(record, record.facts.last_active_at + later)
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
