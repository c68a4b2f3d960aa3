//! Custom rejections: closures, layers, the answer's extensions.

use bytes::Bytes;
use dwell_core::{AuthenticationRequirement, EndReason, minutes};
use dwell_testkit::TestClient;
use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer, SessionRequirement};
use dwell_tower::open::SessionBody;
use dwell_tower::rejection::{Challenge, MakeRejection, Refusal, refuse};
use dwell_tower::session::SessionLayer;
use dwell_tower::step_up::StepUpLayer;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::{Layer, ServiceExt};

use crate::support::{Body, COOKIE, Client, World, served, set_cookies, signed_in, token};

/// Answers with 418, a name, the refusal and the request's path.
fn own(word: &'static str) -> impl MakeRejection {
    move |refusal: &Refusal, request: &Parts| {
        let reason = refusal.reason().unwrap_or("none");
        let body = format!("{word} {reason} {}", request.uri.path());
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    }
}

#[tokio::test]
async fn closure_refuses_for_stack_and_its_routes() {
    let world = World::new();
    let stack = world.stack().with_rejection(own("ours"));
    assert_eq!(
        world.client_of(&stack).get("/a").await.text(),
        "ours session_required /a"
    );
    let mut client = signed_in(world.client_of(&stack)).await;
    let refused = client.get("/strong/b").await;
    assert_eq!(
        (refused.status.as_u16(), refused.text()),
        (418, "ours step_up_required /strong/b".into())
    );
    world.clock.advance(minutes(6));
    client.get("/").await;
    assert_eq!(
        client.get("/admin/c").await.text(),
        "ours step_up_required /admin/c"
    );
    world.clock.advance(minutes(15));
    let ended = client.get("/d").await;
    assert_eq!(ended.text(), "ours idle_timeout /d");
    assert!(
        set_cookies(&ended)[0].contains("Max-Age=0"),
        "the cookie is still removed"
    );
}

#[tokio::test]
async fn closure_outlasts_later_settings() {
    let world = World::new();
    let stack = dwell_tower::SessionTimeoutLayer::new(&world.manager)
        .with_rejection(own("ours"))
        .with_requirement(SessionRequirement::Required)
        .with_login("/login")
        .with_reauthentication("/reauthenticate")
        .without_reaper();
    assert_eq!(
        world.client_of(&stack).get("/a").await.text(),
        "ours session_required /a"
    );
}

#[tokio::test]
async fn closure_answers_for_store_outage() {
    let world = World::new();
    let store = dwell_testkit::FaultyStore::new(world.memory.clone());
    let stack = crate::support::stack_over(&world.manager_over(store.clone()));
    let mut client = signed_in(world.client_of(&stack.with_rejection(own("ours")))).await;
    store.fail();
    let answer = client.get("/x").await;
    assert_eq!(answer.text(), "ours store_unavailable /x");
    assert_eq!(set_cookies(&answer), [""; 0]);
}

/// A client of a hand-built stack whose inner layers have their own rejections.
async fn mixed(world: &World) -> Client {
    let handlers = world.handlers();
    let stepped = StepUpLayer::new(AuthenticationRequirement::within(minutes(5)))
        .with_rejection(own("step-up's"))
        .layer(handlers);
    let tightened = PolicyLayer::new("admin")
        .with_rejection(own("policy's"))
        .layer(stepped);
    let idle = IdleTimeoutLayer::new()
        .with_requirement(SessionRequirement::Required)
        .with_rejection(own("idle's"))
        .add_exempt_path("/login")
        .layer(tightened);
    let session = SessionLayer::new(&world.manager).with_rejection(own("session's"));
    let mut client = TestClient::new(served(session.without_reaper().layer(idle)));
    let mut login = world.client();
    login.get("/login").await;
    client.set_cookie(COOKIE, &token(&login));
    client
}

