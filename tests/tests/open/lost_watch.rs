//! Ends while a node has lost its watch for changes.

use std::time::Duration;

use dwell_axum::{Clock, SystemClock, minutes, seconds};
use dwell_servers::{Postgres, Redis};

use crate::client::Open;
use crate::servers::Shared;

/// How late an end may be without a watch.
const BOUND: Duration = seconds(2);

/// How long a watch takes to reconnect, at most.
const BEGUN: Duration = seconds(1);

async fn check<S: Shared>() {
    let server = S::start().await;
    let idle = minutes(10);
    let here = server.node(idle).await;
    let there = server.node(idle).await;
    let clock = SystemClock::new();
    let alice = here.alice().await;
    let elsewhere = there.served_here(&alice);
    let mut open = Open::everything(&here, &alice).await;
    open.stays(BEGUN).await;
    // Lost once, and reconnected.
    assert!(server.kill_listeners() >= 1, "somebody listened");
    open.stays(BEGUN).await;
    assert!(server.kill_listeners() >= 1, "and listens again");
    // Lost while the end happens.
    let ended = clock.now();
    assert_eq!(elsewhere.post("/session/end", "").await.status, 204);
    open.assert_ends("signed_out", ended, BOUND).await;

    // Lost repeatedly.
    let alice = here.alice().await;
    let elsewhere = there.served_here(&alice);
    let mut open = Open::everything(&here, &alice).await;
    for _ in 0..5 {
        open.stays(Duration::from_millis(120)).await;
        server.kill_listeners();
    }
    let ended = clock.now();
    assert_eq!(elsewhere.post("/session/end", "").await.status, 204);
    let killing = async {
        let mut again = tokio::time::interval(Duration::from_millis(120));
        loop {
            again.tick().await;
            server.kill_listeners();
        }
    };
    tokio::select! {
        () = open.assert_ends("signed_out", ended, BOUND) => {}
        () = killing => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n39_redis_end_seen_without_watch() {
    check::<Redis>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n39_postgres_end_seen_without_watch() {
    check::<Postgres>().await;
}
