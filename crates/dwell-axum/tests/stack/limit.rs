//! The limit of concurrent sessions per subject.

use axum::Router;
use dwell_axum::*;

use crate::support::{Client, World, client, outcome, set_cookies, signed_in, verdict};

fn policies(max: u32, on_limit: OnLimit) -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    PolicySet::builder(default.session_limit(max, on_limit))
        .build()
        .unwrap()
}

fn world(max: u32, on_limit: OnLimit) -> World {
    World::with(policies(max, on_limit))
}

async fn login(world: &World, subject: &str) -> Result<Client, String> {
    let mut client = world.client(Router::new());
    let answer = client.post("/login", subject).await;
    match answer.status.is_success() {
        true => Ok(client),
        false => Err(outcome(&answer)),
    }
}

#[tokio::test]
async fn login_over_limit_refused_by_policy() {
    let world = world(2, OnLimit::RefuseNew);
    let mut first = login(&world, "alice").await.unwrap();
    let mut second = login(&world, "alice").await.unwrap();
    world.events.clear();
    let answer = world.client(Router::new()).post("/login", "alice").await;
    assert_eq!(outcome(&answer), "409 too_many_sessions");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(world.events.kinds(), []);
    assert_eq!(verdict(&mut first).await, "ok");
    assert_eq!(verdict(&mut second).await, "ok");
    // The limit counts per subject.
    assert!(login(&world, "bob").await.is_ok());
    // An ended session makes room, and so does an expired one.
    assert_eq!(first.post("/session/end", "").await.status, 204);
    let mut third = login(&world, "alice").await.unwrap();
    world.clock.advance(minutes(10));
    assert_eq!(third.get("/").await.status, 200);
    assert_eq!(
        login(&world, "alice").await.unwrap_err(),
        "409 too_many_sessions"
    );
    world.clock.advance(minutes(5));
    assert!(login(&world, "alice").await.is_ok());
}

#[tokio::test]
async fn new_login_of_same_client_replaces_its_session() {
    for on_limit in [OnLimit::RefuseNew, OnLimit::EndOldest] {
        let world = world(2, on_limit);
        let mut first = login(&world, "alice").await.unwrap();
        let mut second = login(&world, "alice").await.unwrap();
        let answer = second.post("/login", "alice").await;
        assert_eq!(outcome(&answer), "ok", "{on_limit:?}");
        assert_eq!(verdict(&mut first).await, "ok", "{on_limit:?}");
        assert_eq!(verdict(&mut second).await, "ok", "{on_limit:?}");
        assert_eq!(world.events.ends(), [EndReason::Superseded]);
    }
}

#[tokio::test]
async fn longest_idle_session_makes_room_by_policy() {
    let world = world(2, OnLimit::EndOldest);
    let mut first = login(&world, "alice").await.unwrap();
    world.clock.advance(minutes(1));
    let mut second = login(&world, "alice").await.unwrap();
    world.clock.advance(minutes(1));
    // The older session was used last.
    assert_eq!(first.get("/").await.status, 200);
    world.clock.advance(minutes(1));
    world.events.clear();
    let mut third = login(&world, "alice").await.unwrap();
    assert_eq!(
        world.events.kinds(),
        [EventKind::SessionExpired, EventKind::SessionCreated]
    );
    assert_eq!(world.events.ends(), [EndReason::Superseded]);
    assert_eq!(outcome(&second.get("/").await), "401 superseded");
    assert_eq!(verdict(&mut first).await, "ok");
    assert_eq!(verdict(&mut third).await, "ok");
}

#[tokio::test]
async fn limit_of_one_lets_each_login_replace_the_last() {
    let world = world(1, OnLimit::EndOldest);
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(login(&world, "alice").await.unwrap());
    }
    let mut live = Vec::new();
    for client in &mut clients {
        live.push(verdict(client).await);
    }
    let superseded = "401 superseded";
    assert_eq!(live, [superseded, superseded, superseded, "ok"]);
    assert_eq!(world.events.ends(), [EndReason::Superseded; 3]);
}

/// No session has started, so none may have ended for it.
#[tokio::test]
async fn refused_login_leaves_existing_session() {
    let world = world(2, OnLimit::RefuseNew);
    let mut first = login(&world, "alice").await.unwrap();
    let mut second = login(&world, "alice").await.unwrap();
    world.replace_policies(policies(1, OnLimit::RefuseNew));
    let answer = first.post("/login", "alice").await;
    assert_eq!(outcome(&answer), "409 too_many_sessions");
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(verdict(&mut second).await, "ok");
    assert_eq!(verdict(&mut first).await, "ok");
}

#[tokio::test]
async fn limit_applies_across_routers() {
    let world = world(1, OnLimit::RefuseNew);
    let other = session_timeout(&world.manager).without_reaper();
    let app = Router::new()
        .route("/login", axum::routing::post(crate::support::login))
        .layer(other);
    let _alice = signed_in(client(app), "alice").await;
    assert_eq!(
        login(&world, "alice").await.unwrap_err(),
        "409 too_many_sessions"
    );
}
