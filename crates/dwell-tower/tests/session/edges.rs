//! What decides among several tokens of a request, and what a request that is
//! refused leaves undone.

use std::convert::Infallible;

use dwell_core::{EndReason, EventKind, Policy, PolicySet, SessionState, hours, minutes};
use dwell_testkit::{TestClient, TestResponse};
use dwell_tower::gate::{Gate, RequestHead};
use dwell_tower::idle::IdleTimeoutLayer;
use dwell_tower::rejection::Refusal;
use dwell_tower::session::{SessionLayer, TokenSource};
use http::{Request, Response};
use tower::{Layer, service_fn};

use crate::support::{
    App, Body, COOKIE, Inner, World, get_with, issued, outcome, served, set_cookies, token,
};

/// The answer to a client that shows these tokens in this order.
async fn shows(world: &World, tokens: &[&str]) -> TestResponse {
    let pairs: Vec<_> = tokens.iter().map(|t| format!("{COOKIE}={t}")).collect();
    let fields = [("cookie", &*pairs.join("; "))];
    get_with(&mut world.client(), "/", &fields).await
}

/// The token of a session that ended for this reason.
async fn ended(world: &World, reason: EndReason) -> String {
    let mut client = world.signed_in().await;
    let ended = token(&client);
    client.get(&format!("/end?reason={reason}")).await;
    ended
}

/// A replaced token whose successor was used, so long ago that its return is
/// a sign of theft.
async fn stolen(world: &World) -> String {
    let mut client = world.signed_in().await;
    let stolen = token(&client);
    client.get("/rotate").await;
    client.get("/").await;
    world.clock.advance(minutes(1));
    stolen
}

#[tokio::test]
async fn l13_of_two_ended_sessions_first_gives_reason() {
    let world = World::new();
    let revoked = ended(&world, EndReason::Revoked).await;
    let signed_out = ended(&world, EndReason::SignedOut).await;
    for (tokens, reason) in [
        ([&*revoked, &*signed_out], "revoked"),
        ([&*signed_out, &*revoked], "signed_out"),
    ] {
        assert_eq!(outcome(&shows(&world, &tokens).await), reason);
    }
}

#[tokio::test]
async fn l13_of_two_run_out_sessions_first_gives_reason() {
    for provider_first in [true, false] {
        let world = World::new();
        let idle = token(&world.signed_in().await);
        let mut client = world.client();
        client.get("/login?provider_limit=600").await;
        let provider = token(&client);
        world.clock.advance(minutes(15));
        let (tokens, reason) = match provider_first {
            true => ([&*provider, &*idle], "idp_session_expired"),
            false => ([&*idle, &*provider], "idle_timeout"),
        };
        assert_eq!(outcome(&shows(&world, &tokens).await), reason);
    }
}

#[tokio::test]
async fn l12_run_out_session_is_ended_beside_ended_one() {
    for run_out_first in [true, false] {
        let world = World::new();
        let run_out = token(&world.signed_in().await);
        let revoked = ended(&world, EndReason::Revoked).await;
        world.clock.advance(minutes(15));
        let tokens = match run_out_first {
            true => [&*run_out, &*revoked],
            false => [&*revoked, &*run_out],
        };
        assert_eq!(outcome(&shows(&world, &tokens).await), "idle_timeout");
        let reason = world.end_reason(&run_out);
        assert_eq!(reason, Some(EndReason::IdleTimeout));
    }
}

#[tokio::test]
async fn l10_stolen_token_outranks_ended_session() {
    let world = World::new();
    let revoked = ended(&world, EndReason::Revoked).await;
    let stolen = stolen(&world).await;
    let answer = shows(&world, &[&revoked, &stolen]).await;
    assert_eq!(outcome(&answer), "token_reuse");
    assert_eq!(set_cookies(&answer).len(), 1, "it is removed");
    assert_eq!(issued(&answer), None);
}

