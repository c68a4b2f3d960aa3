//! Servers that are killed, hang and come back.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper fails the test"
)]

mod support;

use std::time::Duration;

use dwell_core::store::{SessionStore, StoreError};
use dwell_core::{EndReason, SessionKey, minutes, seconds};
use dwell_redis::RedisStore;
use dwell_servers::{Redis, RedisCluster, RedisSentinel};
use support::{activity, cluster_url, found, on, sentinel_url, start, undriven};

#[tokio::test(flavor = "multi_thread")]
async fn l08_sessions_and_ends_survive_persistent_server_restart() {
    let on = on(Redis::builder().persistent().start().await.unwrap()).await;
    let record = start(&on.store, 1, minutes(1)).await;
    let ended = start(&on.store, 2, minutes(1)).await;
    let end = on.store.end(ended.key, EndReason::SignedOut.into()).await;
    assert!(end.unwrap().is_some());
    on.server.kill9().unwrap();
    let away = on.store.load(record.key).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    on.server.restart().await.unwrap();
    assert_eq!(found(&on.store, record.key).await, Some(record));
    assert_eq!(
        found(&on.store, ended.key).await,
        None,
        "the dead stay dead"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn request_after_server_restart_succeeds() {
    let on = undriven().await;
    start(&on.store, 1, minutes(1)).await;
    on.server.kill9().unwrap();
    on.server.restart().await.unwrap();
    // The old connection is lost, and the server has forgotten the scripts.
    let record = start(&on.store, 2, minutes(1)).await;
    assert!(found(&on.store, record.key).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_hanging_server_is_waited_for_within_limit() {
    let server = Redis::start().await.unwrap();
    let patience = Duration::from_millis(200);
    let store = RedisStore::builder().patience(patience);
    let store = store.connect(&server.url()).await.unwrap();
    let record = start(&store, 1, minutes(1)).await;
    server.stop().unwrap();
    let answer = store.load(record.key).await;
    assert!(
        matches!(&answer, Err(StoreError::Timeout(limit)) if *limit == patience),
        "{answer:?}"
    );
    server.cont().unwrap();
    // The first call may still meet the connection that was dropped.
    let touched = store.touch(record.key, activity(&record, seconds(5)));
    touched.await.unwrap();
    assert!(found(&store, record.key).await.is_some());
}

/// Ends every second of many sessions. Returns the live and the ended keys.
async fn end_half(store: &RedisStore, count: u32) -> (Vec<SessionKey>, Vec<SessionKey>) {
    let (mut live, mut dead) = (Vec::new(), Vec::new());
    for n in 0..count {
        let record = start(store, n, minutes(1)).await;
        if n % 2 == 0 {
            live.push(record.key);
        } else {
            let end = store.end(record.key, EndReason::SignedOut.into());
            assert!(end.await.unwrap().is_some());
            dead.push(record.key);
        }
    }
    (live, dead)
}

/// Loads until the store answers, a bounded number of times. Returns `true` if
/// the session is live.
async fn answered(store: &RedisStore, key: SessionKey) -> bool {
    let mut last = None;
    for _ in 0..200 {
        match store.load(key).await {
            Ok(loaded) => {
                let state = loaded.state;
                return matches!(state, dwell_core::store::Lookup::Found(_));
            }
            Err(error) => last = Some(error),
        }
    }
    panic!("the store answers after a failover: {last:?}")
}

async fn check(store: &RedisStore, live: &[SessionKey], dead: &[SessionKey]) {
    for key in dead {
        assert!(!answered(store, *key).await, "the dead stay dead");
    }
    for key in live {
        assert!(answered(store, *key).await, "no session is lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_cluster_failover_revives_and_loses_no_session() {
    let cluster = RedisCluster::start().await.unwrap();
    let url = cluster_url(&cluster);
    let store = RedisStore::connect(&url).await.unwrap();
    let (live, dead) = end_half(&store, 60).await;
    let masters = cluster.masters().await.unwrap();
    cluster.kill_master(masters[0]).await.unwrap();
    cluster.wait_for_failover().await.unwrap();
    check(&store, &live, &dead).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_sentinel_failover_revives_and_loses_no_session() {
    let sentinel = RedisSentinel::start().await.unwrap();
    let url = sentinel_url(&sentinel);
    let store = RedisStore::connect(&url).await.unwrap();
    let (live, dead) = end_half(&store, 60).await;
    sentinel.kill_primary().await.unwrap();
    sentinel.wait_for_failover().await.unwrap();
    check(&store, &live, &dead).await;
}
