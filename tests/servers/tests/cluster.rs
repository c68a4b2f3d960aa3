//! The cluster: complete at the start, and serving again after a master was
//! killed.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use dwell_servers::RedisCluster;
use support::{Remains, set_on_replicas};

#[tokio::test(flavor = "multi_thread")]
async fn replica_takes_over_and_killed_master_returns_as_replica() {
    let cluster = RedisCluster::start().await.unwrap();
    assert_eq!((cluster.urls().len(), cluster.nodes().len()), (6, 6));
    let masters = cluster.masters().await.unwrap();
    assert_eq!(masters.len(), 3, "{masters:?}");

    let old = cluster.master_of("key").await.unwrap();
    assert!(masters.contains(&old));
    let nodes = cluster.nodes();
    assert_eq!(
        set_on_replicas(nodes[old].port(), "key", "value").await,
        ":1"
    );
    cluster.kill_master(old).await.unwrap();
    assert!(!nodes[old].is_running());
    cluster.wait_for_failover().await.unwrap();

    let now = cluster.masters().await.unwrap();
    assert_eq!(now.len(), 3, "{now:?}");
    assert!(!now.contains(&old), "{now:?}");
    let new = cluster.master_of("key").await.unwrap();
    assert!(!masters.contains(&new));
    assert_eq!(nodes[new].command(&["GET", "key"]).unwrap(), "value");
    assert_eq!(nodes[new].command(&["SET", "key", "later"]).unwrap(), "OK");

    nodes[old].restart().await.unwrap();
    cluster.wait_until_complete().await.unwrap();
    assert_eq!(cluster.masters().await.unwrap(), now);
    assert!(cluster.kill_master(old).await.is_err());

    let remains: Vec<Remains> = nodes.iter().map(|node| Remains::of(node)).collect();
    drop(cluster);
    assert!(!remains.iter().any(|one| one.process() || one.folder()));
}
