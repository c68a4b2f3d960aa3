//! Who may open a WebSocket: programs, and pages of the same origin.

use dwell_axum::*;
use tokio_tungstenite::tungstenite::Error;

use super::support::Node;
use crate::support::{Client, World, ask, cookie, hyper_get, short_policies};

fn node() -> impl Future<Output = Node> {
    Node::start(World::with(short_policies(minutes(10))))
}

/// Returns status and reason of the refusal of a handshake with these fields.
async fn refused(node: &Node, headers: &[(&'static str, &str)]) -> (u16, String) {
    let handshake = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let headers: Vec<_> = handshake.iter().chain(headers).copied().collect();
    let answer = hyper_get(node.served.address, "GET", "/echo", &headers).await;
    let status = answer.status().as_u16();
    assert!(!answer.headers().contains_key("sec-websocket-accept"));
    let body = axum::body::Body::new(answer.into_body());
    let body = axum::body::to_bytes(body, 4_096).await.unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    (status, problem["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn l17_page_of_other_origin_gets_no_web_socket() {
    let node = node().await;
    let cookie = cookie(&node.alice);
    let alice = ("cookie", &*cookie);
    let host = node.served.address.to_string();
    let own = format!("http://{host}");
    let longer = format!("{own}.evil.example");
    let before = node.world.record(&node.alice).facts.last_active_at;
    for foreign in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", &*longer)],
        &[("origin", &*own), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", &*own)],
    ] {
        let headers: Vec<_> = [alice].iter().chain(foreign).copied().collect();
        let outcome = refused(&node, &headers).await;
        assert_eq!(outcome, (403, "not_same_origin".to_owned()), "{foreign:?}");
        let error = node.try_connect("/echo", &headers).await.err();
        let status = match error {
            Some(Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("{foreign:?}: {other:?}"),
        };
        assert_eq!(status, 403, "{foreign:?}");
    }
    let record = node.world.record(&node.alice);
    assert_eq!(record.facts.last_active_at, before, "no activity");
}

#[tokio::test]
async fn same_origin_page_and_program_are_served() {
    let node = node().await;
    let cookie = cookie(&node.alice);
    let alice = ("cookie", &*cookie);
    let own = format!("http://{}", node.served.address);
    for ours in [
        &[][..],
        &[("origin", &*own)],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "same-origin"), ("origin", &*own)],
    ] {
        let headers: Vec<_> = [alice].iter().chain(ours).copied().collect();
        let (mut socket, answer) = node.try_connect("/echo", &headers).await.unwrap();
        assert_eq!(answer.status(), 101, "{ours:?}");
        socket.echoes("hello").await;
    }
}

#[tokio::test]
async fn no_web_socket_without_live_session() {
    let mut node = node().await;
    let outcome = refused(&node, &[]).await;
    assert_eq!(outcome, (401, "session_required".to_owned()));
    let unknown = format!("{}={}", crate::support::COOKIE, "A".repeat(44));
    let outcome = refused(&node, &[("cookie", &unknown)]).await;
    assert_eq!(outcome, (401, "session_required".to_owned()));
    let old = cookie(&node.alice);
    node.alice.post("/session/end", "").await;
    let outcome = refused(&node, &[("cookie", &old)]).await;
    assert_eq!(outcome, (401, "signed_out".to_owned()));
    // A page of another origin does not get the reason either.
    let foreign = [("cookie", &*old), ("origin", "https://evil.example")];
    assert_eq!(refused(&node, &foreign).await.0, 401);
}

#[tokio::test]
async fn request_without_handshake_refused() {
    let node = node().await;
    let mut alice: Client = node.alice.clone();
    let answer = alice.get("/echo").await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let next = alice.get("/").await;
    assert_eq!(next.status, 200);
}

#[tokio::test]
async fn n90_web_socket_beyond_bound_is_429() {
    let node = node().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(node.connect("/echo").await);
    }
    let cookie = cookie(&node.alice);
    let alice = ("cookie", &*cookie);
    let (status, reason) = refused(&node, &[alice]).await;
    assert_eq!((status, &*reason), (429, "too_many_streams"));
    let events = ask(&node.app, &node.alice, "/session/events").await;
    assert_eq!(events.status(), 429);
}
