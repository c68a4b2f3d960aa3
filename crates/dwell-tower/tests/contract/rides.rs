//! Touches that wait a moment, so that the next look-up of the same session
//! takes them along in one call.

use std::time::Duration;

use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{AdoptedSession, EndReason, EventKind, SessionKey, minutes, seconds};
use dwell_testkit::TestClient;
use dwell_tower::session::AdoptedSource;
use http::Method;

use crate::support::{RIDE, World, called, get, poll_once, stack, told};

const MS: Duration = Duration::from_millis(1);

/// Lets tokio's time pass, and whatever is due then happen.
async fn pass(time: Duration) {
    tokio::task::yield_now().await;
    tokio::time::advance(time).await;
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn two_requests_within_the_wait_cost_two_calls_and_one_request_alone_as_many() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    world.clock.advance(minutes(1));
    let first = world.now();
    assert_eq!(told(&client.get("/").await), "ok");
    assert_eq!((world.store.round_trips(), world.store.writes()), (1, 0));
    world.clock.advance(RIDE - MS);
    pass(RIDE - MS).await;
    assert_eq!(told(&client.get("/").await), "ok");
    assert_eq!((world.store.round_trips(), world.store.writes()), (2, 1));
    assert_eq!(world.last_active(&token), first);
    pass(RIDE * 2).await;
    assert_eq!(world.store.round_trips(), 2, "within the granularity");

    world.clock.advance(minutes(1));
    assert_eq!(told(&client.get("/").await), "ok");
    pass(RIDE - MS).await;
    assert_eq!(world.store.round_trips(), 3, "it waits");
    pass(MS).await;
    assert_eq!((world.store.round_trips(), world.store.writes()), (4, 2));
    assert_eq!(world.last_active(&token), world.now());
}

/// A burst that is active all the time costs one call per request.
#[tokio::test(start_paused = true)]
async fn an_active_request_costs_one_call_while_others_follow() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    for n in 1..=20 {
        world.clock.advance(minutes(1));
        assert_eq!(told(&client.get("/").await), "ok");
        assert_eq!(world.store.round_trips(), n);
        pass(RIDE / 2).await;
    }
    assert_eq!(world.store.writes(), 19);
}

#[tokio::test(start_paused = true)]
async fn l02_a_refused_answer_earns_no_touch_that_rides_along() {
    let world = World::new();
    let token = world.sign_in().await;
    let login = world.now();
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let refused = client.send(Method::GET, "/status/403", &[], "").await;
    assert_eq!(refused.status, 403);
    let passive = [("session-activity", "passive")];
    let passive = client.send(Method::GET, "/", &passive, "").await;
    assert_eq!(told(&passive), "ok");
    stack.flush().await;
    assert_eq!((world.store.round_trips(), world.store.writes()), (2, 0));
    assert_eq!(world.last_active(&token), login);
}

#[tokio::test(start_paused = true)]
async fn l05_of_touches_that_wait_the_latest_rides_along() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    let mut app = world.app_of(&stack);
    let mut held = Vec::new();
    for _ in 0..3 {
        world.clock.advance(minutes(1));
        let mut request = called(&mut app, get("/hold", &token)).await;
        assert!(poll_once(&mut request).await.is_pending());
        held.push(request);
    }
    let latest = world.now();
    world.probe.pause().release(held.len());
    // The first to come is the last to be answered.
    for mut request in held.into_iter().rev() {
        assert!(poll_once(&mut request).await.is_ready());
    }
    assert_eq!((world.store.round_trips(), world.store.writes()), (3, 0));
    assert_eq!(told(&client.get("/").await), "ok");
    assert_eq!((world.store.round_trips(), world.store.writes()), (4, 1));
    assert_eq!(world.last_active(&token), latest);
}

#[tokio::test(start_paused = true)]
async fn l05_near_the_idle_deadline_a_touch_does_not_wait() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    // Ten seconds are left, and at the second request a millisecond less.
    for (left, writes) in [(seconds(10), 0), (seconds(10) - MS, 2)] {
        world.clock.advance(minutes(15) - left);
        assert_eq!(told(&client.get("/").await), "ok");
        tokio::task::yield_now().await;
        assert_eq!(world.store.writes(), writes, "{left:?} left");
        stack.flush().await;
        assert_eq!(world.last_active(&token), world.now());
    }
}

/// What counts is the time that is left when the answer is there.
#[tokio::test(start_paused = true)]
async fn l05_a_stricter_policy_in_force_leaves_less_time_to_wait() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    world.clock.advance(minutes(5) - seconds(9));
    let stricter = dwell_core::PolicySet::simple(dwell_core::Timeouts {
        idle: minutes(5),
        absolute: minutes(60),
    })
    .unwrap();
    world.remote.policies().replace(stricter);
    assert_eq!(told(&client.get("/").await), "ok");
    tokio::task::yield_now().await;
    assert_eq!(world.store.writes(), 1);
    assert_eq!(world.last_active(&token), world.now());
}

