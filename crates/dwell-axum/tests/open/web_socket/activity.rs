//! What counts as activity on a WebSocket.

use std::time::Duration;

use axum::Router;
use dwell_axum::*;
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;

use super::support::{BOUND, Node, Socket};
use crate::support::{Events, FIRST_LOOK, World, short_policies, soon};

const IDLE: Duration = seconds(1);

fn node() -> impl Future<Output = Node> {
    Node::start(World::with(short_policies(IDLE)))
}

#[tokio::test]
async fn n08_handshakes_messages_and_pings_do_not_count() {
    let node = node().await;
    let login = node.world.record(&node.alice).facts.last_active_at;
    let deadline = node.deadline();
    let mut socket = node.connect("/echo").await;
    let mut pace = interval(IDLE / 20);
    let mut talk = async |socket: &mut Socket| {
        for n in 0_u32.. {
            pace.tick().await;
            // Reconnecting repeatedly, as pages do automatically.
            drop(node.connect("/echo").await);
            let message = match n % 4 {
                0 => Message::text("still there?"),
                1 => Message::binary(vec![1, 2, 3]),
                2 => Message::Ping(vec![1].into()),
                _ => Message::Pong(vec![1].into()),
            };
            socket.send(message).await;
            if node.world.now() + IDLE / 5 > deadline {
                break;
            }
        }
    };
    talk(&mut socket).await;
    let record = node.world.record(&node.alice);
    assert_eq!(record.facts.last_active_at, login);
    node.assert_closed(&mut socket, deadline, "idle_timeout")
        .await;
}

#[tokio::test]
async fn l14_activity_elsewhere_keeps_web_socket_open() {
    let mut node = node().await;
    let mut socket = node.connect("/echo").await;
    let began = node.world.now();
    let mut clicks = interval(IDLE / 4);
    while node.world.now() - began < IDLE * 2 {
        clicks.tick().await;
        assert_eq!(node.alice.get("/").await.status, 200);
        socket.echoes("still there").await;
    }
    let deadline = node.deadline();
    node.assert_closed(&mut socket, deadline, "idle_timeout")
        .await;
}

/// Sends `here` for this long; returns how often.
async fn says_here(node: &Node, socket: &mut Socket, time: Duration) -> usize {
    let began = node.world.now();
    let mut pace = interval(IDLE / 50);
    let mut said = 0;
    while node.world.now() - began < time {
        pace.tick().await;
        socket.echoes("here").await;
        said += 1;
    }
    said
}

#[tokio::test]
async fn n08_message_touched_by_application_counts() {
    let mut node = node().await;
    let mut socket = node.connect("/echo").await;
    says_here(&node, &mut socket, IDLE * 2).await;
    let idle = node.world.idle(&node.alice);
    assert!(idle <= IDLE / 2, "{idle:?}");
    assert_eq!(node.alice.get("/poll").await.status, 200);
    let deadline = node.deadline();
    node.assert_closed(&mut socket, deadline, "idle_timeout")
        .await;
}

/// A policy set with this granularity, and four times as much idle time.
fn coarse_policies(granularity: Duration) -> PolicySet {
    let policy = Policy::named("default").idle(granularity * 4);
    let policy = policy.absolute(hours(1)).warn(granularity);
    let policy = policy.granularity(granularity);
    PolicySet::builder(policy).build().unwrap()
}

#[tokio::test]
async fn n15_nothing_written_within_granularity() {
    let granularity = seconds(1);
    let policies = || coarse_policies(granularity);
    for world in [World::shared_with, World::remote_with] {
        let node = Node::start(world(policies())).await;
        let mut socket = node.connect("/echo").await;
        let (writes, began) = (node.world.store.writes(), node.world.now());
        let said = says_here(&node, &mut socket, granularity * 5 / 2).await;
        let written = node.world.store.writes() - writes;
        let passed = node.world.now() - began;
        let at_most = as_millis(passed) / as_millis(granularity) + 1;
        assert!(
            u64::try_from(written).unwrap() <= at_most,
            "{written} in {passed:?}"
        );
        assert!(written >= 2, "{written} of {said}");
    }
}

#[tokio::test]
async fn l14_activity_on_web_socket_sent_to_pages_at_once() {
    let granularity = seconds(1);
    let node = Node::start(World::with(coarse_policies(granularity))).await;
    let mut socket = node.connect("/echo").await;
    let mut events = Events::open(&node.app, &node.alice, "/session/events").await;
    assert_eq!(events.next().await.name, "session-status");
    events.none_for(granularity + FIRST_LOOK).await;
    let before = node.deadline();
    socket.echoes("here").await;
    let event = events.within(BOUND).await;
    assert_eq!(event.name, "session-status");
    assert!(node.deadline() > before);
}

#[tokio::test]
async fn l04_message_after_end_revives_nothing() {
    let mut node = Node::start(World::with(short_policies(minutes(10)))).await;
    let mut socket = node.connect("/echo").await;
    let ended = node.world.now();
    node.alice.post("/session/end", "").await;
    // The message may be in flight already.
    socket.send(Message::text("here")).await;
    node.assert_closed(&mut socket, ended, "signed_out").await;
    let late = node.alice.get("/").await;
    assert_eq!(late.status, 401);
}

#[tokio::test]
async fn l02_handshake_is_no_activity_and_answers_time_left() {
    let node = Node::with(World::with(short_policies(minutes(10))), Router::new()).await;
    let opened = node.world.record(&node.alice).facts.last_active_at;
    let mut pace = interval(seconds(1));
    pace.tick().await;
    soon(pace.tick()).await;
    let headers = [("cookie", &*crate::support::cookie(&node.alice))];
    let (_socket, answer) = node.try_connect("/echo", &headers).await.unwrap();
    let left = answer.headers()["session-timeout"].to_str().unwrap();
    assert!(left.starts_with("idle=59"), "{left}");
    let record = node.world.record(&node.alice);
    assert_eq!(record.facts.last_active_at, opened);
}
