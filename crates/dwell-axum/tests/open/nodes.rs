//! Two nodes over one store: an end on one closes open connections on the other.

use std::time::Duration;

use axum::Router;
use dwell_axum::*;

use crate::support::{Events, GRAIN, World, at, pass, policies, signed_in};

#[tokio::test(start_paused = true)]
async fn n38_end_on_other_node_ends_stream_within_second() {
    let world = World::shared();
    let other = world.another();
    let (alice, mut events) = Events::of_alice(&world).await;
    let mut elsewhere = at(&alice, other.app(Router::new()));
    pass(minutes(2)).await;
    let ended = world.now();
    assert_eq!(elsewhere.post("/session/end", "").await.status, 204);
    assert_eq!(events.expired().await, "signed_out");
    assert!(world.now() - ended <= seconds(1), "a watched store");

    let (_alice, mut events) = Events::of_alice(&world).await;
    pass(minutes(2)).await;
    let ended = world.now();
    other.revoke().await;
    assert_eq!(events.expired().await, "revoked");
    assert!(
        world.now() - ended <= seconds(1),
        "ended by an administrator"
    );
}

#[tokio::test(start_paused = true)]
async fn n38_end_on_other_node_seen_without_watch() {
    let world = World::remote();
    let other = world.another();
    let (alice, mut events) = Events::of_alice(&world).await;
    let mut elsewhere = at(&alice, other.app(Router::new()));
    for _ in 0..10 {
        pass(seconds(77)).await;
        elsewhere.get("/").await;
        assert_eq!(
            events.within(seconds(2) + GRAIN).await.name,
            "session-status"
        );
    }
    let ended = world.now();
    elsewhere.post("/session/end", "").await;
    assert_eq!(events.expired().await, "signed_out");
    assert!(world.now() - ended <= seconds(1) + GRAIN);
}

#[tokio::test(start_paused = true)]
async fn n39_end_on_other_node_right_after_opening_not_missed() {
    for after in [0, 1, 100, 249, 250, 251, 300, 600] {
        let world = World::shared();
        let other = world.another();
        let (alice, app) = world.alice_and_app(Router::new()).await;
        let mut elsewhere = at(&alice, other.app(Router::new()));
        let mut events = Events::open(&app, &alice, "/session/events").await;
        events.next().await;
        events.none_for(Duration::from_millis(after)).await;
        let ended = world.now();
        elsewhere.post("/session/end", "").await;
        assert_eq!(events.expired().await, "signed_out");
        assert!(world.now() - ended <= seconds(1), "after {after} ms");
    }
}

/// A near-cache copy is out of date after a change, so a lifeline that was
/// notified reads the store itself.
#[tokio::test(start_paused = true)]
async fn n39_near_cache_copy_hides_no_end() {
    let world = World::shared();
    let store = world.shared.clone();
    let store = store.with_late_copies(Duration::from_millis(40));
    let cache = NearCache::new(store).with_clock(world.clock.clone());
    let manager = SessionManager::builder(cache, policies()).build();
    let stack = session_timeout(&manager).without_reaper();
    let app = crate::support::App::new(
        Router::new()
            .merge(session_endpoints())
            .layer(stack)
            .with_state(()),
    );
    let alice = signed_in(world.app(Router::new()), "alice").await;
    let mut near = at(&alice, app.clone());
    let mut elsewhere = at(&alice, world.app(Router::new()));
    let mut events = Events::open(&app, &alice, "/session/events").await;
    events.next().await;
    pass(minutes(1)).await;
    // The copy exists now, and answers.
    for _ in 0..5 {
        assert_eq!(near.get("/session").await.status, 200);
        pass(GRAIN).await;
    }
    let reads = world.store.reads();
    assert_eq!(near.get("/session").await.status, 200);
    assert_eq!(world.store.reads(), reads, "the copy answers");
    let ended = world.now();
    elsewhere.post("/session/end", "").await;
    assert_eq!(events.expired().await, "signed_out");
    assert!(world.now() - ended <= seconds(1));
}
