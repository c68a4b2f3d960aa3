//! A store that hangs. At the deadline a node can't know whether activity has
//! moved it, so open connections are closed. Before the deadline nothing is lost.

use std::time::Duration;

use dwell_axum::{Clock, SystemClock, seconds};
use dwell_servers::{Postgres, Redis};

use crate::client::Open;
use crate::servers::Shared;

const IDLE: Duration = seconds(4);

/// How late an end may be, whatever the store does (law L14).
const BOUND: Duration = seconds(1);

async fn check_deadline<S: Shared>() {
    let server = S::start().await;
    let node = server.node(IDLE).await;
    let clock = SystemClock::new();
    let before = clock.now();
    let alice = node.alice().await;
    let mut open = Open::everything(&node, &alice).await;
    open.stays(IDLE / 2).await;
    server.stop();
    open.assert_ends("store_unavailable", before + IDLE, BOUND)
        .await;
    server.cont();
}

async fn check_before<S: Shared>() {
    let server = S::start().await;
    let node = server.node(IDLE).await;
    let clock = SystemClock::new();
    let alice = node.alice().await;
    let mut open = Open::everything(&node, &alice).await;
    open.stays(IDLE / 4).await;
    server.stop();
    open.stays(IDLE / 4).await;
    server.cont();
    open.stays(IDLE / 4).await;
    let last = clock.now();
    assert_eq!(alice.fetch("/").await.status, 200);
    open.assert_ends("idle_timeout", last + IDLE, BOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_hanging_redis_at_deadline_closes_connections() {
    check_deadline::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_hanging_postgres_at_deadline_closes_connections() {
    check_deadline::<Postgres>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_hanging_redis_before_deadline_loses_nothing() {
    check_before::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_hanging_postgres_before_deadline_loses_nothing() {
    check_before::<Postgres>().await;
}