#[tokio::test]
async fn rejection_of_layer_beats_that_of_stack() {
    let world = World::new();
    let mut client = mixed(&world).await;
    assert_eq!(client.get("/x").await.text(), "alice");
    let mut keep = world.client_with(client.cookie(COOKIE).unwrap());
    for _ in 0..2 {
        world.clock.advance(minutes(3));
        keep.get("/").await;
    }
    assert_eq!(
        client.get("/x").await.text(),
        "step-up's step_up_required /x"
    );
    world.clock.advance(minutes(5));
    assert_eq!(
        client.get("/x").await.text(),
        "policy's step_up_required /x"
    );
    world.clock.advance(minutes(10));
    assert_eq!(client.get("/x").await.text(), "idle's idle_timeout /x");
}

#[tokio::test]
async fn inner_layer_without_rejection_refuses_like_stack() {
    let world = World::new();
    let inner =
        StepUpLayer::new(AuthenticationRequirement::within(minutes(5))).layer(world.handlers());
    let idle = IdleTimeoutLayer::new().layer(inner);
    let session = SessionLayer::new(&world.manager).with_rejection(own("session's"));
    let mut client = TestClient::new(served(session.without_reaper().layer(idle)));
    assert_eq!(
        client.get("/x").await.text(),
        "session's session_required /x"
    );
}

/// Returns the refusal that an outer layer finds in the answer.
async fn found(world: &World, client: Option<&Client>, path: &str) -> Option<Refusal> {
    let mut request = Request::get(path);
    if let Some(client) = client {
        request = request.header("cookie", format!("{COOKIE}={}", token(client)));
    }
    let request = request.body(Body::default()).unwrap();
    let answer = world.app(&world.stack()).oneshot(request).await.unwrap();
    answer.extensions().get::<Refusal>().cloned()
}

#[tokio::test]
async fn refusal_is_in_extensions_of_answer() {
    let world = World::locking();
    let client = world.signed_in().await;
    let mut gone = world.signed_in().await;
    let holder = gone.clone();
    gone.get("/logout").await;
    assert_eq!(found(&world, Some(&client), "/").await, None);
    assert_eq!(
        found(&world, Some(&client), "/?status=401").await,
        None,
        "not ours"
    );
    assert_eq!(
        found(&world, None, "/").await,
        Some(Refusal::SessionRequired)
    );
    let signed_out = Refusal::Ended(EndReason::SignedOut);
    assert_eq!(found(&world, Some(&holder), "/").await, Some(signed_out));
    let challenge = Challenge {
        max_age: minutes(5),
        acr_values: vec!["aal2".into(), "aal3".into()],
    };
    let step_up = found(&world, Some(&client), "/strong/x").await;
    assert_eq!(step_up, Some(Refusal::StepUp(challenge)));
    world.clock.advance(minutes(15));
    assert_eq!(
        found(&world, Some(&client), "/").await,
        Some(Refusal::Locked)
    );
}

#[tokio::test]
async fn handler_can_refuse_like_stack() {
    use dwell_core::SessionState;

    let world = World::new();
    let handler = tower::service_fn(async |request: Request<SessionBody<Body>>| {
        assert!(request.extensions().get::<SessionState>().is_some());
        let (parts, _) = request.into_parts();
        let refused = refuse(Refusal::SessionRequired, &parts).map(Body::from);
        Ok::<_, std::convert::Infallible>(refused)
    });
    let stack = world
        .stack()
        .with_requirement(SessionRequirement::Optional)
        .with_rejection(own("ours"));
    let mut client = TestClient::new(served(stack.layer(handler)));
    assert_eq!(client.get("/x").await.text(), "ours session_required /x");
}

#[tokio::test]
async fn odd_acr_values_cannot_break_out_of_challenge() {
    let world = World::new();
    let odd =
        AuthenticationRequirement::within(minutes(5)).with_acr(["a\"b\\c", "d\r\nx: y", "ä", "ok"]);
    let inner = StepUpLayer::new(odd).layer(world.handlers());
    let app = served(world.stack().layer(inner));
    let mut client = TestClient::new(app);
    client.set_cookie(COOKIE, &token(&world.signed_in().await));
    let refused = client.get("/x").await;
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.ends_with(r#", max_age="300""#), "{challenge}");
    assert_eq!(challenge.matches('"').count(), 8, "{challenge}");
    let values = challenge
        .split("acr_values=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next();
    assert!(values.unwrap().ends_with(" ok"), "{challenge}");
    assert!(!challenge.contains('\\'), "{challenge}");
}
