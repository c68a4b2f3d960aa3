//! Requests in flight at the deadline.

use std::time::Duration;

use dwell_core::{EndReason, EventKind, SessionManager, hours, minutes, seconds};
use dwell_testkit::TestResponse;

use crate::support::{World, outcome, stack};

/// A millisecond.
const MS: Duration = Duration::from_millis(1);

/// A request that arrives this long after the login.
async fn after(world: &World, manager: &SessionManager, pause: Duration) -> TestResponse {
    let token = world.sign_in().await;
    world.clock.advance(pause);
    world.client(&stack(manager), &token).get("/").await
}

#[tokio::test]
async fn n40_admitted_request_finishes_and_next_is_refused() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (stack, token) = (stack(&manager), world.sign_in().await);
        let mut client = world.client(&stack, &token);
        let login = world.now();
        world.clock.advance(minutes(15) - MS);
        let upload = world.hold(&client).await;
        world.clock.advance(seconds(1));
        let answer = world.finish(upload).await;
        assert_eq!(outcome(&answer), "ok", "{name}");
        assert_eq!(answer.header("set-cookie"), None);
        stack.flush().await;
        assert_eq!(world.last_active(&token), login, "{name}: revived");
        let calls = world.probe.calls();
        assert_eq!(outcome(&client.get("/").await), "idle_timeout", "{name}");
        assert_eq!(world.probe.calls(), calls);
    }
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 2]);
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
}

#[tokio::test]
async fn n40_session_ending_meanwhile_ends_no_request() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (stack, token) = (stack(&manager), world.sign_in().await);
        let mut client = world.client(&stack, &token);
        world.clock.advance(minutes(14));
        let upload = world.hold(&client).await;
        world.clock.advance(minutes(1));
        world.reap().await;
        let answer = world.finish(upload).await;
        assert_eq!(outcome(&answer), "ok", "{name}");
        assert_eq!(answer.header("set-cookie"), None);
        stack.flush().await;
        assert_eq!(
            world.end_reason(&token),
            Some(EndReason::IdleTimeout),
            "{name}"
        );
        assert_eq!(outcome(&client.get("/").await), "idle_timeout", "{name}");
    }
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 2]);
}

#[tokio::test]
async fn n40_absolute_deadline_is_no_different() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (stack, token) = (stack(&manager), world.sign_in().await);
        let mut client = world.client(&stack, &token);
        let end = world.now() + hours(8);
        while world.now() < end - minutes(10) {
            world.clock.advance(minutes(10));
            assert_eq!(outcome(&client.get("/").await), "ok", "{name}");
            stack.flush().await;
        }
        world.clock.set(end - MS);
        let upload = world.hold(&client).await;
        world.clock.set(end);
        assert_eq!(outcome(&world.finish(upload).await), "ok", "{name}");
        assert_eq!(
            outcome(&client.get("/").await),
            "absolute_timeout",
            "{name}"
        );
    }
    assert_eq!(world.events.ends(), [EndReason::AbsoluteTimeout; 2]);
}

#[tokio::test]
async fn n40_request_exactly_at_deadline_gets_clean_refusal() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let answer = after(&world, &manager, minutes(15)).await;
        assert_eq!(outcome(&answer), "idle_timeout", "{name}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("idle_timeout")
        );
        assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"));
        assert_eq!(answer.header("session-timeout"), None);
    }
    assert_eq!(world.probe.calls(), 0);
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 2]);
}

#[tokio::test]
async fn n11_deadline_is_first_instant_that_is_too_late() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let pauses = [minutes(15) - MS, minutes(15), minutes(15) + MS];
        let expected = ["ok", "idle_timeout", "idle_timeout"];
        for (pause, expected) in pauses.into_iter().zip(expected) {
            let answer = after(&world, &manager, pause).await;
            assert_eq!(outcome(&answer), expected, "{name}, {pause:?}");
        }
    }
}
