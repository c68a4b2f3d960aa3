//! The stack among routers: merged, nested, with fallbacks.

use axum::Router;
use axum::extract::{MatchedPath, Path};
use axum::routing::{get, post};
use dwell_axum::*;
use http::StatusCode;

use crate::support::{
    World, client, get_with, idle_left, outcome, removes_cookie, set_cookies, signed_in, verdict,
};

async fn who(session: Option<Session>) -> String {
    session.map_or("nobody".to_owned(), |s| s.subject().to_string())
}

#[tokio::test]
async fn fallback_inside_stack_has_session() {
    let world = World::new();
    let fallback = async |s: Session| (StatusCode::NOT_FOUND, format!("no, {}", s.subject()));
    let app = world.router(Router::new());
    let app_with = Router::new()
        .route("/login", post(crate::support::login))
        .fallback(fallback)
        .layer(world.stack.clone());
    let mut nobody = client(app_with.clone());
    assert_eq!(
        outcome(&nobody.get("/nowhere").await),
        "401 session_required"
    );
    let mut alice = signed_in(client(app_with), "alice").await;
    world.clock.advance(minutes(1));
    let answer = alice.get("/nowhere").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str()),
        (404, "no, alice")
    );
    // An old page may poll a route that is gone (N70).
    assert_eq!(idle_left(&answer), 840);

    // axum's own fallback is inside the stack as well.
    let mut bob = signed_in(client(app), "bob").await;
    world.clock.advance(minutes(15));
    assert_eq!(bob.get("/nowhere").await.header("session-timeout"), None);
    let answer = bob.get("/").await;
    assert_eq!(outcome(&answer), "401 idle_timeout");
    assert!(removes_cookie(&answer));
}

#[tokio::test]
async fn l16_fallback_outside_stack_is_500() {
    let world = World::new();
    let app = Router::new()
        .route("/login", post(crate::support::login))
        .route_layer(world.stack.clone())
        .fallback(async |s: Session| s.subject().to_string());
    let mut alice = signed_in(client(app), "alice").await;
    assert_eq!(alice.get("/nowhere").await.status, 500);
}

#[tokio::test]
async fn routes_outside_stack_have_no_session() {
    let world = World::new();
    let outside = Router::new().route("/health", get(async || "well"));
    let app = world.router(Router::new()).merge(outside);
    let mut alice = signed_in(client(app), "alice").await;
    world.clock.advance(minutes(10));
    let answer = alice.get("/health").await;
    assert_eq!(
        (answer.text().as_str(), answer.header("session-timeout")),
        ("well", None)
    );
    assert_eq!(world.idle(&alice), minutes(10));
}

#[tokio::test]
async fn merged_routers_with_same_stack_share_sessions() {
    let world = World::new();
    let accounts = Router::new()
        .route("/accounts", get(who))
        .layer(world.stack.clone());
    let again = session_timeout(&world.manager).without_reaper();
    let cards = Router::new().route("/cards", get(who)).layer(again);
    let app = world.router(Router::new()).merge(accounts).merge(cards);
    let mut alice = signed_in(client(app), "alice").await;
    for path in ["/accounts", "/cards", "/"] {
        world.clock.advance(minutes(10));
        assert_eq!(alice.get(path).await.text(), "alice", "{path}");
    }
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_eq!(alice.get("/cards").await.text(), "nobody");
}

#[tokio::test]
async fn events_name_route_pattern_not_path() {
    let end = async |Path(_): Path<String>, s: Session| s.sign_out().await;
    let item = Router::new().route("/{secret}", post(end));
    let world = World::new();
    let routes = Router::new().nest("/items", item);
    let mut alice = world.alice(routes).await;
    let mut late = alice.clone();
    assert_eq!(alice.post("/items/4711", "").await.status, 200);
    assert_eq!(late.post("/items/4712", "").await.status, 401);
    let events = world.events.events();
    let [_, logout, late] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(logout.event, EventKind::SessionLogout);
    assert_eq!(logout.route.as_deref(), Some("/items/{secret}"));
    assert_eq!(late.event, EventKind::SessionUseAfterExpire);
    assert_eq!(late.route.as_deref(), Some("/items/{secret}"));
}