#[tokio::test(start_paused = true)]
async fn l08_a_look_up_that_fails_loses_the_touch_that_it_takes_along() {
    let world = World::new();
    let token = world.sign_in().await;
    let login = world.now();
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(told(&client.get("/").await), "ok");
    world.store.fail();
    let failed = client.get("/").await;
    assert_eq!(failed.reason().as_deref(), Some("store_unavailable"));
    assert_eq!(world.store.round_trips(), 2);
    let events = [EventKind::TouchLost, EventKind::StoreUnavailable];
    assert_eq!(world.events.kinds()[1..], events);
    world.store.heal();
    stack.flush().await;
    assert_eq!(
        (world.store.round_trips(), world.last_active(&token)),
        (2, login)
    );
    assert_eq!(told(&client.get("/").await), "ok");
}

#[tokio::test(start_paused = true)]
async fn l05_a_look_up_that_is_given_up_puts_its_touch_back() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let active = world.now();
    assert_eq!(told(&client.get("/").await), "ok");
    world.store.hang();
    let mut request = called(&mut world.app_of(&stack), get("/", &token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    assert_eq!((world.store.round_trips(), world.store.writes()), (2, 1));
    drop(request);
    world.store.heal();
    pass(RIDE).await;
    assert_eq!((world.store.round_trips(), world.store.writes()), (3, 2));
    assert_eq!(world.last_active(&token), active);
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_a_look_up_that_has_taken_a_touch_along() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(told(&client.get("/").await), "ok");
    world.store.delay(seconds(1));
    let mut request = called(&mut world.app_of(&stack), get("/", &token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    let mut flush = Box::pin(stack.flush());
    assert!(poll_once(&mut flush).await.is_pending());
    // Given up, its touch is sent by itself, since somebody flushes.
    drop(request);
    world.store.heal();
    let flushed = tokio::time::timeout(RIDE / 2, flush).await;
    flushed.expect("nothing waits for another look-up");
    assert_eq!(world.last_active(&token), world.now());
    assert_eq!(world.store.writes(), 2);
}

/// What is earned while a touch is on its way, from a look-up that did not see
/// it yet, is within the granularity of it.
#[tokio::test(start_paused = true)]
async fn a_touch_on_its_way_stands_for_what_is_earned_meanwhile() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    world.clock.advance(minutes(1));
    let first = world.now();
    assert_eq!(told(&client.get("/").await), "ok");
    world.store.delay(seconds(1));
    pass(RIDE).await;
    assert_eq!(world.store.writes(), 1, "on its way");
    world.store.heal();
    world.clock.advance(MS);
    assert_eq!(told(&client.get("/").await), "ok");
    pass(RIDE * 3).await;
    pass(RIDE * 3).await;
    assert_eq!(world.store.writes(), 1, "one for each granularity");
    assert_eq!(world.last_active(&token), first);

    world.clock.advance(minutes(1));
    assert_eq!(told(&client.get("/").await), "ok");
    pass(RIDE).await;
    assert_eq!(world.store.writes(), 2, "and another for the next one");
}

#[tokio::test(start_paused = true)]
async fn a_panic_during_a_look_up_loses_the_touch_that_it_takes_along() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(told(&client.get("/").await), "ok");
    world.store.panic();
    let mut panicking = client.clone();
    let request = tokio::spawn(async move { panicking.get("/").await });
    assert!(request.await.unwrap_err().is_panic());
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
    world.store.heal();
    stack.flush().await;
    assert_eq!(world.store.writes(), 1, "it does not come back");
    assert_eq!(told(&client.get("/").await), "ok");
}

#[tokio::test(start_paused = true)]
async fn l04_a_touch_that_waits_revives_no_session_that_ended_meanwhile() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(told(&client.get("/").await), "ok");
    let ended = world.local.end_session(token.key(), EndReason::Revoked);
    assert!(ended.await.unwrap());
    assert_eq!(told(&client.get("/").await), "revoked");
    stack.flush().await;
    assert_eq!(world.end_reason(&token), Some(EndReason::Revoked));
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_sessions_touch_rides_along_as_well() {
    let world = World::new();
    let source = AdoptedSource::new(|_, _| Some(AdoptedSession::new("theirs", "alice")));
    let stack = stack(&world.remote).with_source(source);
    let mut client = TestClient::new(world.app_of(&stack));
    assert_eq!(told(&client.get("/").await), "ok");
    world.clock.advance(minutes(1));
    let before = world.store.round_trips();
    for n in 1..=2 {
        assert_eq!(told(&client.get("/").await), "ok");
        assert_eq!(world.store.round_trips(), before + n);
    }
    let loaded = world.memory.load(SessionKey::adopted(b"theirs")).await;
    let Ok(Lookup::Found(record)) = loaded.map(|loaded| loaded.state) else {
        panic!("the session was adopted");
    };
    assert_eq!(record.facts.last_active_at, world.now());
}
