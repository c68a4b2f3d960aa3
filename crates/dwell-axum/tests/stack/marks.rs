//! `passive()` and `active()`: which requests are activity.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{get, post};
use dwell_axum::*;
use http::Method;

use crate::support::{Client, World, get_with, idle_left, verdict};

/// Sends a request ten minutes after the last activity, and returns whether the
/// request was activity.
async fn counts(world: &World, alice: &mut Client, method: Method, path: &str) -> bool {
    counts_with(world, alice, method, path, &[]).await
}

async fn counts_with(
    world: &World,
    alice: &mut Client,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
) -> bool {
    world.clock.advance(minutes(10));
    let answer = alice.send(method, path, headers, "").await;
    assert_eq!(answer.status, 200, "{path}");
    let counted = world.idle(alice) == minutes(0);
    // The answer matches the store.
    assert_eq!(
        idle_left(&answer),
        if counted { 900 } else { 300 },
        "{path}"
    );
    // Start the next request from a new activity.
    assert_eq!(alice.post("/session/extend", "").await.status, 200);
    counted
}

async fn page(_: Session) {}

/// Routes annotated in every way that axum offers.
fn annotated() -> Router {
    let group = Router::new()
        .route("/group/a", get(page))
        .route("/group/b", get(page))
        .layer(passive());
    let earlier = Router::new()
        .route("/earlier", get(page))
        .route_layer(passive())
        .route("/later", get(page));
    let below = Router::new().route("/a", get(page));
    Router::new()
        .route("/plain", get(page))
        .route("/passive", get(page).layer(passive()))
        .route("/passive/route-layer", get(page).route_layer(passive()))
        .route("/passive/handler", get(page.layer(passive())))
        .route("/passive/get", get(page).layer(passive()).post(page))
        .route("/active", get(page).layer(active()))
        .route(
            "/both/active-outside",
            get(page).layer((active(), passive())),
        )
        .route(
            "/both/passive-outside",
            get(page).layer((passive(), active())),
        )
        .route("/twice", get(page).layer((passive(), passive())))
        .merge(group)
        .merge(earlier)
        .nest("/nested", below.layer(passive()))
}

#[tokio::test]
async fn l02_passive_routes_move_nothing_however_annotated() {
    let world = World::new();
    let mut alice = world.alice(annotated()).await;
    for (path, expected) in [
        ("/plain", true),
        ("/passive", false),
        ("/passive/route-layer", false),
        ("/passive/handler", false),
        ("/passive/get", false),
        ("/active", true),
        ("/group/a", false),
        ("/group/b", false),
        ("/earlier", false),
        ("/later", true),
        ("/nested/a", false),
        ("/twice", false),
    ] {
        let counted = counts(&world, &mut alice, Method::GET, path).await;
        assert_eq!(counted, expected, "{path}");
    }
    // A mark on some methods does not apply to the others.
    assert!(counts(&world, &mut alice, Method::POST, "/passive/get").await);
}

#[tokio::test]
async fn n04_passive_wins_over_active_in_any_order() {
    let world = World::new();
    let mut alice = world.alice(annotated()).await;
    for path in ["/both/active-outside", "/both/passive-outside"] {
        assert!(
            !counts(&world, &mut alice, Method::GET, path).await,
            "{path}"
        );
    }
}

#[tokio::test]
async fn n03_only_marked_calls_count_in_strict_mode() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let strict = PolicySet::builder(default.unmarked(Unmarked::Passive))
        .build()
        .unwrap();
    let world = World::with(strict);
    let mut alice = world.alice(annotated()).await;
    let declared = [("session-activity", "active")];
    for (path, silent, marked) in [
        ("/plain", false, true),
        ("/later", false, true),
        ("/active", true, true),
        ("/passive", false, false),
        ("/both/active-outside", false, false),
        ("/both/passive-outside", false, false),
    ] {
        let counted = counts(&world, &mut alice, Method::GET, path).await;
        assert_eq!(counted, silent, "{path}");
        let counted = counts_with(&world, &mut alice, Method::GET, path, &declared).await;
        assert_eq!(counted, marked, "{path}, declared active");
    }
}

#[tokio::test]
async fn n03_unmarked_call_counts_outside_strict_mode() {
    let world = World::new();
    let mut alice = world.alice(annotated()).await;
    for _ in 0..4 {
        world.clock.advance(minutes(10));
        assert_eq!(alice.get("/plain").await.status, 200);
    }
    // Half an hour after the login.
    assert_eq!(verdict(&mut alice).await, "ok");
}

#[tokio::test]
async fn n03_unmarked_calls_extend_nothing_in_strict_mode() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let strict = PolicySet::builder(default.unmarked(Unmarked::Passive))
        .build()
        .unwrap();
    let world = World::with(strict);
    let mut alice = world.alice(annotated()).await;
    for _ in 0..14 {
        world.clock.advance(minutes(1));
        assert_eq!(alice.get("/plain").await.status, 200);
    }
    world.clock.advance(minutes(1));
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
}

#[tokio::test]
async fn l17_request_can_only_weaken_route_mark() {
    let world = World::new();
    let mut alice = world.alice(annotated()).await;
    for (path, value) in [
        ("/passive", "active"),
        ("/group/a", "active"),
        ("/active", "passive"),
        ("/active", "Active"),
        ("/active", "active, active"),
        ("/plain", "passive"),
        ("/plain", ""),
    ] {
        let field = [("session-activity", value)];
        let counted = counts_with(&world, &mut alice, Method::GET, path, &field).await;
        assert!(!counted, "{path} {value:?}");
    }
}

#[tokio::test]
async fn l02_active_route_by_prefetch_or_other_site_is_no_activity() {
    let world = World::new();
    let mut alice = world.alice(annotated()).await;
    for field in [
        ("sec-purpose", "prefetch"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let counted = counts_with(&world, &mut alice, Method::GET, "/active", &[field]).await;
        assert!(!counted, "{field:?}");
    }
}

#[tokio::test]
async fn n09_refused_request_of_active_route_is_no_activity() {
    for status in [401, 403, 429, 500, 503] {
        let refuse = get(async move |_: Session| http::StatusCode::from_u16(status).unwrap());
        let world = World::new();
        let mut alice = world
            .alice(Router::new().route("/no", refuse.layer(active())))
            .await;
        world.clock.advance(minutes(10));
        assert_eq!(alice.get("/no").await.status, status);
        assert_eq!(world.idle(&alice), minutes(10), "{status}");
    }
}

#[tokio::test]
async fn route_without_extractor_counts_too() {
    let world = World::new();
    let routes = Router::new()
        .route("/public", get(async || [("cache-control", "private")]))
        .route("/public/poll", post(async || ()).layer(passive()));
    let mut alice = world.alice(routes).await;
    assert!(counts(&world, &mut alice, Method::GET, "/public").await);
    assert!(!counts(&world, &mut alice, Method::POST, "/public/poll").await);
    // The route needs no session.
    let mut nobody = world.client(Router::new().route("/public", get(async || ())));
    let answer = get_with(&mut nobody, "/public", &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("session-timeout")),
        (200, None)
    );
}