#[tokio::test]
async fn nested_routes_are_protected_and_marked_like_any_other() {
    let poll = Router::new()
        .route("/", get(who).layer(passive()))
        .route("/page", get(who));
    let deep = Router::new().nest("/poll", poll);
    let show = get(async |path: MatchedPath, _: Session| path.as_str().to_owned());
    let world = World::new();
    let routes = Router::new().nest("/app", deep.route("/items/{id}", show));
    let mut alice = world.alice(routes).await;
    world.clock.advance(minutes(10));
    assert_eq!(idle_left(&alice.get("/app/poll").await), 300);
    assert_eq!(idle_left(&alice.get("/app/poll/page").await), 900);
    assert_eq!(alice.get("/app/items/1").await.text(), "/app/items/{id}");
    assert_eq!(
        outcome(&world.client(Router::new()).get("/app/items/1").await),
        "404"
    );
}

#[tokio::test]
async fn nested_service_is_inside_stack() {
    let world = World::new();
    let service = Router::new().route("/who", get(who)).fallback(who);
    let routes = Router::new().nest_service("/other", service);
    let mut alice = world.alice(routes).await;
    world.clock.advance(minutes(10));
    assert_eq!(alice.get("/other/who").await.text(), "alice");
    assert_eq!(world.idle(&alice), minutes(0));
    assert_eq!(alice.get("/other/else").await.text(), "alice");
    world.clock.advance(minutes(15));
    assert_eq!(alice.get("/other/who").await.text(), "nobody");
}

#[tokio::test]
async fn n37_return_to_nested_page_has_full_path() {
    let page = Router::new().route("/page", get(async |_: Session| ()));
    let world = World::new();
    let routes = Router::new()
        .route("/page", get(async |_: Session| ()))
        .nest("/app", page);
    let mut nobody = world.client(routes);
    let navigate = [("sec-fetch-mode", "navigate")];
    for (path, back) in [
        ("/page?a=1", "%2Fpage%3Fa%3D1"),
        ("/app/page?a=1", "%2Fapp%2Fpage%3Fa%3D1"),
    ] {
        let answer = get_with(&mut nobody, path, &navigate).await;
        assert_eq!(answer.status, 303, "{path}");
        let expected = format!("/login?reason=session_required&return_to={back}");
        assert_eq!(answer.header("location"), Some(expected.as_str()), "{path}");
    }
}

/// A whole application is nested, with its stack inside: its login page is named
/// by the path that browsers see.
#[tokio::test]
async fn n37_nested_stack_knows_pages_by_full_path() {
    let world = World::new();
    let stack = session_timeout(&world.manager)
        .with_login("/app/login")
        .without_reaper();
    let inner = Router::new()
        .route("/login", post(crate::support::login))
        .route("/page", get(async |s: Session| s.subject().to_string()))
        .layer(stack);
    let mut alice = signed_in_at(client(Router::new().nest("/app", inner))).await;
    assert_eq!(alice.get("/app/page").await.text(), "alice");
    world.clock.advance(minutes(15));
    let mut tab = alice.clone();
    let navigate = [("sec-fetch-mode", "navigate")];
    let answer = get_with(&mut tab, "/app/page", &navigate).await;
    assert_eq!(
        answer.header("location"),
        Some("/app/login?reason=idle_timeout&return_to=%2Fapp%2Fpage")
    );
    // The ended session reaches the login page.
    assert_eq!(alice.post("/app/login", "alice").await.status, 200);
}

async fn signed_in_at(mut client: crate::support::Client) -> crate::support::Client {
    assert_eq!(client.post("/app/login", "alice").await.status, 200);
    client
}

#[tokio::test]
async fn host_or_absolute_target_changes_nothing() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    assert_eq!(alice.get("https://bank.example/").await.text(), "alice");
    let answer = alice.get("https://bank.example/session").await;
    assert_eq!(outcome(&answer), "ok");
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(verdict(&mut alice).await, "ok");
}
