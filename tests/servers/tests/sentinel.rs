//! The sentinels: agreed at the start, agreed on the other server after the primary was killed.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use dwell_servers::RedisSentinel;
use support::{Remains, set_on_replicas};

#[tokio::test(flavor = "multi_thread")]
async fn replica_takes_over_and_killed_primary_returns() {
    let redis = RedisSentinel::start().await.unwrap();
    assert_eq!((redis.urls().len(), redis.service()), (3, "dwell"));
    assert_eq!(redis.primary().await.unwrap(), 0);
    let [first, second] = redis.servers();
    assert_eq!(set_on_replicas(first.port(), "key", "value").await, ":1");
    assert!(second.command(&["SET", "key", "other"]).is_err());

    assert_eq!(redis.kill_primary().await.unwrap(), 0);
    assert!(!first.is_running());
    assert_eq!(redis.wait_for_failover().await.unwrap(), 1);
    for sentinel in redis.sentinels() {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", redis.service()];
        let address = sentinel.command(&ask).unwrap();
        assert_eq!(address, format!("127.0.0.1\n{}", second.port()));
    }
    assert_eq!(second.command(&["GET", "key"]).unwrap(), "value");
    assert_eq!(second.command(&["SET", "key", "later"]).unwrap(), "OK");

    first.restart().await.unwrap();
    redis.wait_until_complete().await.unwrap();
    assert_eq!(redis.primary().await.unwrap(), 1);
    assert_eq!(first.command(&["GET", "key"]).unwrap(), "later");

    redis.sentinels()[0].restart().await.unwrap();
    redis.wait_until_complete().await.unwrap();

    let all = redis.sentinels().iter().chain(redis.servers());
    let remains: Vec<Remains> = all.map(|server| Remains::of(server)).collect();
    drop(redis);
    assert_eq!(remains.len(), 5);
    assert!(!remains.iter().any(|one| one.process() || one.folder()));
}
