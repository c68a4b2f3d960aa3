//! Waiting touches: the next look-up of the same session carries them in one
//! call.

use std::time::Duration;

use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{AdoptedSession, EndReason, EventKind, minutes, seconds};
use dwell_testkit::TestClient;
use dwell_tower::session::AdoptedSource;
use http::Method;

use crate::support::{RIDE, World, called, get, outcome, poll_once, stack};

const MS: Duration = Duration::from_millis(1);

/// Advances tokio's clock, and lets due tasks run.
async fn pass(time: Duration) {
    tokio::task::yield_now().await;
    tokio::time::advance(time).await;
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn two_requests_within_wait_cost_two_calls() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    world.clock.advance(minutes(1));
    let first = world.now();
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!((world.store.round_trips(), world.store.writes()), (1, 0));
    world.clock.advance(RIDE - MS);
    pass(RIDE - MS).await;
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!((world.store.round_trips(), world.store.writes()), (2, 1));
    assert_eq!(world.last_active(&token), first);
    pass(RIDE * 2).await;
    assert_eq!(world.store.round_trips(), 2, "within the granularity");

    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "ok");
    pass(RIDE - MS).await;
    assert_eq!(world.store.round_trips(), 3, "the touch waits");
    pass(MS).await;
    assert_eq!((world.store.round_trips(), world.store.writes()), (4, 2));
    assert_eq!(world.last_active(&token), world.now());
}

/// A burst of active requests costs one call for each.
#[tokio::test(start_paused = true)]
async fn active_request_costs_one_call_while_others_follow() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    for n in 1..=20 {
        world.clock.advance(minutes(1));
        assert_eq!(outcome(&client.get("/").await), "ok");
        assert_eq!(world.store.round_trips(), n);
        pass(RIDE / 2).await;
    }
    assert_eq!(world.store.writes(), 19);
}

#[tokio::test(start_paused = true)]
async fn l02_refused_answer_earns_no_touch_that_rides_along() {
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
    assert_eq!(outcome(&passive), "ok");
    stack.flush().await;
    assert_eq!((world.store.round_trips(), world.store.writes()), (2, 0));
    assert_eq!(world.last_active(&token), login);
}

#[tokio::test(start_paused = true)]
async fn l05_latest_of_waiting_touches_rides_along() {
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
    // The last request is answered first.
    for mut request in held.into_iter().rev() {
        assert!(poll_once(&mut request).await.is_ready());
    }
    assert_eq!((world.store.round_trips(), world.store.writes()), (3, 0));
    assert_eq!(outcome(&client.get("/").await), "ok");
    assert_eq!((world.store.round_trips(), world.store.writes()), (4, 1));
    assert_eq!(world.last_active(&token), latest);
}

#[tokio::test(start_paused = true)]
async fn l05_touch_near_idle_deadline_does_not_wait() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    // Ten seconds are left, and at the second request a millisecond less.
    for (left, writes) in [(seconds(10), 0), (seconds(10) - MS, 2)] {
        world.clock.advance(minutes(15) - left);
        assert_eq!(outcome(&client.get("/").await), "ok");
        tokio::task::yield_now().await;
        assert_eq!(world.store.writes(), writes, "{left:?} left");
        stack.flush().await;
        assert_eq!(world.last_active(&token), world.now());
    }
}

/// The time left at the answer counts.
#[tokio::test(start_paused = true)]
async fn l05_stricter_policy_leaves_touch_less_time_to_wait() {
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
    assert_eq!(outcome(&client.get("/").await), "ok");
    tokio::task::yield_now().await;
    assert_eq!(world.store.writes(), 1);
    assert_eq!(world.last_active(&token), world.now());
}

