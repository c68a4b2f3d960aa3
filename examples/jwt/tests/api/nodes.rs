//! Two nodes that share a Redis, and a restart.

use std::net::SocketAddr;

use dwell_axum::SystemClock;
use dwell_redis::RedisStore;
use dwell_servers::Redis;
use jwt_api::Families;

use crate::support::{Client, outcome, serve};

async fn node(redis: &Redis) -> SocketAddr {
    let url = redis.url();
    let store = RedisStore::connect(&url).await.unwrap();
    let families = Families::in_redis(&url).await.unwrap();
    serve(store, families, SystemClock::new()).await
}

#[tokio::test]
async fn nodes_share_sessions_and_refresh_tokens() {
    let redis = Redis::start().await.unwrap();
    let (one, two) = (node(&redis).await, node(&redis).await);
    let mut alice = Client::log_in(one, "alice").await;
    assert_eq!(outcome(&alice.get("/account").await), "200");
    assert_eq!(
        alice.at(two).get("/account").await.text(),
        "account of alice"
    );
    let stolen = alice.clone();
    assert_eq!(outcome(&alice.refresh().await), "200");
    let mut thief = stolen.at(two);
    assert_eq!(outcome(&thief.refresh().await), "400");
    assert_eq!(outcome(&alice.get("/account").await), "token_reuse");
}

#[tokio::test]
async fn n103_sign_out_at_one_node_holds_at_other() {
    let redis = Redis::start().await.unwrap();
    let (one, two) = (node(&redis).await, node(&redis).await);
    for end in ["/session/end", "/logout"] {
        let mut alice = Client::log_in(one, "alice").await;
        assert_eq!(outcome(&alice.get("/account").await), "200");
        assert_eq!(alice.at(two).post(end, "").await.status, 204);
        assert_eq!(outcome(&alice.get("/account").await), "signed_out", "{end}");
        assert_eq!(outcome(&alice.refresh().await), "signed_out");
    }
}

#[tokio::test]
async fn n101_restart_with_redis_keeps_live_and_ended_sessions() {
    let redis = Redis::start().await.unwrap();
    let before = node(&redis).await;
    let alice = Client::log_in(before, "alice").await;
    let bob = Client::log_in(before, "bob").await;
    assert_eq!(outcome(&alice.get("/account").await), "200");
    assert_eq!(bob.post("/session/end", "").await.status, 204);
    let after = node(&redis).await;
    let (mut alice, mut bob) = (alice.at(after), bob.at(after));
    assert_eq!(alice.get("/account").await.text(), "account of alice");
    assert_eq!(outcome(&alice.refresh().await), "200");
    assert_eq!(outcome(&bob.get("/account").await), "signed_out");
    assert_eq!(outcome(&bob.refresh().await), "signed_out");
}
