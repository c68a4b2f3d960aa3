//! An end on another node closes open connections within a second, and activity
//! there keeps them open.

use std::time::Duration;

use dwell_axum::{Clock, EndReason, Selection, SystemClock, minutes, seconds};
use dwell_servers::{Postgres, Redis};

use crate::client::Open;
use crate::servers::Shared;

/// How late an end may be (law L14, N38).
const BOUND: Duration = seconds(1);

/// Ends sessions on one node, with open connections on another.
async fn check_ends<S: Shared>() {
    let server = S::start().await;
    let idle = minutes(10);
    let here = server.node(idle).await;
    let there = server.node(idle).await;
    let clock = SystemClock::new();
    for round in 0..6 {
        let alice = here.alice().await;
        let mut open = Open::everything(&here, &alice).await;
        if round % 2 == 0 {
            // After the first check; the other case is an end before it.
            open.stays(Duration::from_millis(400)).await;
        }
        let ended = clock.now();
        let reason = match round < 4 {
            true => {
                let answer = there.served_here(&alice).post("/session/end", "").await;
                assert_eq!(answer.status, 204);
                "signed_out"
            }
            false => {
                let alice = "alice".into();
                let ended = there
                    .sessions
                    .end_sessions(&alice, Selection::All, EndReason::Revoked);
                assert_eq!(ended.await.unwrap(), 1);
                "revoked"
            }
        };
        open.assert_ends(reason, ended, BOUND).await;
    }
}

/// Activity on one node, with open connections on another.
async fn check_activity<S: Shared>() {
    let server = S::start().await;
    let idle = seconds(3);
    let here = server.node(idle).await;
    let there = server.node(idle).await;
    let clock = SystemClock::new();
    let alice = here.alice().await;
    let mut open = Open::everything(&here, &alice).await;
    let elsewhere = there.served_here(&alice);
    // Twice past the deadline that was known on this node.
    let mut last = clock.now();
    for _ in 0..4 {
        open.stays(idle / 2).await;
        last = clock.now();
        assert_eq!(elsewhere.fetch("/").await.status, 200);
    }
    open.assert_ends("idle_timeout", last + idle, BOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n38_redis_end_on_other_node_closes_within_second() {
    check_ends::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n38_postgres_end_on_other_node_closes_within_second() {
    check_ends::<Postgres>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_redis_activity_on_other_node_keeps_open() {
    check_activity::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_postgres_activity_on_other_node_keeps_open() {
    check_activity::<Postgres>().await;
}