#[tokio::test]
async fn l10_stolen_token_ends_its_session_beside_live_one() {
    let world = World::new();
    let stolen = stolen(&world).await;
    let live = token(&world.signed_in().await);
    let answer = shows(&world, &[&stolen, &live]).await;
    assert_eq!(
        (outcome(&answer).as_str(), &*answer.text()),
        ("ok", "alice")
    );
    assert_eq!(world.end_reason(&stolen), Some(EndReason::TokenReuse));
}

#[tokio::test]
async fn l02_refused_request_that_confirms_token_earns_nothing() {
    let world = World::new();
    let mut client = world.signed_in().await;
    client.get("/rotate").await;
    let before = world.last_active(&client);
    world.clock.advance(minutes(1));
    assert_eq!(client.get("/?status=403").await.status, 403);
    assert!(world.record(&client).credential.confirmed);
    assert_eq!(world.last_active(&client), before);
}

/// A stack that refuses, since no server tells it the peer.
fn without_peer(world: &World) -> App {
    world.app(&world.stack().with_peer(|_| None))
}

fn with_office() -> PolicySet {
    let default = Policy::named("default");
    let default = default.idle(minutes(15)).absolute(hours(8));
    let set = PolicySet::builder(default);
    let set = set.network("office", ["10.0.0.0/8"], minutes(30));
    set.build().unwrap()
}

#[tokio::test]
async fn l02_what_stack_itself_refuses_earns_nothing() {
    let world = World::with(with_office());
    let session = token(&world.signed_in().await);
    let before = world.last_active(&session);
    world.clock.advance(minutes(1));
    let mut client = TestClient::new(without_peer(&world));
    client.set_cookie(COOKIE, &session);
    assert_eq!(client.get("/").await.status, 500);
    assert_eq!(world.last_active(&session), before);
}

#[tokio::test]
async fn l16_first_refusal_of_stack_is_answer() {
    let world = World::with(with_office());
    let mut stranger = TestClient::new(without_peer(&world));
    assert_eq!(stranger.get("/").await.status, 500);
}

#[tokio::test]
async fn cookies_of_application_stay_beside_ours() {
    let world = World::new();
    let handler = |request: Request<Body>| async move {
        let state = request.extensions().get::<SessionState>();
        let state = state.unwrap().clone();
        state
            .start(dwell_core::NewSession::new("alice"))
            .await
            .unwrap();
        let mut response = Response::new(Body::default());
        let theme = http::HeaderValue::from_static("theme=dark");
        response.headers_mut().insert("set-cookie", theme);
        Ok::<_, Infallible>(response)
    };
    let service = world.stack().layer(Inner::new(service_fn(handler)));
    let mut client = TestClient::new(served(service));
    let answer = client.get("/login").await;
    let lines = set_cookies(&answer);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "theme=dark");
    assert!(lines[1].starts_with(COOKIE));
}

#[tokio::test]
async fn bearer_token_may_stand_between_spaces() {
    let world = World::new();
    let stack = world.stack().with_source(TokenSource::bearer());
    let mut client = world.client_of(&stack);
    let token = client.get("/login").await.text();
    let mut shows = async |value: String| {
        let field = [("authorization", &*value)];
        outcome(&get_with(&mut client, "/passive", &field).await)
    };
    assert_eq!(shows(format!("Bearer   {token}")).await, "ok");
    assert_eq!(shows(format!("Digest {token}")).await, "session_required");
}

#[tokio::test]
async fn exempt_paths_are_clients_where_router_cuts_them() {
    #[derive(Clone)]
    struct Original(http::Uri);
    let world = World::required();
    let stack = world.stack().add_exempt_path("/site/about");
    let stack = stack.with_original_uri(|extensions| extensions.get().map(|o: &Original| &o.0));
    let stack = stack.layer(world.handlers());
    let cut = tower::ServiceExt::map_request(stack, |mut request: Request<Body>| {
        let original = request.uri().clone();
        let path = original.path().trim_start_matches("/site").parse().unwrap();
        *request.uri_mut() = path;
        request.extensions_mut().insert(Original(original));
        request
    });
    let mut client = TestClient::new(served(cut));
    assert_eq!(outcome(&client.get("/site/about").await), "ok");
    assert_eq!(
        outcome(&client.get("/site/login").await),
        "session_required"
    );
}

