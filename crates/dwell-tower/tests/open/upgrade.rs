//! The answer of an upgrade must say who ends the connection (laws L14, L16).

use dwell_core::{Token, minutes};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::open::UpgradePolicy;
use http::{Method, Request, Response, StatusCode};

use crate::support::{Body, Log, Node, Reader, World, get, pass};

const SWITCHING: StatusCode = StatusCode::SWITCHING_PROTOCOLS;

fn answered(status: StatusCode, upgrade: Option<UpgradePolicy>) -> Response<Body> {
    let mut answer = Response::new(Body::default());
    *answer.status_mut() = status;
    if let Some(upgrade) = upgrade {
        answer.extensions_mut().insert(upgrade);
    }
    answer
}

fn connect(mut request: Request<Body>) -> Request<Body> {
    *request.method_mut() = Method::CONNECT;
    request
}

#[tokio::test(start_paused = true)]
async fn l16_upgrade_without_policy_answers_500_and_is_logged() {
    let (log, _guard) = Log::keep();
    let world = World::new();
    let token = world.sign_in().await;
    for (name, node) in &world.nodes() {
        for (request, status) in [
            (get("/ws", Some(&token)), SWITCHING),
            (connect(get("/ws", Some(&token))), StatusCode::OK),
            (connect(get("/ws", Some(&token))), StatusCode::NO_CONTENT),
            // In the session that it starts.
            (get("/login", None), SWITCHING),
        ] {
            log.take();
            let answer = node.answer(request, answered(status, None)).await;
            assert_eq!(answer.status(), 500, "{name}, {status}");
            let text = log.take();
            assert!(text.contains("ERROR"), "{name}: {text}");
            assert!(
                text.contains("who ends the upgraded connection"),
                "{name}: {text}"
            );
            assert!(
                text.contains("dwell_tower::open::UpgradePolicy"),
                "{name}: {text}"
            );
            let body = answer.into_body().text().await;
            assert!(
                !body.contains("UpgradePolicy"),
                "the client learns nothing: {body}"
            );
        }
    }
}

// The first request with a new token writes to the store, and its answer waits for
// that.
#[tokio::test(start_paused = true)]
async fn l16_upgrade_needs_policy_when_answer_waits_for_store() {
    for way in 0..3 {
        for status in [SWITCHING, StatusCode::OK] {
            let world = World::new();
            let token = world.sign_in().await;
            let (name, node) = &world.nodes()[way];
            let rotated = node.get("/rotate", &token).await;
            let cookie = rotated.headers()["set-cookie"].to_str().unwrap();
            let (_, rest) = cookie.split_once('=').unwrap();
            let fresh = Token::parse(&rest.as_bytes()[..Token::LENGTH]).unwrap();
            let mut request = get("/ws", Some(&fresh));
            if status == StatusCode::OK {
                request = connect(request);
            }
            let answer = node.answer(request, answered(status, None)).await;
            assert_eq!(answer.status(), 500, "{name}, {status}");
            assert!(
                world.record(&fresh).credential.confirmed,
                "{name}: it was told"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn upgrade_with_policy_passes() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, node) in &world.nodes() {
        for upgrade in [
            UpgradePolicy::EndsWithSession,
            UpgradePolicy::OutlivesSession,
        ] {
            for (request, status) in [
                (get("/ws", Some(&token)), SWITCHING),
                (connect(get("/ws", Some(&token))), StatusCode::OK),
            ] {
                let given = answered(status, Some(upgrade));
                let answer = node.answer(request, given).await;
                assert_eq!(answer.status(), status, "{name}, {upgrade:?}");
                assert!(answer.headers().contains_key("session-timeout"), "{name}");
                assert_eq!(answer.extensions().get(), Some(&upgrade), "{name}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn upgrade_without_session_passes() {
    let world = World::new();
    for (name, node) in &world.nodes() {
        let switched = node
            .answer(get("/ws", None), answered(SWITCHING, None))
            .await;
        assert_eq!(switched.status(), SWITCHING, "{name}");
        let request = connect(get("/ws", None));
        let connected = node.answer(request, answered(StatusCode::OK, None)).await;
        assert_eq!(connected.status(), 200, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_connect_and_served_get_are_no_upgrades() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, node) in &world.nodes() {
        for status in [
            StatusCode::FORBIDDEN,
            StatusCode::BAD_GATEWAY,
            StatusCode::FOUND,
        ] {
            let request = connect(get("/ws", Some(&token)));
            let answer = node.answer(request, answered(status, None)).await;
            assert_eq!(answer.status(), status, "{name}");
        }
        for status in [StatusCode::OK, StatusCode::NO_CONTENT] {
            let request = get("/ws", Some(&token));
            let answer = node.answer(request, answered(status, None)).await;
            assert_eq!(answer.status(), status, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l01_upgrade_at_deadline_is_refused() {
    let world = World::new();
    let token = world.sign_in().await;
    pass(minutes(15)).await;
    for (name, node) in &world.nodes() {
        let given = answered(SWITCHING, Some(UpgradePolicy::EndsWithSession));
        let answer = node.answer(get("/ws", Some(&token)), given).await;
        assert_eq!(answer.status(), 401, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn upgrade_in_ended_session_on_exempt_path_passes() {
    let world = World::new();
    let token = world.sign_in().await;
    pass(minutes(15)).await;
    let stack = SessionTimeoutLayer::new(&world.local).without_reaper();
    let node = Node::of(stack.add_exempt_path("/open"));
    // The first request ends it.
    for which in ["run out", "ended"] {
        let answer = node
            .answer(get("/open", Some(&token)), answered(SWITCHING, None))
            .await;
        assert_eq!(answer.status(), SWITCHING, "{which}");
        drop(Reader::of(answer.into_body()));
    }
}
