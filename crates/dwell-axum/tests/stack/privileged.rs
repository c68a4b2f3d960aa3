//! `privileged(…)`: routes that demand a recent and strong authentication.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{get, post};
use dwell_axum::*;

use crate::support::{
    Client, World, get_with, idle_left, locking_policies, outcome, set_cookies, verdict,
};

async fn done(session: Session) -> String {
    session.subject().to_string()
}

fn routes() -> Router {
    let five = || privileged(AuthenticationRequirement::within(minutes(5)));
    let strong =
        privileged(AuthenticationRequirement::within(minutes(5)).with_acr(["aal2", "aal3"]));
    let otp = privileged(AuthenticationRequirement::within(minutes(5)).with_amr(["pwd", "otp"]));
    let by_policy = || privileged(AuthenticationRequirement::by_policy());
    Router::new()
        .route("/transfer", post(done).layer(five()).get(done))
        .route("/route-layer", post(done).route_layer(five()))
        .route("/handler", post(done.layer(five())))
        .route("/strong", get(done).layer(strong))
        .route("/otp", get(done).layer(otp))
        .route("/by-policy", get(done).layer(by_policy()))
        .route(
            "/admin/policy-outside",
            get(done).layer((policy("admin"), by_policy())),
        )
        .route(
            "/admin/policy-inside",
            get(done).layer((by_policy(), policy("admin"))),
        )
        .nest(
            "/group",
            Router::new().route("/transfer", get(done)).layer(five()),
        )
}

/// Five minutes by the default policy, two by the policy `admin`.
fn by_policy() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let admin = Policy::named("admin").reauthenticate(minutes(2));
    let default = default.reauthenticate(minutes(6)).granularity(seconds(15));
    PolicySet::builder(default).policy(admin).build().unwrap()
}

async fn asks(client: &mut Client, path: &str) -> String {
    outcome(&client.get(path).await)
}

#[tokio::test]
async fn privileged_route_accepts_recent_authentication() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(5) - Duration::from_millis(1));
    assert_eq!(alice.post("/transfer", "").await.text(), "alice");
    assert_eq!(alice.post("/route-layer", "").await.text(), "alice");
    assert_eq!(alice.post("/handler", "").await.text(), "alice");
    assert_eq!(asks(&mut alice, "/group/transfer").await, "ok");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(
        outcome(&alice.post("/handler", "").await),
        "401 step_up_required"
    );
    world.events.clear();
    let answer = alice.post("/transfer", "").await;
    assert_eq!(outcome(&answer), "401 step_up_required");
    assert_eq!(
        answer.header("www-authenticate"),
        Some(
            "Bearer error=\"insufficient_user_authentication\", error_description=\"A more \
             recent or stronger authentication is required\", max_age=\"300\""
        )
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(set_cookies(&answer).is_empty());
    let events = world.events.events();
    assert_eq!(world.events.kinds(), [EventKind::StepUpRequired]);
    assert_eq!(events[0].route.as_deref(), Some("/transfer"));
    assert_eq!(
        outcome(&alice.post("/route-layer", "").await),
        "401 step_up_required"
    );
    assert_eq!(
        asks(&mut alice, "/group/transfer").await,
        "401 step_up_required"
    );
    // Only the annotated methods require it; nothing else changes.
    assert_eq!(asks(&mut alice, "/transfer").await, "ok");
    assert_eq!(verdict(&mut alice).await, "ok");
}

#[tokio::test]
async fn n35_only_authentication_restarts_step_up_window() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    for _ in 0..4 {
        world.clock.advance(minutes(1));
        assert_eq!(alice.post("/transfer", "").await.status, 200);
    }
    world.clock.advance(minutes(1));
    assert_eq!(
        outcome(&alice.post("/transfer", "").await),
        "401 step_up_required"
    );
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    world.clock.advance(minutes(5) - Duration::from_millis(1));
    assert_eq!(alice.post("/transfer", "").await.status, 200);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(
        outcome(&alice.post("/transfer", "").await),
        "401 step_up_required"
    );
}

#[tokio::test]
async fn route_can_require_class_and_methods() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    let answer = alice.get("/strong").await;
    assert_eq!(outcome(&answer), "401 step_up_required");
    let challenge = answer.header("www-authenticate").unwrap();
    let wanted = r#", acr_values="aal2 aal3", max_age="300""#;
    assert!(challenge.ends_with(wanted), "{challenge}");
    assert_eq!(alice.post("/reauthenticate", "aal1").await.status, 200);
    assert_eq!(asks(&mut alice, "/strong").await, "401 step_up_required");
    assert_eq!(alice.post("/reauthenticate", "aal2").await.status, 200);
    assert_eq!(asks(&mut alice, "/strong").await, "ok");
    // The page authenticates with `otp` only.
    assert_eq!(asks(&mut alice, "/otp").await, "401 step_up_required");
}

