//! A store that hangs: at the deadline nobody can tell whether activity has
//! moved it, and what is open is closed; before it nothing is lost.

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
async fn l08_when_redis_hangs_at_the_deadline_what_is_open_is_closed() {
    check_deadline::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_when_postgres_hangs_at_the_deadline_what_is_open_is_closed() {
    check_deadline::<Postgres>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_when_redis_hangs_before_the_deadline_nothing_is_lost() {
    check_before::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l08_when_postgres_hangs_before_the_deadline_nothing_is_lost() {
    check_before::<Postgres>().await;
}
