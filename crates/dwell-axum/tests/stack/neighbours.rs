//! The stack outside and inside other layers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use dwell_axum::*;
use http::StatusCode;
use tokio::sync::Barrier;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

use crate::support::{Client, World, client, idle_left, login, signed_in, verdict};

async fn too_late(_: BoxError) -> StatusCode {
    StatusCode::GATEWAY_TIMEOUT
}

async fn overloaded(_: BoxError) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

/// A login, a page, and the given routes.
fn router(path: &str, route: axum::routing::MethodRouter) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .route("/poll", get(async |_: Session| ()).layer(passive()))
        .route(path, route)
}

async fn alice(app: Router) -> Client {
    signed_in(client(app), "alice").await
}

/// A page that never answers.
fn stuck() -> axum::routing::MethodRouter {
    get(async |_: Session| std::future::pending::<()>().await)
}

#[tokio::test(start_paused = true)]
async fn timeout_inside_stack_is_no_activity() {
    let world = World::new();
    let timeout = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(too_late))
        .layer(TimeoutLayer::new(Duration::from_secs(3)));
    let app = router("/stuck", stuck())
        .layer(timeout)
        .layer(world.stack.clone());
    let mut alice = alice(app).await;
    world.clock.advance(minutes(10));
    let answer = alice.get("/stuck").await;
    assert_eq!(answer.status, 504);
    assert_eq!(idle_left(&answer), 300);
    assert_eq!(world.idle(&alice), minutes(10));
    assert_eq!(verdict(&mut alice).await, "ok");
}

