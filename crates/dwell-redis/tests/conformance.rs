//! The store passes the conformance suite: on one server, by a driven clock and
//! by the server's own; on a cluster; and behind Sentinels.

#![allow(clippy::unwrap_used, reason = "a test helper fails the test")]

mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dwell_core::ManualClock;
use dwell_redis::RedisStore;
use dwell_servers::{Redis, RedisCluster, RedisSentinel};
use dwell_testkit::conformance::outage::TakeAway;
use dwell_testkit::store_conformance;
use support::{On, cluster_url, sentinel_url};

store_conformance!(one_server, async || support::driven().await);
store_conformance!(by_the_servers_clock, own_clock, async || support::undriven(
)
.await);
store_conformance!(outliving_its_nodes, outliving, async || support::driven()
    .await);

/// Is killed, and restarts with its append-only file.
impl TakeAway for On<Redis> {
    async fn take_away(&self) {
        self.server.kill9().unwrap();
    }

    async fn bring_back(&self) {
        self.server.restart().await.unwrap();
    }
}

/// All its nodes hang, and continue.
impl TakeAway for On<RedisCluster> {
    async fn take_away(&self) {
        for node in self.server.nodes() {
            node.stop().unwrap();
        }
    }

    async fn bring_back(&self) {
        for node in self.server.nodes() {
            node.cont().unwrap();
        }
    }
}

store_conformance!(its_server_away, outage, async || {
    let server = Redis::builder().persistent().start().await.unwrap();
    support::on(server).await
});
store_conformance!(its_cluster_away, outage, async || {
    let server = RedisCluster::start().await.unwrap();
    let store = RedisStore::builder().patience(Duration::from_millis(200));
    let store = store.connect(&cluster_url(&server)).await.unwrap();
    let clock = ManualClock::new();
    On {
        store,
        clock,
        server,
    }
});

static CASE: AtomicU32 = AtomicU32::new(0);

/// Returns a store with its own key prefix, for one of many cases on the same
/// servers.
async fn next(url: &str) -> On<()> {
    let prefix = format!("case-{}", CASE.fetch_add(1, Ordering::Relaxed));
    let clock = ManualClock::new();
    On {
        store: support::driven_store(&prefix, url, &clock).await,
        clock,
        server: (),
    }
}

store_conformance!(
    on_a_cluster,
    in_one,
    async || RedisCluster::start().await.unwrap(),
    async |cluster: &RedisCluster| next(&cluster_url(cluster)).await
);

store_conformance!(
    behind_sentinels,
    in_one,
    async || RedisSentinel::start().await.unwrap(),
    async |sentinel: &RedisSentinel| next(&sentinel_url(sentinel)).await
);
