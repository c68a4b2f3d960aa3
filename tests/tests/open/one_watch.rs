//! A node uses one connection to watch its store for changes.

use std::time::Duration;

use dwell_axum::{NearCache, minutes};
use dwell_redis::RedisStore;
use dwell_servers::Redis;

use crate::client::Open;
use crate::node::Node;

#[tokio::test(flavor = "multi_thread")]
async fn near_cache_and_open_connections_share_one_subscription() {
    let server = Redis::start().await.unwrap();
    let subscribed = || {
        let clients = server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        clients.unwrap().matches("id=").count()
    };
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let node = Node::start(NearCache::new(store), minutes(10)).await;
    let alice = node.alice().await;
    let mut open = Open::everything(&node, &alice).await;
    // After the first check of each.
    open.stays(Duration::from_secs(1)).await;
    assert_eq!(alice.fetch("/").await.status, 200);
    assert_eq!(subscribed(), 1);
}