/// Refuses every request, live sessions too.
struct Nobody;

impl Gate for Nobody {
    fn name(&self) -> &'static str {
        "the check that nobody passes"
    }

    fn admit(&self, _: &SessionState, _: RequestHead<'_>) -> Result<(), Refusal> {
        Err(Refusal::SessionRequired)
    }
}

#[tokio::test]
async fn l02_what_gate_of_row_refuses_earns_nothing() {
    let world = World::new();
    let session = token(&world.signed_in().await);
    let before = world.last_active(&session);
    world.clock.advance(minutes(1));
    let layer = SessionLayer::new(&world.manager).without_reaper();
    let layer = layer.with_gates((IdleTimeoutLayer::new(), Nobody));
    let mut client = TestClient::new(world.app(&layer));
    client.set_cookie(COOKIE, &session);
    assert_eq!(outcome(&client.get("/").await), "session_required");
    assert_eq!(world.last_active(&session), before);
}

#[tokio::test]
async fn l02_redirect_by_gate_of_row_earns_nothing() {
    let world = World::new();
    let session = token(&world.signed_in().await);
    let before = world.last_active(&session);
    world.clock.advance(minutes(1));
    let layer = SessionLayer::new(&world.manager).without_reaper();
    let layer = layer.with_rejection(|_: &Refusal, _: &http::request::Parts| {
        let mut redirect = Response::new(bytes::Bytes::new());
        *redirect.status_mut() = http::StatusCode::SEE_OTHER;
        redirect
    });
    let layer = layer.with_gates((IdleTimeoutLayer::new(), Nobody));
    let mut client = TestClient::new(world.app(&layer));
    client.set_cookie(COOKIE, &session);
    assert_eq!(client.get("/").await.status, 303);
    assert_eq!(world.last_active(&session), before);
}

/// Routes of `admin` allow a pause of four minutes, and re-authentication
/// lasts three.
fn four_and_three() -> PolicySet {
    let default = Policy::named("default");
    let default = default.idle(minutes(15)).absolute(hours(8));
    let set = PolicySet::builder(default.reauthenticate(minutes(3)));
    let set = set.policy(Policy::named("admin").idle(minutes(4)));
    set.build().unwrap()
}

#[tokio::test]
async fn challenge_states_age_that_route_asks_for() {
    let world = World::with(four_and_three());
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(6));
    client.get("/").await;
    for (path, age) in [("/admin/", 240), ("/by-policy/", 180), ("/fresh/", 300)] {
        let refused = client.get(path).await;
        assert_eq!(outcome(&refused), "step_up_required", "{path}");
        let challenge = refused.header("www-authenticate").unwrap();
        let age = format!(r#"max_age="{age}""#);
        assert!(challenge.contains(&age), "{path}: {challenge}");
    }
}

#[tokio::test]
async fn step_up_by_policy_is_reported_and_end_is_none() {
    let world = World::with(four_and_three());
    let mut client = world.signed_in().await;
    let required = || world.events.count(EventKind::StepUpRequired);
    world.clock.advance(minutes(5));
    client.get("/").await;
    client.get("/admin/").await;
    assert_eq!(required(), 1);
    world.clock.advance(minutes(5));
    assert_eq!(outcome(&client.get("/admin/").await), "step_up_required");
    assert_eq!(required(), 2);
    world.clock.advance(minutes(10));
    assert_eq!(outcome(&client.get("/admin/").await), "idle_timeout");
    assert_eq!(required(), 2);
}

#[tokio::test]
async fn path_that_climbs_by_backslashes_is_not_exempt() {
    let world = World::required();
    let stack = world.stack().add_exempt_path("/assets/");
    let mut client = world.client_of(&stack);
    assert_eq!(outcome(&client.get("/assets/a%5Cb").await), "ok");
    for path in ["/assets/..%5Cadmin", "/assets/a%5C..%5C..%5Cadmin"] {
        assert_eq!(
            outcome(&client.get(path).await),
            "session_required",
            "{path}"
        );
    }
}