#[tokio::test]
async fn route_can_take_age_from_policy() {
    let world = World::with(by_policy());
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(6) - Duration::from_millis(1));
    assert_eq!(asks(&mut alice, "/by-policy").await, "ok");
    world.clock.advance(Duration::from_millis(1));
    let answer = alice.get("/by-policy").await;
    assert_eq!(outcome(&answer), "401 step_up_required");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.ends_with(r#"max_age="360""#), "{challenge}");
}

#[tokio::test]
async fn n04_route_policy_shortens_age_in_any_order() {
    for path in ["/admin/policy-outside", "/admin/policy-inside"] {
        let world = World::with(by_policy());
        let mut alice = world.alice(routes()).await;
        world.clock.advance(minutes(2) - Duration::from_millis(1));
        assert_eq!(asks(&mut alice, path).await, "ok", "{path}");
        world.clock.advance(Duration::from_millis(1));
        let answer = alice.get(path).await;
        assert_eq!(outcome(&answer), "401 step_up_required", "{path}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(
            challenge.ends_with(r#"max_age="120""#),
            "{path}: {challenge}"
        );
        assert_eq!(asks(&mut alice, "/by-policy").await, "ok", "{path}");
    }
}

#[tokio::test]
async fn l06_shorter_age_binds_live_sessions() {
    let world = World::with(by_policy());
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(3));
    assert_eq!(asks(&mut alice, "/by-policy").await, "ok");
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let stricter = PolicySet::builder(default.reauthenticate(minutes(3)));
    world.replace_policies(stricter.build().unwrap());
    assert_eq!(asks(&mut alice, "/by-policy").await, "401 step_up_required");
}

#[tokio::test]
async fn n52_refused_step_up_neither_touches_nor_runs_handler() {
    let ran = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ran);
    let handler = async move |_: Session| {
        count.fetch_add(1, Ordering::SeqCst);
    };
    let route = post(handler).layer(privileged(AuthenticationRequirement::within(minutes(5))));
    let world = World::new();
    let mut alice = world.alice(Router::new().route("/pay", route)).await;
    world.clock.advance(minutes(10));
    let before = world.record(&alice);
    let answer = alice.post("/pay", "").await;
    assert_eq!(outcome(&answer), "401 step_up_required");
    assert_eq!(idle_left(&answer), 300);
    assert_eq!(world.record(&alice), before);
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    assert_eq!(alice.post("/pay", "").await.status, 200);
    assert_eq!(ran.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn privileged_route_refuses_missing_session() {
    let world = World::with(locking_policies());
    let mut nobody = world.client(routes());
    assert_eq!(asks(&mut nobody, "/strong").await, "401 session_required");
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(15));
    assert_eq!(asks(&mut alice, "/strong").await, "401 session_locked");
    world.clock.advance(minutes(30));
    assert_eq!(asks(&mut alice, "/strong").await, "401 idle_timeout");
}

#[tokio::test]
async fn n96_login_dated_ahead_is_refused_at_login() {
    let world = World::new();
    let start = async |login: LoginSession| {
        let ahead = ManualClock::new().now() + minutes(2);
        let new = NewSession::new("alice").with_authenticated_at(ahead);
        login.start(new).await.map(|_| ())
    };
    let routes = routes().route("/start", post(start));
    let mut alice = world.client(routes);
    let refused = alice.post("/start", "").await;
    assert_eq!(outcome(&refused), "500 session_error");
    assert!(set_cookies(&refused).is_empty());
    let answer = alice.post("/transfer", "").await;
    assert!(!answer.status.is_success(), "{}", answer.text());
}

#[tokio::test]
async fn n37_step_up_redirect_returns_to_full_path() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(5));
    let navigate = [("sec-fetch-mode", "navigate")];
    for (path, back) in [
        ("/strong?to=bob", "%2Fstrong%3Fto%3Dbob"),
        ("/group/transfer?to=bob", "%2Fgroup%2Ftransfer%3Fto%3Dbob"),
    ] {
        let answer = get_with(&mut alice, path, &navigate).await;
        assert_eq!(answer.status, 303, "{path}");
        let expected = format!("/reauthenticate?reason=step_up_required&return_to={back}");
        assert_eq!(answer.header("location"), Some(expected.as_str()), "{path}");
    }
}
