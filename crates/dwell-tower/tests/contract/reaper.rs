//! Ends are reported in time without a request.

use std::time::Duration;

use dwell_core::{EndReason, EventKind, minutes, seconds};
use dwell_testkit::TestClient;
use dwell_tower::{Reaper, SessionTimeoutLayer};
use tokio::runtime::Handle;

use crate::support::{World, stack};

/// The interval of the stack's reaper. Timers count in milliseconds.
const INTERVAL: Duration = Duration::from_millis(1_001);

/// Long enough for many passes.
const LONG: Duration = seconds(60);

const EXPIRED: EventKind = EventKind::SessionExpired;

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn l12_end_is_reported_within_one_interval_without_requests() {
    let mut world = World::new();
    for (name, manager) in world.managers() {
        let stack = SessionTimeoutLayer::new(&manager);
        let token = world.sign_in().await;
        world.client(&stack, &token).get("/").await;
        world.clock.advance(minutes(15) - Duration::from_millis(1));
        assert!(
            !world.hears_within(EXPIRED, LONG).await,
            "{name}: too early"
        );
        world.clock.advance(Duration::from_millis(1));
        assert!(
            world.hears_within(EXPIRED, INTERVAL).await,
            "{name}: too late"
        );
        assert!(!world.hears_within(EXPIRED, LONG).await, "{name}: twice");
        assert_eq!(world.end_reason(&token), Some(EndReason::IdleTimeout));
    }
}

#[tokio::test(start_paused = true)]
async fn n22_reaper_starts_with_layer_and_only_once() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let stack = SessionTimeoutLayer::new(&manager);
        let before = tasks();
        let apps = [
            world.app_of(&stack),
            world.app_of(&stack),
            world.app_of(&stack.clone()),
        ];
        // Sessions that ran out before the start are reported without a request.
        assert_eq!(tasks(), before + 1, "{name}");
        for app in &apps {
            TestClient::new(app.clone()).get("/").await;
            TestClient::new(app.clone()).get("/").await;
        }
        assert_eq!(tasks(), before + 1, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_reaper_starts_none() {
    let mut world = World::new();
    for (name, manager) in world.managers() {
        let stack = stack(&manager);
        let token = world.sign_in().await;
        world.client(&stack, &token).get("/").await;
        assert_eq!(tasks(), 0, "{name}");
        world.clock.advance(minutes(15));
        assert!(!world.hears_within(EXPIRED, LONG).await, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn reaper_stops_with_last_service_and_layer() {
    let mut world = World::new();
    for (name, manager) in world.managers() {
        let stack = SessionTimeoutLayer::new(&manager);
        let token = world.sign_in().await;
        let mut client = world.client(&stack, &token);
        client.get("/").await;
        drop(stack);
        world.clock.advance(minutes(15));
        assert!(
            world.hears_within(EXPIRED, INTERVAL).await,
            "{name}: a service is left"
        );
        drop(client);
        world.sign_in().await;
        world.clock.advance(minutes(15));
        assert!(
            !world.hears_within(EXPIRED, LONG).await,
            "{name}: nothing is left"
        );
        assert_eq!(tasks(), 0, "{name}");
        world.reap().await;
        assert!(world.hears_within(EXPIRED, INTERVAL).await);
    }
}

#[tokio::test(start_paused = true)]
async fn n22_nodes_started_together_do_not_reap_together() {
    const NODES: usize = 64;
    let interval = seconds(60);
    let mut early = 0;
    for _ in 0..NODES {
        let mut world = World::new();
        world.sign_in().await;
        world.clock.advance(minutes(15));
        let reaper = Reaper::new(world.local.clone()).with_interval(interval);
        let running = tokio::spawn(reaper.run());
        let half = world.hears_within(EXPIRED, interval / 2).await;
        let whole = half
            || world
                .hears_within(EXPIRED, interval / 2 + INTERVAL / 1_000)
                .await;
        assert!(whole, "the first pass comes within the interval");
        early += usize::from(half);
        running.abort();
    }
    assert!((1..NODES).contains(&early), "{early} of {NODES}");
}

#[tokio::test(start_paused = true)]
async fn n22_passes_are_bounded_and_repeat_while_more_is_due() {
    let mut world = World::new();
    for _ in 0..35 {
        world.sign_in().await;
    }
    world.clock.advance(minutes(15));
    assert!(world.local.reap(10).await.unwrap());
    let first = world.events.count(EXPIRED);
    assert!((1..=10).contains(&first), "{first}");
    let reaper = Reaper::new(world.local.clone()).with_batch(10);
    let running = tokio::spawn(reaper.run());
    let all = async {
        for _ in 0..35 {
            world.hear(EXPIRED).await;
        }
    };
    let all = tokio::time::timeout(INTERVAL, all).await;
    all.expect("passes follow each other at once");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 35]);
    running.abort();
}
