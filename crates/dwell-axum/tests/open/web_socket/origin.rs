//! Who may open a WebSocket: programs, and pages of this very origin.

use dwell_axum::*;
use tokio_tungstenite::tungstenite::Error;

use super::support::Node;
use crate::support::{Client, World, cookie, hyper_get, short_policies};

fn node() -> impl Future<Output = Node> {
    Node::start(World::with(short_policies(minutes(10))))
}

/// Status and reason of the refusal of a handshake with these fields.
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
async fn l17_a_page_of_another_origin_gets_no_web_socket() {
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
        let told = refused(&node, &headers).await;
        assert_eq!(told, (403, "not_same_origin".to_owned()), "{foreign:?}");
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
async fn a_page_of_this_origin_and_a_program_are_served() {
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
        socket.says("hello").await;
    }
}

#[tokio::test]
async fn without_a_live_session_there_is_no_web_socket() {
    let mut node = node().await;
    let told = refused(&node, &[]).await;
    assert_eq!(told, (401, "session_required".to_owned()));
    let unknown = format!("{}={}", crate::support::COOKIE, "A".repeat(44));
    let told = refused(&node, &[("cookie", &unknown)]).await;
    assert_eq!(told, (401, "session_required".to_owned()));
    let old = cookie(&node.alice);
    node.alice.post("/session/end", "").await;
    let told = refused(&node, &[("cookie", &old)]).await;
    assert_eq!(told, (401, "signed_out".to_owned()));
    // From a page of another origin no more is told than that.
    let foreign = [("cookie", &*old), ("origin", "https://evil.example")];
    assert_eq!(refused(&node, &foreign).await.0, 401);
}

#[tokio::test]
async fn what_is_no_handshake_is_refused() {
    let node = node().await;
    let mut alice: Client = node.alice.clone();
    let answer = alice.get("/echo").await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let next = alice.get("/").await;
    assert_eq!(next.status, 200);
}
