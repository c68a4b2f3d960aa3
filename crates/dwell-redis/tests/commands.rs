//! How many commands a request costs, as the server counts them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper fails the test"
)]

mod support;

use dwell_core::store::SessionStore;
use dwell_core::{EndReason, minutes, seconds};
use dwell_servers::Redis;
use support::{activity, driven, due_policy, start};

/// Counts the scripts that clients have called.
fn calls(server: &Redis) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).unwrap();
    let of = |name: &str| -> u64 {
        let line = stats.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.strip_prefix(":calls="))
            .and_then(|line| line.split(',').next())
            .map_or(0, |count| count.trim().parse().unwrap())
    };
    of("cmdstat_evalsha") + of("cmdstat_eval")
}

/// Counts `GET`, which scripts call as well.
fn gets(server: &Redis) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).unwrap();
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    line.and_then(|line| line.split(',').next())
        .map_or(0, |count| count.trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_one_command_and_touch_writes_one_string() {
    let on = driven().await;
    let record = start(&on.store, 1, minutes(1)).await;
    let (key, first) = (record.key, activity(&record, seconds(10)));
    // From here on the server knows the scripts.
    on.store.load(key).await.unwrap();
    on.store.touch(key, first).await.unwrap();
    on.server.command(&["CONFIG", "RESETSTAT"]).unwrap();
    on.store.load(key).await.unwrap();
    assert_eq!((calls(&on.server), gets(&on.server)), (0, 1), "a look-up");
    on.store
        .touch(key, activity(&record, seconds(20)))
        .await
        .unwrap();
    assert_eq!(calls(&on.server), 1, "a touch");
    let both = on.store.touch_and_load(key, activity(&record, seconds(30)));
    both.await.unwrap();
    assert_eq!(calls(&on.server), 2, "a touch with a look-up");
    let stats = on.server.command(&["INFO", "commandstats"]).unwrap();
    for index in ["zadd", "rpush", "ltrim", "zrem", "set"] {
        let written = stats.contains(&format!("cmdstat_{index}:"));
        assert!(!written, "no index write for a touch: {index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_of_session_expire_after_its_end_is_reported() {
    let on = driven().await;
    let record = start(&on.store, 1, minutes(1)).await;
    let ended = on.store.end(record.key, EndReason::SignedOut.into()).await;
    assert!(ended.unwrap().is_some());
    on.store.acknowledge(vec![record.key]).await.unwrap();
    on.clock.advance(minutes(20));
    on.store.reap(due_policy(), 1_000).await.unwrap();
    let keys = on.server.command(&["KEYS", "dwell:{*"]).unwrap();
    let left: Vec<_> = keys.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(left.len(), 2, "the tombstone, and its subject's: {left:?}");
    for n in 1..=2 {
        let script = format!("return redis.call('PTTL', redis.call('KEYS', 'dwell:{{*')[{n}])");
        let left = on.server.command(&["EVAL", &script, "0"]).unwrap();
        let left: u64 = left.trim().parse().unwrap();
        let hour = 3_600_000;
        assert!((hour - 60_000..=hour).contains(&left), "{left} ms");
    }
}
