//! Nodes that tell the server's time by themselves.

#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod support;

use std::time::Duration;

use dwell_core::store::SessionStore;
use dwell_redis::RedisStore;
use dwell_servers::{Proxy, Redis};
use support::{IDLE, on, start};

/// A look-up over this way takes twice as long: short enough for the node to
/// tell the time by itself, long enough to be off by as much.
const WAY: Duration = Duration::from_millis(7);

#[tokio::test(flavor = "multi_thread")]
async fn l11_node_refuses_no_earlier_than_another_admits() {
    let near = on(Redis::start().await.unwrap()).await;
    let address = ([127, 0, 0, 1], near.server.port()).into();
    let proxy = Proxy::start(address).await.unwrap();
    let far = format!("redis://{}", proxy.address());
    let far = RedisStore::connect(&far).await.unwrap();
    proxy.delay(WAY);
    for n in 0..5 {
        let record = start(&near.store, n, IDLE - Duration::from_millis(300)).await;
        let deadline = record.facts.idle_deadline;
        loop {
            let far = far.load(record.key).await.unwrap().now;
            let near = near.store.load(record.key).await.unwrap().now;
            assert!(
                far < deadline || deadline <= near,
                "over at {far} on one node, alive at {near} on the other"
            );
            if deadline <= near {
                break;
            }
        }
    }
}
