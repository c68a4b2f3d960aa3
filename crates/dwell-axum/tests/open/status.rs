//! `GET /session/events`: a status document whenever a deadline moves.

use std::time::Duration;

use axum::Router;
use dwell_axum::*;
use serde_json::Value;

use crate::support::{
    Events, FIRST_LOOK, GRAIN, World, ask, default_policy, pass, policies, signed_in,
};

fn fields(document: &Value) -> Vec<&str> {
    let fields = document.as_object().expect("an object");
    fields.keys().map(String::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn l14_first_event_is_status_document_at_once() {
    let world = World::new();
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    pass(minutes(4)).await;
    let began = world.now();
    let mut events = Events::open(&app, &alice, "/session/events").await;
    let first = events.next().await;
    assert_eq!(world.now(), began, "the first event was late");
    assert_eq!(first.name, "session-status");
    let document = first.json();
    let asked = alice.get("/session").await;
    let asked: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(document, asked, "differs from GET /session");
    assert_eq!(first.remaining_ms(), as_millis(minutes(11)));
    for field in ["state", "now", "deadline", "ends_by", "warn_ms"] {
        assert!(fields(&document).contains(&field), "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn n01_open_and_reopened_streams_extend_nothing() {
    let world = World::remote();
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    let began = world.now();
    let writes = world.store.writes();
    let mut held = Events::open(&app, &alice, "/session/events").await;
    held.next().await;
    for round in 1..90_u64 {
        pass(seconds(10)).await;
        let answer = ask(&app, &alice, "/session/events").await;
        assert_eq!(answer.status(), 200, "after {round} rounds");
        assert!(!answer.headers().contains_key("set-cookie"));
        let mut events = Events::new(answer.into_body());
        let left = Duration::from_millis(events.next().await.remaining_ms());
        let passed = world.now() - began;
        assert_eq!(left + passed, minutes(15), "after {round} rounds");
    }
    assert_eq!(world.idle(&alice), world.now() - began);
    pass(seconds(10)).await;
    assert_eq!(world.store.writes(), writes, "nothing was written");
    assert_eq!(
        alice.get("/poll").await.reason().as_deref(),
        Some("idle_timeout")
    );
    // The warning came in between.
    assert_eq!(held.next().await.name, "session-warning");
    assert_eq!(held.expired().await, "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn l14_activity_of_other_request_sent_at_once() {
    let world = World::new();
    let (mut alice, mut events) = Events::of_alice(&world).await;
    for (method, path, body) in [
        (http::Method::GET, "/", ""),
        (http::Method::POST, "/session/extend", ""),
        (http::Method::POST, "/session/activity", r#"{"idle_ms":0}"#),
    ] {
        pass(minutes(2)).await;
        let headers = [
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
        ];
        let answer = alice.send(method, path, &headers, body).await;
        assert_eq!(answer.status, 200, "{path}");
        let event = events.within(GRAIN).await;
        assert_eq!(event.name, "session-status", "{path}");
        assert_eq!(event.remaining_ms(), as_millis(minutes(15)), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_activity_after_opening_sent_at_first_check() {
    let world = World::new();
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    pass(minutes(2)).await;
    let mut events = Events::open(&app, &alice, "/session/events").await;
    events.next().await;
    alice.get("/").await;
    let event = events.within(FIRST_LOOK + GRAIN).await;
    assert_eq!(event.name, "session-status");
    assert!(event.remaining_ms() > as_millis(minutes(14)), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn l14_activity_in_shared_store_sent_when_recorded() {
    for world in [World::shared(), World::remote()] {
        let (mut alice, mut events) = Events::of_alice(&world).await;
        pass(minutes(2)).await;
        assert_eq!(alice.get("/").await.status, 200);
        // A touch waits up to a second to be batched, and a store without a
        // watch is polled once a second.
        let event = events.within(seconds(2) + GRAIN).await;
        assert_eq!(event.name, "session-status");
        assert!(event.remaining_ms() > as_millis(minutes(14)), "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_event_without_moved_deadline() {
    let world = World::new();
    let (mut alice, mut events) = Events::of_alice(&world).await;
    // Within the granularity of the login.
    pass(seconds(10)).await;
    alice.get("/").await;
    events.none_for(seconds(10)).await;
    // Passive.
    alice.get("/poll").await;
    events.none_for(seconds(10)).await;
    // Another subject's.
    let mut bob = signed_in(world.app(Router::new()), "bob").await;
    pass(seconds(30)).await;
    bob.get("/").await;
    events.none_for(minutes(10)).await;
}

#[tokio::test(start_paused = true)]
async fn n30_tightened_policy_sent_at_once() {
    let world = World::new();
    let (_alice, mut events) = Events::of_alice(&world).await;
    pass(minutes(2)).await;
    let tight = default_policy().idle(minutes(5));
    let tight = PolicySet::builder(tight).build().unwrap();
    world.manager.policies().replace(tight);
    let event = events.within(GRAIN).await;
    assert_eq!(event.name, "session-status");
    let left = event.remaining_ms();
    assert!(
        left <= as_millis(minutes(3)) && left > as_millis(seconds(179)),
        "{left}"
    );
    world.manager.policies().replace(policies());
    // The recorded deadline was never the stricter policy's.
    assert_eq!(events.within(GRAIN).await.name, "session-status");
}

#[tokio::test(start_paused = true)]
async fn every_stream_of_session_gets_events() {
    let world = World::new();
    let (mut alice, app) = world.alice_and_app(Router::new()).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut events = Events::open(&app, &alice, "/session/events").await;
        events.next().await;
        streams.push(events);
    }
    // One client has left.
    streams.pop();
    pass(minutes(1)).await;
    alice.get("/").await;
    for events in &mut streams {
        assert_eq!(events.within(GRAIN).await.name, "session-status");
    }
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    for events in &mut streams {
        assert_eq!(events.expired().await, "signed_out");
    }
}
