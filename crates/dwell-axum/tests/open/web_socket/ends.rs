//! WebSockets are closed with 4401 and the reason.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use dwell_axum::*;

use super::support::{BOUND, Node};
use crate::support::{Client, World, at, short_policies, soon};

const IDLE: Duration = seconds(1);

fn node() -> impl Future<Output = Node> {
    Node::start(World::with(short_policies(IDLE)))
}

/// A node whose sessions outlive the test.
fn lasting() -> impl Future<Output = Node> {
    Node::start(World::with(short_policies(minutes(10))))
}

#[tokio::test]
async fn web_socket_echoes_messages() {
    let node = lasting().await;
    let mut socket = node.connect("/echo").await;
    for n in 0..100 {
        socket.echoes(&format!("message {n}")).await;
    }
}

#[tokio::test]
async fn l14_web_socket_closed_at_idle_deadline() {
    let node = node().await;
    let mut socket = node.connect("/echo").await;
    socket.echoes("one").await;
    let deadline = node.deadline();
    node.assert_closed(&mut socket, deadline, "idle_timeout")
        .await;
}

#[tokio::test]
async fn l14_web_socket_closed_at_absolute_deadline() {
    let policy = Policy::named("default").idle(IDLE).absolute(seconds(2));
    let policy = policy.warn(IDLE);
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let mut node = Node::start(world).await;
    let mut socket = node.connect("/echo").await;
    let deadline = node.world.record(&node.alice).facts.absolute_deadline;
    let mut clicks = tokio::time::interval(IDLE / 4);
    let mut alice = node.alice.clone();
    tokio::select! {
        () = node.assert_closed(&mut socket, deadline, "absolute_timeout") => {}
        () = async { loop { clicks.tick().await; alice.get("/").await; } } => {}
    }
    assert_eq!(
        node.alice.get("/").await.reason().as_deref(),
        Some("absolute_timeout")
    );
}

#[tokio::test]
async fn n38_web_socket_closed_when_session_ends_elsewhere() {
    for (reason, how) in [("signed_out", 0), ("revoked", 1), ("superseded", 2)] {
        let mut node = lasting().await;
        let mut socket = node.connect("/echo").await;
        socket.echoes("one").await;
        let ended = node.world.now();
        match how {
            0 => drop(node.alice.post("/session/end", "").await),
            1 => node.world.revoke().await,
            _ => drop(node.alice.post("/login", "alice").await),
        }
        node.assert_closed(&mut socket, ended, reason).await;
    }
}

#[tokio::test]
async fn l14_web_socket_closed_when_session_locked() {
    let policy = Policy::named("default").idle(IDLE).absolute(hours(1));
    let policy = policy.warn(IDLE).on_idle(OnIdle::Lock);
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let node = Node::start(world).await;
    let mut socket = node.connect("/echo").await;
    let deadline = node.deadline();
    node.assert_closed(&mut socket, deadline, "session_locked")
        .await;
}

#[tokio::test]
async fn l14_web_socket_closed_at_identity_providers_limit() {
    let world = World::with(short_policies(minutes(10)));
    let limit = world.now() + seconds(2);
    let login = async move |login: LoginSession| {
        let new = NewSession::new("alice").with_provider_deadline(limit);
        login.start(new).await.map(|_| ())
    };
    let mut node = Node::with(world, Router::new().route("/sso", post(login))).await;
    node.alice.post("/sso", "").await;
    let mut socket = node.connect("/echo").await;
    node.assert_closed(&mut socket, limit, "idp_session_expired")
        .await;
}

#[tokio::test]
async fn n39_end_right_after_handshake_not_missed() {
    for world in [World::with, World::shared_with] {
        let mut node = Node::start(world(short_policies(minutes(10)))).await;
        let mut socket = node.connect("/echo").await;
        let ended = node.world.now();
        node.alice.post("/session/end", "").await;
        node.assert_closed(&mut socket, ended, "signed_out").await;
    }
}

#[tokio::test]
async fn n38_only_web_sockets_of_ended_session_closed() {
    let mut node = lasting().await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(node.connect("/echo").await);
    }
    let mut bob = Client::new(node.app.clone());
    bob.post("/login", "bob").await;
    let headers = [("cookie", &*crate::support::cookie(&bob))];
    let (mut others, _) = node.try_connect("/echo", &headers).await.unwrap();
    let ended = node.world.now();
    node.alice.post("/session/end", "").await;
    for socket in &mut sockets {
        node.assert_closed(socket, ended, "signed_out").await;
    }
    others.echoes("still there").await;
}

#[tokio::test]
async fn n38_end_on_other_node_closes_web_socket_within_second() {
    let world = World::shared_with(short_policies(minutes(10)));
    let other = world.another();
    let node = Node::start(world).await;
    let mut socket = node.connect("/echo").await;
    let mut elsewhere = at(&node.alice, other.app(Router::new()));
    // Past the first check, at which the connection subscribes to changes.
    let mut pings = tokio::time::interval(Duration::from_millis(50));
    for n in 0..10 {
        pings.tick().await;
        socket.echoes(&n.to_string()).await;
    }
    let ended = node.world.now();
    elsewhere.post("/session/end", "").await;
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

/// A client that sends all the time gets the reason, too, before the connection
/// breaks.
#[tokio::test]
async fn l14_busy_client_gets_close_reason() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;

    let node = node().await;
    let socket = node.connect("/echo").await;
    let deadline = node.deadline();
    let (mut send, mut receive) = socket.0.split();
    let talking = async move {
        while send.send(Message::text("and another thing")).await.is_ok() {}
        // The other half keeps reading.
        std::future::pending::<()>().await;
    };
    let close = async {
        loop {
            match receive.next().await {
                Some(Ok(Message::Close(close))) => break close.expect("a code and a reason"),
                Some(Ok(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    };
    let close = tokio::select! {
        close = soon(close) => close,
        () = talking => unreachable!(),
    };
    assert_eq!(
        (u16::from(close.code), &*close.reason),
        (4401, "idle_timeout")
    );
    let now = node.world.now();
    assert!(now - deadline <= BOUND, "{:?} late", now - deadline);
}

#[tokio::test]
async fn n54_area_closes_web_socket_and_session_goes_on() {
    let idle = seconds(1);
    let default = Policy::named("default")
        .idle(seconds(30))
        .absolute(hours(1));
    let set = PolicySet::builder(default).policy(Policy::named("admin").idle(idle));
    let world = World::with(set.build().unwrap());
    let mut node = Node::with_area(world, "admin").await;
    let mut socket = node.connect("/area/echo").await;
    let mut lax = node.connect("/echo").await;
    let at = node.world.record(&node.alice).facts.last_active_at + idle;
    node.assert_closed(&mut socket, at, "step_up_required")
        .await;
    lax.echoes("still there").await;
    assert_eq!(node.alice.get("/").await.status, 200);
}
