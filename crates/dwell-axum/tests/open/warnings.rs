//! `session-warning`: on time, once, and cancelled by activity.

use axum::Router;
use dwell_axum::*;
use tokio::time::timeout;

use crate::support::{Client, Event, Events, FIRST_LOOK, GRAIN, World, at, default_policy, pass};

/// The time left when the warning is due.
const WARN: std::time::Duration = minutes(1);

/// Asserts that an event is a warning and comes on time.
#[track_caller]
fn assert_warns(event: &Event, remaining: std::time::Duration) {
    assert_eq!(event.name, "session-warning", "{event:?}");
    let (left, at_most) = (event.remaining_ms(), as_millis(remaining));
    assert!(
        left <= at_most && left + as_millis(GRAIN) >= at_most,
        "{left} ms are left, {at_most} expected"
    );
}

#[tokio::test(start_paused = true)]
async fn l14_one_warning_when_due_then_end() {
    let world = World::new();
    let (alice, mut events) = Events::of_alice(&world).await;
    let deadline = world.record(&alice).facts.idle_deadline;
    let warning = events.next().await;
    assert_warns(&warning, WARN);
    assert_eq!(warning.json()["extendable"], true);
    events.none_for(deadline - world.now() - GRAIN).await;
    assert_eq!(events.expired().await, "idle_timeout");
    let late = world.now() - deadline;
    assert!(world.now() >= deadline && late <= GRAIN, "{late:?} late");
}

#[tokio::test(start_paused = true)]
async fn l14_activity_cancels_warning_and_next_one_is_on_time() {
    let world = World::new();
    let (mut alice, mut events) = Events::of_alice(&world).await;
    for _ in 0..3 {
        let warning = events.next().await;
        assert_warns(&warning, WARN);
        pass(seconds(20)).await;
        assert_eq!(alice.get("/").await.status, 200);
        let status = events.within(GRAIN).await;
        assert_eq!(status.name, "session-status");
        assert_eq!(status.remaining_ms(), as_millis(minutes(15)));
        events.none_for(minutes(14) - GRAIN).await;
    }
}

#[tokio::test(start_paused = true)]
async fn stream_opened_during_warning_begins_with_it() {
    let world = World::new();
    let (alice, app) = world.alice_and_app(Router::new()).await;
    pass(minutes(14) + seconds(30)).await;
    let mut events = Events::open(&app, &alice, "/session/events").await;
    assert_warns(&events.within(GRAIN).await, seconds(30));
    events.none_for(seconds(30) - GRAIN).await;
    assert_eq!(events.expired().await, "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn n17_absolute_deadline_warning_is_not_extendable() {
    let policy = default_policy().absolute(minutes(20));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let (mut alice, mut events) = Events::of_alice(&world).await;
    pass(minutes(10)).await;
    alice.get("/").await;
    let status = events.within(GRAIN).await;
    assert_eq!(status.json()["ends_by"], "absolute_timeout");
    let warning = events.next().await;
    assert_warns(&warning, WARN);
    assert_eq!(warning.json()["extendable"], false);
    // Activity does not move the nearest deadline, so no event is sent.
    pass(seconds(20)).await;
    assert_eq!(alice.get("/").await.status, 200);
    events.none_for(seconds(39)).await;
    assert_eq!(events.expired().await, "absolute_timeout");
}

/// Alice's stream on one node, in its warning, and another node.
async fn warned(world: &World, other: &World) -> (Client, Events) {
    let (alice, mut events) = Events::of_alice(world).await;
    let warning = events.next().await;
    assert_warns(&warning, WARN);
    let mut elsewhere = at(&alice, other.app(Router::new()));
    pass(seconds(5)).await;
    assert_eq!(elsewhere.get("/").await.status, 200);
    (elsewhere, events)
}

#[tokio::test(start_paused = true)]
async fn l14_activity_on_other_node_cancels_warning_in_half_of_rest() {
    let world = World::shared();
    let (_elsewhere, mut events) = warned(&world, &world.another()).await;
    // The warning came 5 seconds ago with a minute left. The store's watch does
    // not report touches.
    let status = events.within(seconds(25) + GRAIN).await;
    assert_eq!(status.name, "session-status", "{status:?}");
    assert!(status.remaining_ms() > as_millis(minutes(14)), "{status:?}");
    let next = timeout(minutes(15), events.next()).await;
    assert_warns(&next.unwrap(), WARN);
}

#[tokio::test(start_paused = true)]
async fn l14_late_activity_on_other_node_keeps_stream() {
    let world = World::shared();
    let (mut alice, mut events) = Events::of_alice(&world).await;
    let other = world.another();
    let mut elsewhere = at(&alice, other.app(Router::new()));
    assert_warns(&events.next().await, WARN);
    let deadline = world.record(&alice).facts.idle_deadline;
    pass(deadline - world.now() - seconds(2)).await;
    assert_eq!(elsewhere.get("/").await.status, 200);
    let status = events.within(seconds(2) + GRAIN).await;
    assert_eq!(status.name, "session-status", "{status:?}");
    events.none_for(FIRST_LOOK + minutes(10)).await;
    assert_eq!(alice.get("/").await.status, 200);
}
