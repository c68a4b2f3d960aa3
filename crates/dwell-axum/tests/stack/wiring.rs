//! L16: what is wired wrongly answers 500, names what is missing, and never
//! serves unprotected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::FromRequestParts;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use dwell_axum::dwell_tower::idle::IdleTimeoutLayer;
use dwell_axum::dwell_tower::rejection::Refusal;
use dwell_axum::dwell_tower::session::SessionLayer;
use dwell_axum::*;
use tower::ServiceExt;

use crate::support::{World, client, get_request, signed_in, told};

/// How often handlers have run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    /// A handler that takes a `T` and counts.
    fn handler<T>(&self) -> MethodRouter
    where
        T: FromRequestParts<()> + Send + 'static,
    {
        let runs = self.clone();
        get(move |_: T| async move {
            runs.0.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// An extractor that wants nothing.
struct Nothing;

impl FromRequestParts<()> for Nothing {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        _: &mut http::request::Parts,
        (): &(),
    ) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

async fn answer(app: &Router, path: &str) -> Response {
    app.clone().oneshot(get_request(path)).await.unwrap()
}

/// What a 500 says is missing, to the log and to outer layers.
fn missing(answer: &Response) -> String {
    assert_eq!(answer.status(), 500);
    match answer.extensions().get::<Refusal>() {
        Some(Refusal::Miswired(missing)) => missing.clone(),
        other => panic!("not refused as miswired: {other:?}"),
    }
}

#[tokio::test]
async fn l16_extractors_without_the_layers_are_500() {
    let runs = Runs::default();
    let app = Router::new()
        .route("/session", runs.handler::<Session>())
        .route("/login", runs.handler::<LoginSession>())
        .route("/optional", get(async |_: Option<Session>| ()));
    for path in ["/session", "/login", "/optional"] {
        let missing = missing(&answer(&app, path).await);
        assert!(missing.contains("session layer"), "{path}: {missing}");
    }
    assert_eq!(runs.count(), 0);
}

#[tokio::test]
async fn l16_extractors_without_the_enforcing_layer_are_500_before_the_handler_runs() {
    let world = World::new();
    let runs = Runs::default();
    let app = Router::new()
        .route("/session", runs.handler::<Session>())
        .route("/login", runs.handler::<LoginSession>())
        .route("/optional", get(async |_: Option<Session>| ()))
        .layer(SessionLayer::new(&world.manager).without_reaper());
    for path in ["/session", "/login", "/optional"] {
        let missing = missing(&answer(&app, path).await);
        assert!(missing.contains("idle timeout layer"), "{path}: {missing}");
    }
    assert_eq!(runs.count(), 0);
}

#[tokio::test]
async fn l16_annotated_routes_without_a_session_layer_are_500() {
    let runs = Runs::default();
    let handler = || runs.handler::<Nothing>();
    let app = Router::new()
        .route(
            "/privileged",
            handler().layer(privileged(AuthenticationRequirement::by_policy())),
        )
        .route("/policy", handler().layer(policy("admin")))
        .route("/passive", handler().layer(passive()))
        .route("/active", handler().layer(active()))
        .merge(session_endpoints());
    for path in ["/privileged", "/policy", "/passive", "/active", "/session"] {
        let missing = missing(&answer(&app, path).await);
        assert!(missing.contains("session layer"), "{path}: {missing}");
    }
    assert_eq!(runs.count(), 0);
}

#[tokio::test]
async fn l16_annotated_routes_without_the_enforcing_layer_are_500_before_the_handler_runs() {
    let world = World::new();
    let runs = Runs::default();
    let handler = || runs.handler::<Nothing>();
    let app = Router::new()
        .route(
            "/privileged",
            handler().layer(privileged(AuthenticationRequirement::by_policy())),
        )
        .route("/policy", handler().layer(policy("admin")))
        .layer(SessionLayer::new(&world.manager).without_reaper());
    for path in ["/privileged", "/policy"] {
        let missing = missing(&answer(&app, path).await);
        assert!(missing.contains("idle timeout layer"), "{path}: {missing}");
    }
    assert_eq!(runs.count(), 0);
}

/// A route that asks for nothing has run by the time; its answer is kept back
/// all the same, so that no such stack is ever put into service.
#[tokio::test]
async fn l16_a_stack_without_its_enforcer_answers_500_on_every_route() {
    let world = World::new();
    let app = Router::new()
        .route("/public", get(async || "secret"))
        .layer(SessionLayer::new(&world.manager).without_reaper());
    let mut anybody = client(app);
    let answer = anybody.get("/public").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("secret"));
}

#[tokio::test]
async fn l16_layers_in_the_wrong_order_are_500() {
    let world = World::new();
    // The last one added is outermost: the enforcer stands outside here.
    let app = Router::new()
        .route("/", get(async |_: Session| ()))
        .layer(SessionLayer::new(&world.manager).without_reaper())
        .layer(IdleTimeoutLayer::new());
    let missing = missing(&answer(&app, "/").await);
    assert!(missing.contains("session layer"), "{missing}");
}

#[tokio::test]
async fn l16_routes_that_are_added_after_the_stack_are_not_served_to_anybody() {
    let world = World::new();
    let app = world
        .router(Router::new())
        .route("/late", get(async |_: Session| "late"));
    let mut alice = signed_in(client(app), "alice").await;
    assert_eq!(alice.get("/").await.text(), "alice");
    let answer = alice.get("/late").await;
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("late"));
}

#[tokio::test]
async fn l16_the_client_is_not_told_what_is_missing() {
    let app = Router::new().route("/", get(async |_: Session| ()));
    let answer = client(app).get("/").await;
    assert_eq!(told(&answer), "500");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate"), None);
    assert!(!answer.text().contains("layer"), "{}", answer.text());
}

#[tokio::test]
async fn a_stack_of_single_layers_in_the_right_order_serves() {
    let world = World::new();
    let app = Router::new()
        .route("/login", axum::routing::post(crate::support::login))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .layer(IdleTimeoutLayer::new())
        .layer(SessionLayer::new(&world.manager).without_reaper());
    let mut alice = signed_in(client(app), "alice").await;
    assert_eq!(alice.get("/").await.text(), "alice");
    world.clock.advance(minutes(15));
    assert_eq!(told(&alice.get("/").await), "401 idle_timeout");
}
