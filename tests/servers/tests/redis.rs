//! One Redis server: private, breakable, restartable, and gone when dropped.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::collections::HashSet;

use dwell_servers::{Error, Redis};
use support::{Remains, accepts, answers_ping, connect, is_silent, line, send};

#[tokio::test(flavor = "multi_thread")]
async fn started_server_answers_at_its_url() {
    let redis = Redis::start().await.unwrap();
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{}/", redis.port()));
    assert!(answers_ping(redis.port()).await);
    assert_eq!(redis.command(&["SET", "key", "value"]).unwrap(), "OK");
    assert_eq!(redis.command(&["GET", "key"]).unwrap(), "value");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_started_at_once_share_nothing() {
    let (one, two, three) = tokio::join!(Redis::start(), Redis::start(), Redis::start());
    let all = [one.unwrap(), two.unwrap(), three.unwrap()];
    let ports: HashSet<u16> = all.iter().map(Redis::port).collect();
    let folders: HashSet<_> = all.iter().map(|redis| redis.folder().to_owned()).collect();
    assert_eq!((ports.len(), folders.len()), (3, 3));
    all[0].command(&["SET", "key", "value"]).unwrap();
    assert_eq!(all[1].command(&["DBSIZE"]).unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_carry_any_bytes() {
    let redis = Redis::start().await.unwrap();
    let key: Vec<u8> = (0..=255).collect();
    redis.command(&[&b"SET"[..], &key, &key]).unwrap();
    let value = redis.command_bytes(&[&b"GET"[..], &key]).unwrap();
    assert_eq!(value, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_error_is_error() {
    let redis = Redis::start().await.unwrap();
    redis.command(&["SET", "key", "value"]).unwrap();
    let error = redis.command(&["INCR", "key"]).unwrap_err();
    assert!(matches!(&error, Error::Command { output, .. } if output.contains("not an integer")));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_restarts_empty_on_its_port() {
    let redis = Redis::start().await.unwrap();
    let (port, pid) = (redis.port(), redis.pid());
    redis.command(&["SET", "key", "value"]).unwrap();
    redis.kill9().unwrap();
    assert!(!redis.is_running());
    assert!(!accepts(port).await);
    redis.kill9().unwrap();
    redis.restart().await.unwrap();
    assert_ne!(redis.pid(), pid);
    assert!(answers_ping(port).await);
    assert_eq!(redis.command(&["DBSIZE"]).unwrap(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn persistent_server_restarts_with_its_data() {
    let redis = Redis::builder().persistent().start().await.unwrap();
    redis.command(&["SET", "key", "before the kill"]).unwrap();
    redis.kill9().unwrap();
    redis.restart().await.unwrap();
    assert_eq!(redis.command(&["GET", "key"]).unwrap(), "before the kill");
    redis.command(&["SET", "key", "before the end"]).unwrap();
    redis.restart().await.unwrap();
    assert_eq!(redis.command(&["GET", "key"]).unwrap(), "before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_server_answers_nothing_until_continued() {
    let redis = Redis::start().await.unwrap();
    let mut connection = connect(redis.port()).await;
    redis.stop().unwrap();
    assert!(redis.is_running());
    send(&mut connection, "PING\r\n").await;
    assert!(is_silent(&mut connection).await);
    redis.cont().unwrap();
    assert_eq!(line(&mut connection).await, "+PONG");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_memory_refuses_writes() {
    let redis = Redis::builder()
        .max_memory(3_000_000)
        .start()
        .await
        .unwrap();
    let big = vec![b'x'; 60_000];
    let refused = (0..100).find_map(|number: u32| {
        let key = number.to_string();
        redis.command(&[b"SET", key.as_bytes(), &big]).err()
    });
    let error = refused.unwrap().to_string();
    assert!(error.contains("OOM command not allowed"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn extra_arguments_override_defaults() {
    let redis = Redis::builder()
        .args(["--databases", "3", "--requirepass", "secret"])
        .start()
        .await
        .unwrap();
    assert!(
        redis
            .command(&["PING"])
            .unwrap_err()
            .to_string()
            .contains("NOAUTH")
    );
    let mut connection = connect(redis.port()).await;
    send(&mut connection, "AUTH secret\r\nSELECT 3\r\n").await;
    assert_eq!(line(&mut connection).await, "+OK");
    assert!(line(&mut connection).await.contains("out of range"));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_cannot_start_says_why() {
    let started = Redis::builder().args(["--no-such", "thing"]).start().await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("ended instead of getting ready"), "{error}");
    assert!(error.contains("no-such"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_remains_after_drop() {
    let redis = Redis::start().await.unwrap();
    let remains = Remains::of(&redis);
    assert!(remains.process() && remains.folder());
    drop(redis);
    assert!(!remains.process() && !remains.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_server_is_dropped_like_any_other() {
    let redis = Redis::start().await.unwrap();
    let remains = Remains::of(&redis);
    redis.stop().unwrap();
    drop(redis);
    assert!(!remains.process() && !remains.folder());
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_leaves_nothing() {
    let redis = Redis::start().await.unwrap();
    let remains = Remains::of(&redis);
    let ended = tokio::spawn(async move {
        let _held = redis;
        panic!("as a failed assertion would");
    })
    .await;
    assert!(ended.unwrap_err().is_panic());
    assert!(!remains.process() && !remains.folder());
}

#[test]
fn server_outlives_thread_and_runtime_that_started_it() {
    let started = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(Redis::start()).unwrap()
    });
    let redis = started.join().unwrap();
    assert_eq!(redis.command(&["PING"]).unwrap(), "PONG");
    let remains = Remains::of(&redis);
    drop(redis);
    assert!(!remains.process());
}

#[tokio::test(start_paused = true)]
async fn paused_clock_does_no_harm() {
    let redis = Redis::start().await.unwrap();
    redis.kill9().unwrap();
    redis.restart().await.unwrap();
    assert_eq!(redis.command(&["PING"]).unwrap(), "PONG");
}
