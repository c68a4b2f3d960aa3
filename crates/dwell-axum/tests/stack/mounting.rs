//! The session endpoints: their paths, whom they refuse, and their methods.

use axum::Router;
use axum::routing::post;
use dwell_axum::*;
use http::Method;

use crate::support::{
    Client, World, client, document, get_with, locking_policies, login, outcome, removes_cookie,
    set_cookies, signed_in, verdict,
};

/// Every endpoint, with a valid body.
const ENDPOINTS: [(Method, &str, &str); 4] = [
    (Method::GET, "", ""),
    (Method::POST, "/extend", ""),
    (Method::POST, "/activity", r#"{"idle_ms": 0}"#),
    (Method::POST, "/end", ""),
];

async fn ask(client: &mut Client, root: &str, at: usize) -> dwell_testkit::TestResponse {
    let (method, path, body) = &ENDPOINTS[at];
    let headers = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    client
        .send(method.clone(), &format!("{root}{path}"), &headers, body)
        .await
}

#[tokio::test]
async fn all_endpoints_but_sign_out_are_401_without_session() {
    let world = World::new();
    let mut nobody = world.client(Router::new());
    for at in 0..3 {
        let answer = ask(&mut nobody, "/session", at).await;
        assert_eq!(outcome(&answer), "401 session_required");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some(r#"Bearer realm="session""#));
        assert_eq!(answer.header("session-timeout"), None);
    }
    assert_eq!(ask(&mut nobody, "/session", 3).await.status, 204);
}

#[tokio::test]
async fn endpoints_but_sign_out_refuse_locked_session_and_keep_it() {
    let world = World::with(locking_policies());
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(15));
    for at in 0..3 {
        let answer = ask(&mut alice, "/session", at).await;
        assert_eq!(outcome(&answer), "401 session_locked");
        assert!(set_cookies(&answer).is_empty());
        assert_eq!(answer.header("clear-site-data"), None);
        assert_eq!(answer.header("session-timeout"), None);
        assert!(answer.header("www-authenticate").is_some());
    }
    assert_eq!(world.events.ends(), []);
    assert_eq!(world.events.count(EventKind::SessionRenewed), 0);
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    assert_eq!(
        document(&alice.get("/session").await)["remaining_ms"],
        900_000
    );
    world.clock.advance(minutes(15));
    assert_eq!(ask(&mut alice, "/session", 3).await.status, 204);
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn endpoints_but_sign_out_answer_reason_of_ended_session() {
    for at in 0..3 {
        let world = World::new();
        let mut alice = world.alice(Router::new()).await;
        world.clock.advance(minutes(15));
        for _ in 0..2 {
            let answer = ask(&mut alice, "/session", at).await;
            assert_eq!(outcome(&answer), "401 idle_timeout");
            assert!(
                set_cookies(&answer).is_empty(),
                "for the person's own click"
            );
        }
        assert!(removes_cookie(&alice.get("/").await));
    }
}

/// Sends every endpoint the methods that it does not serve.
async fn assert_405(headers: &[(&'static str, &str)]) {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    let before = world.record(&alice);
    world.clock.advance(minutes(10));
    let wrong = [
        (Method::POST, "", "GET,HEAD"),
        (Method::DELETE, "", "GET,HEAD"),
        (Method::GET, "/extend", "POST"),
        (Method::PUT, "/extend", "POST"),
        (Method::GET, "/activity", "POST"),
        (Method::PATCH, "/activity", "POST"),
        (Method::GET, "/end", "POST"),
        (Method::DELETE, "/end", "POST"),
    ];
    for (method, path, allow) in &wrong {
        let path = format!("/session{path}");
        let answer = alice.send(method.clone(), &path, headers, "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(*allow), "{method} {path}");
        assert_eq!(world.record(&alice), before, "{method} {path}");
    }
    assert_eq!(world.events.kinds(), [EventKind::SessionCreated]);
}

#[tokio::test]
async fn wrong_method_is_405_and_no_activity() {
    assert_405(&[("sec-fetch-site", "same-origin")]).await;
}

/// Only the `POST`s require the same origin.
#[tokio::test]
async fn wrong_method_is_405_from_any_origin() {
    assert_405(&[("sec-fetch-site", "none")]).await;
    assert_405(&[]).await;
}

#[tokio::test]
async fn head_request_is_answered_like_status_and_passive() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    let answer = alice.send(Method::HEAD, "/session", &[], "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(world.idle(&alice), minutes(10));
}

/// Calls every endpoint under `root`.
async fn assert_complete(client: Client, root: &str) {
    let mut alice = signed_in(client, "alice").await;
    for at in 0..3 {
        let answer = ask(&mut alice, root, at).await;
        assert_eq!(document(&answer)["state"], "active", "{root}");
    }
    assert_eq!(ask(&mut alice, root, 3).await.status, 204, "{root}");
    assert_eq!(
        verdict_of_root(&mut alice, root).await,
        "401 session_required"
    );
}

async fn verdict_of_root(client: &mut Client, root: &str) -> String {
    outcome(&ask(client, root, 0).await)
}

#[tokio::test]
async fn endpoints_mount_at_any_path() {
    let world = World::new();
    let with = |endpoints: Router| {
        let app = Router::new().route("/login", post(login)).merge(endpoints);
        client(app.layer(world.stack.clone()))
    };
    assert_complete(with(session_endpoints()), "/session").await;
    assert_complete(with(session_endpoints_at("/auth/session")), "/auth/session").await;
    let nested = Router::new().nest("/api", session_endpoints());
    assert_complete(with(nested), "/api/session").await;
    let deeper = Router::new().nest("/v1", Router::new().nest("/me", session_endpoints_at("/s")));
    assert_complete(with(deeper), "/v1/me/s").await;

    let mut elsewhere = with(session_endpoints_at("/auth/session"));
    for at in 0..4 {
        assert_eq!(ask(&mut elsewhere, "/session", at).await.status, 404);
    }
}

#[tokio::test]
async fn nested_endpoints_are_passive_and_named_by_full_route() {
    let world = World::new();
    let nested = Router::new().nest("/api", session_endpoints());
    let app = Router::new().route("/login", post(login)).merge(nested);
    let mut alice = signed_in(client(app.layer(world.stack.clone())), "alice").await;
    world.clock.advance(minutes(10));
    assert_eq!(alice.get("/api/session").await.status, 200);
    assert_eq!(world.idle(&alice), minutes(10));
    assert_eq!(alice.post("/api/session/extend", "").await.status, 200);
    let events = world.events.events();
    let route = events.last().unwrap().route.as_deref();
    assert_eq!(route, Some("/api/session/extend"));
}

#[tokio::test]
async fn endpoints_merge_into_router_with_state() {
    #[derive(Clone)]
    struct Bank;
    let world = World::new();
    let app: Router<Bank> = Router::new().route("/login", post(login));
    let app = app.merge(session_endpoints()).layer(world.stack.clone());
    assert_complete(client(app.with_state(Bank)), "/session").await;
}

#[tokio::test]
async fn page_navigation_to_status_redirected_to_login() {
    let world = World::new();
    let mut nobody = world.client(Router::new());
    let navigate = [("sec-fetch-mode", "navigate")];
    let answer = get_with(&mut nobody, "/session", &navigate).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        Some("/login?reason=session_required&return_to=%2Fsession")
    );
    assert_eq!(verdict(&mut nobody).await, "401 session_required");
}
