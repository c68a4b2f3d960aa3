//! The path of the stream of deadlines, and who gets the stream.

use axum::Router;
use axum::body::Body;
use dwell_axum::*;
use dwell_testkit::TestClient;
use http::{Method, Request};
use tower::ServiceExt;

use crate::support::{App, Events, GRAIN, World, ask, pass, signed_in};

#[tokio::test(start_paused = true)]
async fn stream_path_follows_other_endpoints() {
    let world = World::new();
    let elsewhere = Router::new()
        .merge(session_endpoints_at("/auth/session"))
        .nest("/deep", session_endpoints())
        .nest("/deeper", Router::new().nest("/still", session_endpoints()));
    let (mut alice, app) = world.alice_and_app(elsewhere).await;
    for path in [
        "/session/events",
        "/auth/session/events",
        "/deep/session/events",
        "/deeper/still/session/events",
    ] {
        let mut events = Events::open(&app, &alice, path).await;
        assert_eq!(events.next().await.name, "session-status", "{path}");
        pass(minutes(1)).await;
        let answer = alice.get("/").await;
        assert_eq!(answer.status, 200);
        let event = events.within(GRAIN).await;
        assert_eq!(event.remaining_ms(), as_millis(minutes(15)), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn headers_stop_caches_and_proxies_from_buffering() {
    let world = World::new();
    let (alice, app) = world.alice_and_app(Router::new()).await;
    let answer = ask(&app, &alice, "/session/events").await;
    let field = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(field("content-type"), "text/event-stream");
    assert_eq!(field("cache-control"), "no-store");
    assert_eq!(field("x-accel-buffering"), "no");
    assert_eq!(
        field("session-timeout"),
        "idle=900, absolute=28800, warn=60"
    );
    assert!(!answer.headers().contains_key("content-length"));
}

#[tokio::test(start_paused = true)]
async fn no_stream_without_live_session() {
    let world = World::new();
    let app = world.app(Router::new());
    let mut nobody = TestClient::new(app.clone());
    let refused = nobody.get("/session/events").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.reason().as_deref(), Some("session_required"));
    assert!(refused.header("www-authenticate").is_some());

    let mut alice = signed_in(app.clone(), "alice").await;
    let kept = alice.clone();
    alice.post("/session/end", "").await;
    let mut late = kept;
    let refused = late.get("/session/events").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.reason().as_deref(), Some("signed_out"));

    let mut alice = signed_in(app, "alice").await;
    pass(minutes(15)).await;
    let refused = alice.get("/session/events").await;
    assert_eq!(refused.reason().as_deref(), Some("idle_timeout"));
}

#[tokio::test(start_paused = true)]
async fn other_methods_open_no_stream() {
    let world = World::new();
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    let answer = alice.post("/session/events", "").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    // The answer to HEAD has no body, so reading it ends at once.
    let before = world.now();
    let head = alice.send(Method::HEAD, "/session/events", &[], "").await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(world.now(), before);
    drop(app);
}

#[tokio::test(start_paused = true)]
async fn no_stream_outside_stack() {
    let app = App::new(session_endpoints::<()>().with_state(()));
    let request = Request::get("/session/events").body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 500);
}
