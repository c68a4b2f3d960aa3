//! The proxy, between a plain connection and a real Redis.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use dwell_servers::{Proxy, Redis};
use support::{Connection, accepts, byte, connect, is_silent, line, loopback, ping, send};
use tokio::io::AsyncWriteExt;

async fn start() -> (Redis, Proxy, Connection) {
    let redis = Redis::start().await.unwrap();
    let proxy = Proxy::start(loopback(redis.port())).await.unwrap();
    let mut connection = connect(proxy.port()).await;
    assert_eq!(ping(&mut connection).await, "+PONG");
    (redis, proxy, connection)
}

#[tokio::test]
async fn any_number_of_bytes_passes_unchanged() {
    let (redis, _proxy, mut connection) = start().await;
    let value: Vec<u8> = (0..1_000_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let head = format!("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n${}\r\n", value.len());
    let command = [head.as_bytes(), &value, b"\r\n"].concat();
    send(&mut connection, command).await;
    assert_eq!(line(&mut connection).await, "+OK");
    assert_eq!(redis.command_bytes(&["GET", "key"]).unwrap(), value);
}

#[tokio::test]
async fn delay_holds_every_chunk_in_both_directions() {
    let (_redis, proxy, mut connection) = start().await;
    proxy.delay(Duration::from_millis(400));
    // The round trip takes 800 ms; silence is assumed after 200.
    send(&mut connection, "PING\r\n").await;
    assert!(is_silent(&mut connection).await);
    assert_eq!(line(&mut connection).await, "+PONG");
    proxy.delay(Duration::ZERO);
    assert_eq!(ping(&mut connection).await, "+PONG");
}

#[tokio::test]
async fn pause_holds_everything_and_loses_nothing() {
    let (redis, proxy, mut connection) = start().await;
    proxy.pause();
    send(&mut connection, "SET key value\r\n").await;
    assert!(is_silent(&mut connection).await);
    assert_eq!(redis.command(&["DBSIZE"]).unwrap(), "0");
    let mut late = connect(proxy.port()).await;
    send(&mut late, "PING\r\n").await;
    assert!(is_silent(&mut late).await);
    proxy.resume();
    assert_eq!(line(&mut connection).await, "+OK");
    assert_eq!(line(&mut late).await, "+PONG");
    assert_eq!(redis.command(&["GET", "key"]).unwrap(), "value");
}

#[tokio::test]
async fn reset_reaches_every_connection_and_new_ones_pass() {
    let (_redis, proxy, mut one) = start().await;
    let mut two = connect(proxy.port()).await;
    assert_eq!(ping(&mut two).await, "+PONG");
    proxy.reset_all();
    for connection in [&mut one, &mut two] {
        let error = byte(connection).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let mut three = connect(proxy.port()).await;
    assert_eq!(ping(&mut three).await, "+PONG");
}

#[tokio::test]
async fn reset_reaches_paused_connection() {
    let (_redis, proxy, mut connection) = start().await;
    proxy.pause();
    send(&mut connection, "PING\r\n").await;
    assert!(is_silent(&mut connection).await);
    proxy.reset_all();
    let error = byte(&mut connection).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn refusing_proxy_closes_new_connections_and_keeps_old() {
    let (_redis, proxy, mut old) = start().await;
    proxy.refuse(true);
    let mut new = connect(proxy.port()).await;
    assert_eq!(byte(&mut new).await.unwrap(), None);
    assert_eq!(ping(&mut old).await, "+PONG");
    proxy.refuse(false);
    let mut new = connect(proxy.port()).await;
    assert_eq!(ping(&mut new).await, "+PONG");
}

#[tokio::test]
async fn end_by_server_is_passed_on() {
    let (redis, _proxy, mut connection) = start().await;
    redis.kill9().unwrap();
    assert_eq!(byte(&mut connection).await.unwrap(), None);
}

#[tokio::test]
async fn end_by_client_is_passed_on() {
    let (redis, _proxy, mut connection) = start().await;
    let clients = || redis.command(&["CLIENT", "LIST"]).unwrap().lines().count();
    // The second is the client that asks.
    assert_eq!(clients(), 2);
    connection.shutdown().await.unwrap();
    assert_eq!(byte(&mut connection).await.unwrap(), None);
    assert_eq!(clients(), 1);
}

#[tokio::test]
async fn connection_closes_while_server_is_away() {
    let (redis, proxy, _connection) = start().await;
    redis.kill9().unwrap();
    let mut connection = connect(proxy.port()).await;
    assert!(!matches!(byte(&mut connection).await, Ok(Some(_))));
    redis.restart().await.unwrap();
    let mut connection = connect(proxy.port()).await;
    assert_eq!(ping(&mut connection).await, "+PONG");
}

#[tokio::test]
async fn dropped_proxy_is_gone_with_its_connections() {
    let (_redis, proxy, mut connection) = start().await;
    let port = proxy.port();
    drop(proxy);
    assert!(!matches!(byte(&mut connection).await, Ok(Some(_))));
    assert!(!accepts(port).await);
}
