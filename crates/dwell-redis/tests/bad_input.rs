//! Damaged values, wrong URLs and credentials, and a server whose memory is
//! full.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test helper fails the test"
)]

mod support;

use dwell_core::store::{Lookup, SessionStore, StoreError, Update, Updated};
use dwell_core::{EndReason, PolicySet, SessionManager, Timeouts, hours, minutes, seconds};
use dwell_redis::{ConnectError, RedisStore};
use dwell_servers::Redis;
use support::{activity, driven, due_policy, found, key, on, raw_key, start};

fn is_corrupt<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Corrupt(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn n92_unreadable_value_opens_nothing_and_stops_no_reaper() {
    let on = driven().await;
    let (store, server) = (&on.store, &on.server);
    let limits = Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    };
    let policies = PolicySet::simple(limits).unwrap();
    let manager = SessionManager::builder(store.clone(), policies).build();
    let healthy = start(store, 0, minutes(1)).await;
    let long = "x".repeat(200);
    let values: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("short", b"\x01"),
        ("another layout", b"\x02 and more"),
        ("text", b"{\"user\":\"root\"}"),
        ("long", long.as_bytes()),
        ("zeros", &[0; 130]),
    ];
    for (n, (what, value)) in values.iter().enumerate() {
        let record = start(store, u32::try_from(n).unwrap() + 1, minutes(1)).await;
        let raw = raw_key(server, record.key);
        server
            .command_bytes(&[b"SET", raw.as_slice(), value])
            .unwrap();
        let key = record.key;
        assert!(is_corrupt(&store.load(key).await), "{what}: load");
        let activity = activity(&record, seconds(30));
        assert!(
            is_corrupt(&store.touch(key, activity).await),
            "{what}: touch"
        );
        assert!(
            is_corrupt(&store.touch_and_load(key, activity).await),
            "{what}: both"
        );
        let confirm = store.update(key, 0, Update::Confirm).await;
        assert!(is_corrupt(&confirm), "{what}: update");
        let end = store.end(key, EndReason::SignedOut.into()).await;
        assert!(is_corrupt(&end), "{what}: end");
        // N92: to the layers the session has ended.
        let found = manager.readable(key, store.load(key).await).await.unwrap();
        assert!(matches!(found.state, Lookup::Missing), "{what}");
        let ended = manager.end_session(key, EndReason::Revoked).await;
        assert!(!ended.unwrap(), "{what}: ended");
        let listed = store.list(record.subject.clone()).await.unwrap();
        assert_eq!(listed, [], "{what}: skipped in lists");
    }
    on.clock.advance(minutes(20));
    let reaped = store.reap(due_policy(), 1_000).await.unwrap();
    let keys: Vec<_> = reaped.ended.iter().map(|ended| ended.record.key).collect();
    assert_eq!(keys, [healthy.key], "the reaper skips it and continues");
}

#[tokio::test(flavor = "multi_thread")]
async fn l17_key_of_another_type_is_no_session() {
    let on = driven().await;
    let record = start(&on.store, 1, minutes(1)).await;
    let raw = raw_key(&on.server, record.key);
    on.server.command(&[b"DEL", raw.as_slice()]).unwrap();
    let push: [&[u8]; 3] = [b"RPUSH", &raw, b"a"];
    on.server.command(&push).unwrap();
    assert!(is_corrupt(&on.store.load(record.key).await));
    on.clock.advance(minutes(20));
    let reaped = on.store.reap(due_policy(), 1_000).await.unwrap();
    assert!(reaped.ended.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn layout_of_another_version_is_refused_and_named() {
    let server = Redis::start().await.unwrap();
    server.command(&["SET", "dwell:schema", "7"]).unwrap();
    let error = RedisStore::connect(&server.url()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Schema { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("dwell:schema") && text.contains("\"7\""),
        "{text}"
    );
    server.command(&["DEL", "dwell:schema"]).unwrap();
    server.command(&["RPUSH", "dwell:schema", "7"]).unwrap();
    let error = RedisStore::connect(&server.url()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Schema { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l09_login_error_hides_password() {
    let server = Redis::builder().args(["--requirepass", "richtig"]).start();
    let server = server.await.unwrap();
    let port = server.port();
    for url in [
        format!("redis://:geheim@127.0.0.1:{port}/"),
        format!("redis://niemand:geheim@127.0.0.1:{port}/"),
    ] {
        let error = RedisStore::connect(&url).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(&format!("@127.0.0.1:{port}")), "{text}");
        assert!(!text.contains("geheim"), "{text}");
    }
    let right = format!("redis://:richtig@127.0.0.1:{port}/");
    RedisStore::connect(&right).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn error_without_server_names_address() {
    let server = Redis::start().await.unwrap();
    let url = server.url();
    server.kill9().unwrap();
    let error = RedisStore::connect(&url).await.unwrap_err();
    assert!(matches!(error, ConnectError::Server { .. }), "{error}");
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_full_memory_refuses_logins_and_allows_ends() {
    let server = Redis::builder().max_memory(64 << 20).start().await.unwrap();
    let on = on(server).await;
    let record = start(&on.store, 1, minutes(1)).await;
    let full = ["CONFIG", "SET", "maxmemory", "1mb"];
    on.server.command(&full).unwrap();
    let mut second = record.clone();
    second.key = key(2);
    let login = on.store.create(second.clone(), None, due_policy()).await;
    assert!(
        matches!(login, Err(StoreError::Unavailable(_))),
        "no login: {login:?}"
    );
    assert_eq!(
        found(&on.store, second.key).await,
        None,
        "nothing is half created"
    );
    let touched = on.store.touch(record.key, activity(&record, seconds(30)));
    touched.await.unwrap();
    let version = record.facts.version;
    let confirmed = on.store.update(record.key, version, Update::Confirm).await;
    assert!(
        matches!(confirmed, Ok(Updated::Applied(_))),
        "{confirmed:?}"
    );
    let ended = on.store.end(record.key, EndReason::SignedOut.into()).await;
    assert!(ended.unwrap().is_some(), "a live session can be signed out");
    assert_eq!(found(&on.store, record.key).await, None);
}
