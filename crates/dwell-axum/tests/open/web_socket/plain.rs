//! axum's own `WebSocketUpgrade`, which would outlive its session.

use axum::extract::ws::WebSocketUpgrade;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use dwell_axum::dwell_tower::open::UpgradePolicy;
use dwell_axum::*;
use tokio_tungstenite::tungstenite::Error;

use super::support::Node;
use crate::support::{Log, World, cookie, short_policies};

async fn plain(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

fn routes() -> Router {
    let marked = |stays: UpgradePolicy| {
        any(async move |upgrade| (Extension(stays), plain(upgrade).await).into_response())
    };
    Router::new()
        .route("/plain", any(plain))
        .route("/login/plain", any(plain))
        .route("/outlives", marked(UpgradePolicy::OutlivesSession))
        .route("/ends", marked(UpgradePolicy::EndsWithSession))
}

async fn node() -> Node {
    let mut world = World::with(short_policies(minutes(10)));
    world.stack = world.stack.clone().add_exempt_path("/login/plain");
    Node::with(world, routes()).await
}

#[tokio::test]
async fn l16_plain_upgrade_in_session_is_500_and_logged() {
    let (log, _guard) = Log::keep();
    let node = node().await;
    let headers = [("cookie", &*cookie(&node.alice))];
    // Also on a route that needs no live session.
    for path in ["/plain", "/login/plain"] {
        match node.try_connect(path, &headers).await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 500, "{path}"),
            other => panic!("{path}: {:?}", other.map(|(_, answer)| answer)),
        }
        let text = log.take();
        assert!(text.contains("ERROR"), "{text}");
        assert!(text.contains("SessionWebSocketUpgrade"), "{text}");
    }
}

#[tokio::test]
async fn plain_upgrade_with_upgrade_policy_is_served() {
    let mut node = node().await;
    let mut outlives = node.connect("/outlives").await;
    let mut ends = node.connect("/ends").await;
    outlives.echoes("hello").await;
    ends.echoes("hello").await;
    node.alice.post("/session/end", "").await;
    // Twenty messages take longer than the first check is late.
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(100));
    for _ in 0..20 {
        pace.tick().await;
        outlives.echoes("still there").await;
    }
}

#[tokio::test]
async fn plain_upgrade_without_session_is_served() {
    let mut node = node().await;
    for path in ["/plain", "/login/plain"] {
        let (mut socket, _) = node.try_connect(path, &[]).await.unwrap();
        socket.echoes("hello").await;
    }
    // An ended session counts as none.
    let old = cookie(&node.alice);
    node.alice.post("/session/end", "").await;
    let headers = [("cookie", &*old)];
    for path in ["/plain", "/login/plain"] {
        let (mut socket, _) = node.try_connect(path, &headers).await.unwrap();
        socket.echoes("hello").await;
    }
}
