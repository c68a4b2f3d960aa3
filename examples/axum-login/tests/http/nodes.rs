//! Two nodes over the same two stores.

use dwell_axum::{EndReason, minutes};
use dwell_servers::Redis;

use crate::node::{Node, Theirs, led_to_login, sign_in};
use crate::stores::redis;

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_both_parts() {
    let server = Redis::start().await.unwrap();
    let (theirs, clock) = (Theirs::default(), dwell_axum::ManualClock::new());
    let first = Node::over(&theirs, redis(&server, &clock).await).await;
    let second = Node::over(&theirs, redis(&server, &clock).await).await;
    let here = first.alice().await;
    let there = second.tab_of(&here);
    assert_eq!(there.visit("/").await.text(), "Hello alice");

    // Ended and reported by the other node.
    clock.advance(minutes(15));
    while first.events.ends().is_empty() && second.events.ends().is_empty() {
        second.sessions.reap(10).await.unwrap();
    }
    led_to_login(&here, "idle_timeout").await;
    sign_in(&here, "alice").await;

    let there = second.tab_of(&here);
    assert_eq!(there.visit("/").await.text(), "Hello alice");
    assert_eq!(there.visit("/logout").await.location(), "/login");
    assert_eq!(here.visit("/").await.location(), "/login?next=%2F");
    let mut ends = first.events.ends();
    ends.extend(second.events.ends());
    assert_eq!(ends, [EndReason::IdleTimeout, EndReason::SignedOut]);
}
