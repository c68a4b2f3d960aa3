//! The reaper outlives faults of its store and its observers.

use std::time::Duration;

use dwell_core::{EndReason, EndedSession, Event, EventKind, SessionManager, minutes, seconds};
use dwell_testkit::{FaultyStore, TestClient};
use dwell_tower::{Reaper, SessionTimeoutLayer};

use crate::support::World;

/// Makes a store fail.
type Strike = fn(&FaultyStore);

/// A fault, and how long after its end the reaper may still be busy with it.
const FAULTS: [(&str, Strike, Duration); 4] = [
    ("fails", FaultyStore::fail, seconds(0)),
    ("panics", FaultyStore::panic, seconds(0)),
    ("hangs", FaultyStore::hang, seconds(2)),
    ("is slow", |store| store.delay(seconds(3)), seconds(2)),
];

/// An interval of the stack's own reaper; timers count in milliseconds.
const INTERVAL: Duration = Duration::from_millis(1_001);

const EXPIRED: EventKind = EventKind::SessionExpired;

#[tokio::test(start_paused = true)]
async fn n51_reaper_survives_store_faults() {
    for (fault, strike, busy) in FAULTS {
        let mut world = World::new();
        let stack = SessionTimeoutLayer::new(&world.remote);
        TestClient::new(world.app_of(&stack)).get("/").await;
        for _ in 0..2 {
            world.sign_in().await;
            world.clock.advance(minutes(15));
            strike(&world.store);
            assert!(!world.hears_within(EXPIRED, seconds(30)).await, "{fault}");
            world.store.heal();
            assert!(
                world.hears_within(EXPIRED, busy + INTERVAL).await,
                "{fault}"
            );
        }
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 2], "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn n51_reaper_run_elsewhere_survives_errors_and_panics() {
    for (fault, strike, _) in FAULTS.into_iter().take(2) {
        let mut world = World::new();
        let reaper = Reaper::new(world.remote.clone()).with_interval(seconds(5));
        let running = tokio::spawn(reaper.run());
        world.sign_in().await;
        world.clock.advance(minutes(15));
        strike(&world.store);
        assert!(!world.hears_within(EXPIRED, seconds(60)).await, "{fault}");
        world.store.heal();
        assert!(
            world.hears_within(EXPIRED, seconds(5) + INTERVAL).await,
            "{fault}"
        );
        running.abort();
    }
}

/// A panicking observer keeps no event from others.
#[tokio::test(start_paused = true)]
async fn l12_panicking_witness_is_not_the_only_one() {
    let mut world = World::new();
    let events = world.events.clone();
    let policies = world.local.policies().clone();
    let manager = SessionManager::builder(world.store.clone(), policies)
        .observer(|_: &Event| panic!("told to panic"))
        .observer(events)
        .on_end(|_: &EndedSession| panic!("told to panic"))
        .build();
    for _ in 0..3 {
        world.sign_in().await;
    }
    world.events.clear();
    world.clock.advance(minutes(15));
    let running = tokio::spawn(Reaper::new(manager).run());
    assert!(
        !world.hears_within(EXPIRED, seconds(5)).await,
        "this manager has other observers"
    );
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 3]);
    running.abort();
}
