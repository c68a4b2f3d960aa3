//! How many sessions a subject may have at a time.

use axum::Router;
use dwell_axum::*;

use crate::support::{Client, World, client, set_cookies, signed_in, told, verdict};

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
        false => Err(told(&answer)),
    }
}

#[tokio::test]
async fn one_session_too_many_is_refused_where_the_policy_says_so() {
    let world = world(2, OnLimit::RefuseNew);
    let mut first = login(&world, "alice").await.unwrap();
    let mut second = login(&world, "alice").await.unwrap();
    world.events.clear();
    let answer = world.client(Router::new()).post("/login", "alice").await;
    assert_eq!(told(&answer), "409 too_many_sessions");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(world.events.kinds(), []);
    assert_eq!(verdict(&mut first).await, "ok");
    assert_eq!(verdict(&mut second).await, "ok");
    // Everybody has a limit of their own.
    assert!(login(&world, "bob").await.is_ok());
    // One that has ended makes room, and so does one that has run out.
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
async fn a_client_that_signs_in_again_takes_its_own_place() {
    for on_limit in [OnLimit::RefuseNew, OnLimit::EndOldest] {
        let world = world(2, on_limit);
        let mut first = login(&world, "alice").await.unwrap();
        let mut second = login(&world, "alice").await.unwrap();
        let answer = second.post("/login", "alice").await;
        assert_eq!(told(&answer), "ok", "{on_limit:?}");
        assert_eq!(verdict(&mut first).await, "ok", "{on_limit:?}");
        assert_eq!(verdict(&mut second).await, "ok", "{on_limit:?}");
        assert_eq!(world.events.ends(), [EndReason::Superseded]);
    }
}

#[tokio::test]
async fn the_session_whose_last_activity_is_oldest_gives_way_where_the_policy_says_so() {
    let world = world(2, OnLimit::EndOldest);
    let mut first = login(&world, "alice").await.unwrap();
    world.clock.advance(minutes(1));
    let mut second = login(&world, "alice").await.unwrap();
    world.clock.advance(minutes(1));
    // The older session is the one in use.
    assert_eq!(first.get("/").await.status, 200);
    world.clock.advance(minutes(1));
    world.events.clear();
    let mut third = login(&world, "alice").await.unwrap();
    assert_eq!(
        world.events.kinds(),
        [EventKind::SessionExpired, EventKind::SessionCreated]
    );
    assert_eq!(world.events.ends(), [EndReason::Superseded]);
    assert_eq!(told(&second.get("/").await), "401 superseded");
    assert_eq!(verdict(&mut first).await, "ok");
    assert_eq!(verdict(&mut third).await, "ok");
}

#[tokio::test]
async fn with_one_session_each_login_takes_the_place_of_the_last() {
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

/// Nothing has started, so nothing may have ended for it.
#[tokio::test]
async fn a_refused_login_leaves_the_session_that_is_there() {
    let world = world(2, OnLimit::RefuseNew);
    let mut first = login(&world, "alice").await.unwrap();
    let mut second = login(&world, "alice").await.unwrap();
    world.replace_policies(policies(1, OnLimit::RefuseNew));
    let answer = first.post("/login", "alice").await;
    assert_eq!(told(&answer), "409 too_many_sessions");
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(verdict(&mut second).await, "ok");
    assert_eq!(verdict(&mut first).await, "ok");
}

#[tokio::test]
async fn a_limit_holds_for_clients_of_every_router_of_the_service() {
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
