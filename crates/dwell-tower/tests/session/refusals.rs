//! The default answer to each refusal, byte by byte.

use dwell_core::{EndReason, OnIdle, Policy, PolicySet, hours, minutes};
use dwell_testkit::{FaultyStore, TestClient, TestResponse};
use dwell_tower::activity::MarkLayer;
use tower::Layer;

use crate::support::{World, get_with, served, set_cookies, stack_over};

/// Status, type, caching, challenge and body.
fn assert_problem(answer: &TestResponse, status: u16, challenge: Option<&str>, body: &str) {
    assert_eq!(answer.status, status);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate"), challenge);
    assert_eq!(answer.text(), body);
}

fn unauthorized(detail: &str, reason: &str) -> String {
    format!(
        r#"{{"type":"about:blank","title":"Unauthorized","status":401,"detail":"{detail}","reason":"{reason}"}}"#
    )
}

#[tokio::test]
async fn missing_session_is_401() {
    let world = World::new();
    for path in ["/", "/fresh/transfer", "/admin/users"] {
        let answer = world.client().get(path).await;
        let body = unauthorized("Sign in first.", "session_required");
        assert_problem(&answer, 401, Some(r#"Bearer realm="session""#), &body);
        assert_eq!(set_cookies(&answer), [""; 0]);
    }
}

#[tokio::test]
async fn ended_session_is_401_for_every_reason() {
    for reason in EndReason::ALL {
        let world = World::new();
        let mut client = world.signed_in().await;
        let mut holder = client.clone();
        client.get(&format!("/end?reason={reason}")).await;
        let answer = holder.get("/").await;
        let body = unauthorized("The session has ended. Sign in again.", reason.as_str());
        let challenge = format!(
            r#"Bearer realm="session", error="invalid_token", error_description="{reason}""#
        );
        assert_problem(&answer, 401, Some(&challenge), &body);
        assert_eq!(set_cookies(&answer).len(), 1);
        assert!(set_cookies(&answer)[0].contains("Max-Age=0"));
    }
}

#[tokio::test]
async fn locked_session_keeps_its_cookie() {
    let world = World::locking();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    let answer = client.get("/").await;
    let detail = "The session is locked. Authenticate again to continue.";
    let challenge = r#"Bearer realm="session", error="insufficient_user_authentication", error_description="session_locked""#;
    let body = unauthorized(detail, "session_locked");
    assert_problem(&answer, 401, Some(challenge), &body);
    assert_eq!(set_cookies(&answer), [""; 0]);
}

#[tokio::test]
async fn privileged_route_keeps_session_and_cookie() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let answer = client.get("/strong/transfer").await;
    let challenge = r#"Bearer error="insufficient_user_authentication", error_description="A more recent or stronger authentication is required", acr_values="aal2 aal3", max_age="300""#;
    let body = unauthorized("Authenticate again to do this.", "step_up_required");
    assert_problem(&answer, 401, Some(challenge), &body);
    assert_eq!(set_cookies(&answer), [""; 0]);
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn l08_store_outage_is_503_and_cookie_stays() {
    let world = World::new();
    let store = FaultyStore::new(world.memory.clone());
    let mut client = world.client_of(&stack_over(&world.manager_over(store.clone())));
    client.get("/login").await;
    for hang in [false, true] {
        if hang {
            store.hang();
        } else {
            store.fail();
        }
        let html = [("accept", "text/html")];
        for (path, headers) in [("/", &[][..]), ("/login", &[]), ("/", &html)] {
            let answer = get_with(&mut client, path, headers).await;
            let body = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"Sessions can't be checked at the moment. Try again shortly.","reason":"store_unavailable"}"#;
            assert_problem(&answer, 503, None, body);
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!(wait > 0);
            assert_eq!(set_cookies(&answer), [""; 0]);
        }
    }
    store.heal();
    assert_eq!(client.get("/").await.text(), "alice");
}

#[tokio::test]
async fn miswired_stack_is_500_without_details() {
    let world = World::new();
    let app = served(MarkLayer::passive().layer(world.handlers()));
    let answer = TestClient::new(app).get("/").await;
    let body = r#"{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"The service is not set up correctly."}"#;
    assert_problem(&answer, 500, None, body);
}

#[tokio::test]
async fn every_401_carries_challenge() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let set = PolicySet::builder(default.on_idle(OnIdle::Lock))
        .policy(Policy::named("admin").idle(minutes(5)))
        .build();
    let world = World::with(set.unwrap());
    let mut client = world.signed_in().await;
    let mut answers = vec![world.client().get("/").await];
    answers.push(client.get("/otp/x").await);
    world.clock.advance(minutes(6));
    client.get("/").await;
    answers.push(client.get("/admin/x").await);
    world.clock.advance(minutes(15));
    answers.push(client.get("/").await);
    world.clock.advance(hours(1));
    answers.push(client.get("/").await);
    let reasons: Vec<_> = answers.iter().filter_map(TestResponse::reason).collect();
    let expected = [
        "session_required",
        "step_up_required",
        "step_up_required",
        "session_locked",
        "idle_timeout",
    ];
    assert_eq!(reasons, expected);
    for answer in answers {
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Bearer "), "{challenge}");
    }
}