#[tokio::test(start_paused = true)]
async fn l05_touch_survives_look_up_that_fails() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let active = world.now();
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.store.fail();
    let failed = client.get("/").await;
    assert_eq!(failed.reason().as_deref(), Some("store_unavailable"));
    // With the touch, and without it: writes alone may have failed.
    assert_eq!(world.store.round_trips(), 3);
    assert_eq!(world.events.kinds()[1..], [EventKind::StoreUnavailable]);
    world.store.heal();
    stack.flush().await;
    assert_eq!(world.last_active(&token), active);
    assert_eq!(outcome(&client.get("/").await), "ok");
}

#[tokio::test(start_paused = true)]
async fn l05_cancelled_look_up_puts_its_touch_back() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let active = world.now();
    assert_eq!(outcome(&client.get("/").await), "ok");
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
async fn flush_waits_for_look_up_that_carries_touch() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.store.delay(seconds(1));
    let mut request = called(&mut world.app_of(&stack), get("/", &token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    let mut flush = Box::pin(stack.flush());
    assert!(poll_once(&mut flush).await.is_pending());
    // The cancelled look-up puts its touch back, and the flush sends it.
    drop(request);
    world.store.heal();
    let flushed = tokio::time::timeout(RIDE / 2, flush).await;
    flushed.expect("the touch waits for no other look-up");
    assert_eq!(world.last_active(&token), world.now());
    assert_eq!(world.store.writes(), 2);
}

/// A look-up that does not see the touch on its way earns another one, within the
/// granularity.
#[tokio::test(start_paused = true)]
async fn touch_on_its_way_covers_what_is_earned_meanwhile() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut client = world.client(&stack(&world.remote), &token);
    world.clock.advance(minutes(1));
    let first = world.now();
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.store.delay(seconds(1));
    pass(RIDE).await;
    assert_eq!(world.store.writes(), 1, "on its way");
    world.store.heal();
    world.clock.advance(MS);
    assert_eq!(outcome(&client.get("/").await), "ok");
    pass(RIDE * 3).await;
    pass(RIDE * 3).await;
    assert_eq!(world.store.writes(), 1, "one for each granularity");
    assert_eq!(world.last_active(&token), first);

    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "ok");
    pass(RIDE).await;
    assert_eq!(world.store.writes(), 2, "and another for the next one");
}

#[tokio::test(start_paused = true)]
async fn panic_during_look_up_loses_touch_it_carried() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.store.panic();
    let mut panicking = client.clone();
    let request = tokio::spawn(async move { panicking.get("/").await });
    assert!(request.await.unwrap_err().is_panic());
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
    world.store.heal();
    stack.flush().await;
    assert_eq!(world.store.writes(), 1, "the lost touch is not retried");
    assert_eq!(outcome(&client.get("/").await), "ok");
}

#[tokio::test(start_paused = true)]
async fn l04_waiting_touch_revives_no_ended_session() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "ok");
    let ended = world.local.end_session(token.key(), EndReason::Revoked);
    assert!(ended.await.unwrap());
    assert_eq!(outcome(&client.get("/").await), "revoked");
    stack.flush().await;
    assert_eq!(world.end_reason(&token), Some(EndReason::Revoked));
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
}

#[tokio::test(start_paused = true)]
async fn touch_of_adopted_session_rides_along() {
    let world = World::new();
    let theirs = AdoptedSession::new("issuer", "theirs", "alice");
    let session = theirs.clone();
    let source = AdoptedSource::new(move |_, _| Some(session.clone()));
    let stack = stack(&world.remote).with_source(source);
    let mut client = TestClient::new(world.app_of(&stack));
    assert_eq!(outcome(&client.get("/").await), "ok");
    world.clock.advance(minutes(1));
    let before = world.store.round_trips();
    for n in 1..=2 {
        assert_eq!(outcome(&client.get("/").await), "ok");
        assert_eq!(world.store.round_trips(), before + n);
    }
    let loaded = world.memory.load(theirs.key()).await;
    let Ok(Lookup::Found(record)) = loaded.map(|loaded| loaded.state) else {
        panic!("the session was adopted");
    };
    assert_eq!(record.facts.last_active_at, world.now());
}