/// To the stack, a timeout outside looks like a client that left: the request
/// was still activity.
#[tokio::test(start_paused = true)]
async fn l05_timeout_outside_stack_loses_no_touch() {
    let world = World::new();
    let timeout = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(too_late))
        .layer(TimeoutLayer::new(Duration::from_secs(3)));
    let app = router("/stuck", stuck())
        .layer(world.stack.clone())
        .layer(timeout);
    let mut alice = alice(app).await;
    world.clock.advance(minutes(10));
    let answer = alice.get("/stuck").await;
    assert_eq!(answer.status, 504);
    assert_eq!(answer.header("session-timeout"), None);
    assert_eq!(world.idle(&alice), minutes(0));
    assert_eq!(verdict(&mut alice).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn tower_http_timeout_leaves_session_alone() {
    let world = World::new();
    let timeout = || {
        let status = StatusCode::REQUEST_TIMEOUT;
        tower_http::timeout::TimeoutLayer::with_status_code(status, Duration::from_secs(3))
    };
    let stack = || world.stack.clone();
    let inside = router("/stuck", stuck()).layer(timeout()).layer(stack());
    let outside = router("/stuck", stuck()).layer(stack()).layer(timeout());
    for app in [inside, outside] {
        let mut alice = alice(app).await;
        world.clock.advance(minutes(10));
        assert_eq!(alice.get("/stuck").await.status, 408);
        assert_eq!(alice.get("/").await.text(), "alice");
        world.clock.advance(minutes(15));
        assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
    }
}

/// How many requests are inside a handler, and the maximum so far.
#[derive(Clone, Default)]
struct Crowd(Arc<(AtomicUsize, AtomicUsize)>);

impl Crowd {
    async fn pass(self) {
        let inside = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(inside, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Both kinds of store: local, and remote, which is awaited between the inner
/// service's readiness and its call.
#[tokio::test]
async fn concurrency_limit_works_inside_and_outside() {
    for world in [World::new(), World::remote()] {
        for inside in [true, false] {
            let crowd = Crowd::default();
            let page = {
                let crowd = crowd.clone();
                get(move |_: Session| crowd.clone().pass())
            };
            let limit = ConcurrencyLimitLayer::new(2);
            let routes = router("/page", page);
            let app = match inside {
                true => routes.layer(limit).layer(world.stack.clone()),
                false => routes.layer(world.stack.clone()).layer(limit),
            };
            let alice = alice(app).await;
            let requests = (0..8).map(|_| {
                let mut tab = alice.clone();
                tokio::spawn(async move { tab.get("/page").await.status })
            });
            let requests: Vec<_> = requests.collect();
            for request in requests {
                assert_eq!(request.await.unwrap(), 200);
            }
            assert_eq!(crowd.most(), 2, "inside: {inside}");
        }
    }
}

#[tokio::test]
async fn n09_request_shed_inside_stack_is_no_activity() {
    let world = World::new();
    let arrived = Arc::new(Barrier::new(2));
    let held = Arc::new(tokio::sync::Notify::new());
    let page = {
        let (arrived, held) = (Arc::clone(&arrived), Arc::clone(&held));
        get(async move |_: Session| {
            arrived.wait().await;
            held.notified().await;
        })
    };
    let shed = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(overloaded))
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(1));
    let busy = Router::new().route("/busy", page).layer(shed);
    let app = router("/free", get(async || ()))
        .merge(busy)
        .layer(world.stack.clone());
    let mut alice = alice(app).await;
    world.clock.advance(minutes(10));
    let mut first = alice.clone();
    let first = tokio::spawn(async move { first.get("/busy").await.status });
    arrived.wait().await;
    let answer = alice.get("/busy").await;
    assert_eq!(answer.status, 503);
    assert_eq!(idle_left(&answer), 300);
    assert_eq!(world.idle(&alice), minutes(10));
    held.notify_one();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(world.idle(&alice), minutes(0));
}

/// A page whose handler panics.
fn broken() -> Router {
    let handler = async |_: Session| -> () { panic!("the handler is broken") };
    router("/broken", get(handler))
}

async fn assert_a_panic_is_no_activity(world: &World, app: Router) {
    let mut alice = alice(app).await;
    world.clock.advance(minutes(10));
    assert_eq!(alice.get("/broken").await.status, 500);
    assert_eq!(world.idle(&alice), minutes(10));
    assert_eq!(verdict(&mut alice).await, "ok");
}

#[tokio::test]
async fn l02_panic_caught_inside_stack_is_no_activity() {
    let world = World::new();
    let app = broken()
        .layer(CatchPanicLayer::new())
        .layer(world.stack.clone());
    assert_a_panic_is_no_activity(&world, app).await;
}

/// The catching layer drops the rest of the request after the panic.
#[tokio::test]
async fn l02_panic_caught_outside_stack_is_no_activity() {
    let world = World::new();
    let app = broken()
        .layer(world.stack.clone())
        .layer(CatchPanicLayer::new());
    assert_a_panic_is_no_activity(&world, app).await;
}

#[tokio::test]
async fn body_limit_works_inside_and_outside() {
    let world = World::new();
    let stack = || world.stack.clone();
    let echo = || post(async |_: Session, body: String| body);
    let limit = || RequestBodyLimitLayer::new(8);
    let inside = router("/echo", echo()).layer(limit()).layer(stack());
    let outside = router("/echo", echo()).layer(stack()).layer(limit());
    for app in [inside, outside] {
        let mut alice = alice(app).await;
        assert_eq!(alice.post("/echo", "12345678").await.text(), "12345678");
        assert_eq!(alice.post("/echo", "123456789").await.status, 413);
        assert_eq!(verdict(&mut alice).await, "ok");
    }
}

/// A layer that answers in the handler's place: the stack outside also adds to
/// its answers.
#[tokio::test]
async fn answer_of_inner_layer_gets_stacks_headers() {
    let world = World::new();
    let closed = axum::middleware::from_fn(
        async |request: axum::extract::Request, next: axum::middleware::Next| match request
            .uri()
            .path()
        {
            "/closed" => (StatusCode::FORBIDDEN, "closed").into_response(),
            _ => next.run(request).await,
        },
    );
    let app = router("/closed", get(async || ()))
        .layer(closed)
        .layer(world.stack.clone());
    let mut alice = alice(app).await;
    world.clock.advance(minutes(10));
    let answer = alice.get("/closed").await;
    assert_eq!((answer.status.as_u16(), idle_left(&answer)), (403, 300));
    world.clock.advance(minutes(5));
    let answer = alice.get("/closed").await;
    assert_eq!(answer.status, 403, "nobody's request");
    assert_eq!(answer.header("session-timeout"), None);
}
