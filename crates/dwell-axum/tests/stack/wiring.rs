//! L16: a misconfigured stack answers 500, names the missing layer, and never
//! serves unprotected routes.

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

use crate::support::{World, client, get_request, outcome, signed_in};

/// How often handlers have run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    /// A handler that extracts a `T` and counts its calls.
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

/// An extractor that needs nothing.
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

/// What a 500 names as missing, to the log and to outer layers.
fn missing(answer: &Response) -> String {
    assert_eq!(answer.status(), 500);
    match answer.extensions().get::<Refusal>() {
        Some(Refusal::Miswired(missing)) => missing.clone(),
        other => panic!("not refused as miswired: {other:?}"),
    }
}

#[tokio::test]
async fn l16_extractors_without_layers_are_500() {
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
async fn l16_extractors_without_enforcing_layer_are_500() {
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
async fn l16_annotated_routes_without_session_layer_are_500() {
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
async fn l16_annotated_routes_without_enforcing_layer_are_500() {
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

/// A route without an extractor has run already. Its answer is still replaced, so
/// that such a stack never goes into service.
#[tokio::test]
async fn l16_stack_without_enforcing_layer_answers_500_everywhere() {
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
async fn l16_layers_in_wrong_order_are_500() {
    let world = World::new();
    // The last layer added is outermost: the enforcer is outside here.
    let app = Router::new()
        .route("/", get(async |_: Session| ()))
        .layer(SessionLayer::new(&world.manager).without_reaper())
        .layer(IdleTimeoutLayer::new());
    let missing = missing(&answer(&app, "/").await);
    assert!(missing.contains("session layer"), "{missing}");
}

#[tokio::test]
async fn l16_routes_added_after_stack_are_500() {
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
async fn l16_answer_does_not_name_missing_layer() {
    let app = Router::new().route("/", get(async |_: Session| ()));
    let answer = client(app).get("/").await;
    assert_eq!(outcome(&answer), "500");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("www-authenticate"), None);
    assert!(!answer.text().contains("layer"), "{}", answer.text());
}

#[tokio::test]
async fn single_layers_in_right_order_serve() {
    let world = World::new();
    let app = Router::new()
        .route("/login", axum::routing::post(crate::support::login))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .layer(IdleTimeoutLayer::new())
        .layer(SessionLayer::new(&world.manager).without_reaper());
    let mut alice = signed_in(client(app), "alice").await;
    assert_eq!(alice.get("/").await.text(), "alice");
    world.clock.advance(minutes(15));
    assert_eq!(outcome(&alice.get("/").await), "401 idle_timeout");
}
