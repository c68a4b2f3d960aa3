//! Touches that the store fails to record while it answers look-ups: they are kept
//! and tried again, and cost nobody the session (law L5).

use std::time::Duration;

use dwell_core::{EndReason, EventKind, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;

use crate::support::{Client, RIDE, World, called, get, outcome, poll_once, stack};

/// The longest pause between two tries.
const PAUSE: Duration = seconds(2);

/// A stack over a store that has to be waited for, and a client of a session in it.
async fn alice(world: &World) -> (SessionTimeoutLayer, Client) {
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let client = world.client(&stack, &token);
    (stack, client)
}

/// Lets time pass on both clocks, and what is due run.
async fn pass(world: &World, time: Duration) {
    let mut left = time;
    tokio::task::yield_now().await;
    while left > Duration::ZERO {
        let step = left.min(seconds(1));
        world.clock.advance(step);
        tokio::time::advance(step).await;
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        left -= step;
    }
}

/// Clicks a minute before the recorded deadline, while the store takes no writes.
async fn click_unrecorded(world: &World, client: &mut Client) {
    pass(world, minutes(14)).await;
    world.store.fail_writes();
    assert_eq!(outcome(&client.get("/").await), "ok");
}

#[tokio::test(start_paused = true)]
async fn n58_touch_is_recorded_once_store_takes_writes_again() {
    let world = World::new();
    let (_stack, mut client) = alice(&world).await;
    click_unrecorded(&world, &mut client).await;
    let active = world.now();
    pass(&world, seconds(30)).await;
    world.store.heal();
    pass(&world, PAUSE).await;
    assert_eq!(world.last_active(&client), active);
    pass(&world, minutes(10)).await;
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
}

// The outage of writes lasts longer than the session has on record.
#[tokio::test(start_paused = true)]
async fn n58_touch_in_time_counts_after_recorded_deadline() {
    let world = World::new();
    let (_stack, mut client) = alice(&world).await;
    click_unrecorded(&world, &mut client).await;
    let active = world.now();
    pass(&world, minutes(5)).await;
    assert_eq!(client.get("/").await.status, 503);
    world.store.heal();
    pass(&world, PAUSE).await;
    assert_eq!(world.last_active(&client), active);
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
    assert_eq!(world.events.ends(), []);
}

// Its first pass after the outage comes before the next try of the touch.
#[tokio::test(start_paused = true)]
async fn n58_reaper_lets_failed_touches_go_first() {
    for phase in 0..8 {
        let world = World::new();
        let token = world.sign_in().await;
        let stack = SessionTimeoutLayer::new(&world.remote);
        let mut client = world.client(&stack, &token);
        click_unrecorded(&world, &mut client).await;
        pass(&world, minutes(5) + Duration::from_millis(250) * phase).await;
        world.store.heal();
        for _ in 0..12 {
            pass(&world, Duration::from_millis(250)).await;
        }
        assert_eq!(world.events.ends(), [], "{phase}");
        assert_eq!(outcome(&client.get("/").await), "ok", "{phase}");
        pass(&world, minutes(16)).await;
        assert_eq!(
            world.events.ends(),
            [EndReason::IdleTimeout],
            "there is a reaper"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn l05_look_ups_go_on_while_touch_waits() {
    let world = World::new();
    let (_stack, mut client) = alice(&world).await;
    pass(&world, minutes(1)).await;
    world.store.fail_writes();
    for _ in 0..20 {
        assert_eq!(outcome(&client.get("/").await), "ok");
        pass(&world, seconds(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn l05_missing_touch_is_503_and_not_401() {
    let world = World::new();
    let (_stack, mut client) = alice(&world).await;
    click_unrecorded(&world, &mut client).await;
    pass(&world, minutes(1)).await;
    let answer = client.get("/").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("set-cookie"), None);
    assert!(answer.header("retry-after").is_some());
    // From its own deadline on, the touch is of no use.
    pass(&world, minutes(14)).await;
    assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    pass(&world, PAUSE + RIDE).await;
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
}

#[tokio::test(start_paused = true)]
async fn l05_flush_gives_failing_touch_one_more_try() {
    let world = World::new();
    let (stack, mut client) = alice(&world).await;
    pass(&world, minutes(1)).await;
    world.store.fail_writes();
    assert_eq!(outcome(&client.get("/").await), "ok");
    pass(&world, seconds(5)).await;
    let flush = tokio::time::timeout(seconds(5), stack.flush());
    flush.await.expect("a server can stop");
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
}

#[tokio::test(start_paused = true)]
async fn n57_long_request_counts_from_its_arrival() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (stack, token) = (stack(&manager), world.sign_in().await);
        let mut client = world.client(&stack, &token);
        pass(&world, minutes(10)).await;
        let arrival = world.now();
        let slow = world.hold(&client).await;
        pass(&world, minutes(5) - seconds(2)).await;
        assert!(world.last_active(&token) < arrival, "{name}: not too early");
        pass(&world, seconds(62)).await;
        assert_eq!(world.last_active(&token), arrival, "{name}");
        assert_eq!(outcome(&world.finish(slow).await), "ok", "{name}");
        assert_eq!(outcome(&client.get("/").await), "ok", "{name}");
    }
    assert_eq!(world.events.ends(), []);
}

#[tokio::test(start_paused = true)]
async fn n57_long_poll_keeps_nobody_signed_in() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    let before = world.record(&token);
    pass(&world, minutes(10)).await;
    let mut poll = get("/hold", &token);
    let passive = "passive".parse().unwrap();
    poll.headers_mut().insert("session-activity", passive);
    let mut poll = called(&mut world.app_of(&stack), poll).await;
    assert!(poll_once(&mut poll).await.is_pending());
    pass(&world, minutes(5)).await;
    assert!(poll_once(&mut poll).await.is_pending());
    assert_eq!(outcome(&client.get("/").await), "idle_timeout");
    assert_eq!(world.store.writes(), 1, "the end");
    assert!(before.facts.last_active_at < world.now());
}

#[tokio::test(start_paused = true)]
async fn l08_store_that_hangs_is_waited_for_once() {
    let world = World::new();
    let (_stack, mut client) = alice(&world).await;
    pass(&world, minutes(1)).await;
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.store.hang();
    // Once with the touch, and not again without it.
    let answer = tokio::time::timeout(seconds(3), client.get("/")).await;
    assert_eq!(answer.expect("an answer in time").status, 503);
}
