//! `/session/events?policy=admin`: an area's deadline as it moves.

use axum::Router;
use dwell_axum::*;

use crate::support::{Events, GRAIN, World, default_policy, pass};

fn with_admin() -> PolicySet {
    let admin = Policy::named("admin").idle(minutes(5)).absolute(hours(1));
    let policies = PolicySet::builder(default_policy()).policy(admin);
    policies.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn n55_events_tell_each_move_of_area() {
    let world = World::with(with_admin());
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    let mut events = Events::open(&app, &alice, "/session/events?policy=admin").await;
    let first = events.within(GRAIN).await;
    assert_eq!(first.json()["area"]["remaining_ms"], 300_000);
    pass(minutes(4)).await;
    alice.get("/").await;
    let moved = events.within(GRAIN).await;
    assert_eq!(moved.name, "session-status");
    assert_eq!(moved.json()["area"]["remaining_ms"], 300_000);
    // The area closes in silence: its countdown is the page's.
    events.none_for(minutes(6)).await;
    alice.get("/").await;
    let closed = events.within(GRAIN).await;
    assert_eq!(closed.json()["area"]["remaining_ms"], 0);
    assert_eq!(closed.json()["area"]["extendable"], false);
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    let open_again = events.within(GRAIN).await;
    assert_eq!(open_again.json()["area"]["remaining_ms"], 300_000);
    assert_eq!(events.next().await.name, "session-warning");
    assert_eq!(events.expired().await, "idle_timeout");
}
