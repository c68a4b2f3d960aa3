//! `NearCache` over real servers: an end on another node is seen within a tenth of
//! a second, or the copies do not answer.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use dwell_axum::engine;
use dwell_axum::store::{DuePolicy, Lookup, SessionStore, StoreError, Watched};
use dwell_axum::{
    Clock, Credential, EndReason, NearCache, OpenPart, PolicyId, PolicySet, SessionKey,
    SessionRecord, SystemClock, Timeouts, VerifierHash, hours, minutes,
};
use dwell_redis::RedisStore;
use dwell_servers::{Postgres, Redis, RedisCluster};
use dwell_sqlx::PostgresStore;

/// How late an end may be seen.
const BOUND: Duration = Duration::from_millis(100);

async fn start(store: &impl SessionStore, n: u32) -> SessionKey {
    let policies = Arc::new(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    );
    let now = store.now().await.unwrap();
    let network = policies.find_network(None);
    let record = SessionRecord {
        key: SessionKey::adopted(&n.to_be_bytes()),
        subject: "alice".into(),
        facts: engine::opening_facts(&policies, PolicyId::DEFAULT, network, now),
        credential: Credential::new(VerifierHash::from_bits(u128::from(n) + 1)),
        open: OpenPart::new(),
    };
    let key = record.key;
    let created = store.create(record, None, DuePolicy::new(policies));
    created.await.unwrap();
    key
}

/// Asks until a copy answers.
async fn warm(cache: &NearCache, key: SessionKey) {
    loop {
        match cache.load(key).into_ready() {
            Ok(loaded) => {
                assert!(matches!(loaded.unwrap().state, Lookup::Found(_)));
                return;
            }
            Err(asked) => drop(asked.await.unwrap()),
        }
        tokio::task::yield_now().await;
    }
}

async fn is_live(cache: &NearCache, key: SessionKey) -> bool {
    let loaded = cache.load(key).await.unwrap();
    matches!(loaded.state, Lookup::Found(_))
}

/// Ends sessions on one node and keeps asking the other.
async fn check_ends(here: impl Watched, there: impl Watched) {
    let (here, there) = (NearCache::new(here), NearCache::new(there));
    let clock = SystemClock::new();
    for n in 0..10 {
        let key = start(&there, n).await;
        warm(&here, key).await;
        let end = there.end(key, EndReason::SignedOut.into());
        assert!(end.await.unwrap().is_some());
        let ended = clock.now();
        loop {
            // Measured before asking: the answer's own time does not count.
            let asked = clock.now();
            if !is_live(&here, key).await {
                break;
            }
            let late = asked - ended;
            assert!(late <= BOUND, "a copy is live {late:?} after the end");
            tokio::task::yield_now().await;
        }
        assert!(!is_live(&here, key).await, "and it stays ended");
    }
}

/// Asks for a session right after its server stopped.
async fn check_loss(cache: &NearCache, key: SessionKey) {
    let clock = SystemClock::new();
    let killed = clock.now();
    loop {
        let asked = clock.now();
        match cache.load(key).await {
            Err(StoreError::Unavailable(_) | StoreError::Timeout(_)) => return,
            Err(other) => unreachable!("{other}"),
            Ok(_) => {
                let late = asked - killed;
                assert!(late <= BOUND, "a copy answers {late:?} after its server");
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_end_seen_in_time_over_redis() {
    let server = Redis::start().await.unwrap();
    let here = RedisStore::connect(&server.url()).await.unwrap();
    let there = RedisStore::connect(&server.url()).await.unwrap();
    check_ends(here, there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_end_seen_in_time_over_cluster() {
    let cluster = RedisCluster::start().await.unwrap();
    let hosts = cluster
        .nodes()
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    let url = format!("redis+cluster://{}", hosts.collect::<Vec<_>>().join(","));
    let here = RedisStore::connect(&url).await.unwrap();
    let there = RedisStore::connect(&url).await.unwrap();
    check_ends(here, there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_end_seen_in_time_over_postgres() {
    let server = Postgres::start().await.unwrap();
    let here = PostgresStore::connect(&server.url()).await.unwrap();
    let there = PostgresStore::connect(&server.url()).await.unwrap();
    check_ends(here, there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_no_copy_answers_without_redis() {
    let server = Redis::start().await.unwrap();
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let key = start(&store, 1).await;
    let cache = NearCache::new(store);
    warm(&cache, key).await;
    server.kill9().unwrap();
    check_loss(&cache, key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_no_copy_answers_without_postgres() {
    let server = Postgres::start().await.unwrap();
    let builder = PostgresStore::builder().with_acquire_timeout(Duration::from_millis(300));
    let store = builder.connect(&server.url()).await.unwrap();
    let key = start(&store, 1).await;
    let cache = NearCache::new(store);
    warm(&cache, key).await;
    server.kill9().unwrap();
    check_loss(&cache, key).await;
}
