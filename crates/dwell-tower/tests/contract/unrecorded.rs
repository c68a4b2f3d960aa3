//! Touches that the store fails to record while it answers look-ups: they are kept
//! and tried again, and cost nobody the session (law L5).

use std::time::Duration;

use dwell_core::{EventKind, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;

use crate::support::{Client, RIDE, World, outcome, stack};

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

#[tokio::test(start_paused = true)]
async fn n58_touch_is_recorded_once_store_takes_writes_again() {
    let world = World::new();
    let (_stack, mut client) = alice(&world).await;
    pass(&world, minutes(14)).await;
    world.store.fail_writes();
    assert_eq!(outcome(&client.get("/").await), "ok");
    let active = world.now();
    pass(&world, seconds(30)).await;
    world.store.heal();
    pass(&world, PAUSE).await;
    assert_eq!(world.last_active(&client), active);
    pass(&world, minutes(10)).await;
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
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
    pass(&world, minutes(14)).await;
    world.store.fail_writes();
    assert_eq!(outcome(&client.get("/").await), "ok");
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
