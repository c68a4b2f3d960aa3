//! `session-warning`: at its moment, once, and taken back.

use axum::Router;
use dwell_axum::*;
use tokio::time::timeout;

use crate::support::{Client, Event, Events, FIRST_LOOK, GRAIN, World, at, default_policy, pass};

/// What is left when it is warned.
const WARN: std::time::Duration = minutes(1);

/// Asserts that an event warns at its moment.
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
async fn l14_it_warns_once_at_its_moment_and_then_comes_the_end() {
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
async fn l14_activity_takes_the_warning_back_and_the_next_one_comes_in_its_time() {
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
async fn a_stream_that_is_opened_during_the_warning_begins_with_it() {
    let world = World::new();
    let (alice, app) = world.alice_and_app(Router::new()).await;
    pass(minutes(14) + seconds(30)).await;
    let mut events = Events::open(&app, &alice, "/session/events").await;
    assert_warns(&events.within(GRAIN).await, seconds(30));
    events.none_for(seconds(30) - GRAIN).await;
    assert_eq!(events.expired().await, "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn n17_it_warns_of_the_absolute_deadline_too_and_says_that_nothing_helps() {
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
    // Activity moves nothing that counts, and there is nothing to tell.
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
async fn l14_activity_on_another_node_takes_the_warning_back_by_half_of_what_was_left() {
    let world = World::shared();
    let (_elsewhere, mut events) = warned(&world, &world.another()).await;
    // It was warned with a minute left, 5 seconds ago; the store does not tell
    // of touches.
    let status = events.within(seconds(25) + GRAIN).await;
    assert_eq!(status.name, "session-status", "{status:?}");
    assert!(status.remaining_ms() > as_millis(minutes(14)), "{status:?}");
    let next = timeout(minutes(15), events.next()).await;
    assert_warns(&next.unwrap(), WARN);
}

#[tokio::test(start_paused = true)]
async fn l14_activity_on_another_node_at_the_last_moment_keeps_the_stream() {
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
