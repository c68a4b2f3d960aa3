//! A client that leaves at any stage of its request leaves nothing half done: its
//! activity counts once, and an end is reported.

use dwell_core::{
    AuthenticationRequirement, EndReason, EventKind, SessionManager, minutes, seconds,
};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::step_up::StepUpLayer;
use tower::{Layer, ServiceExt};

use crate::support::{App, LateEnds, Pause, World, called, get, poll_once, stack};

/// Sends a request that the inner service holds, a minute after the login.
async fn held(world: &World, stack: &SessionTimeoutLayer, token: &dwell_core::Token) -> Held {
    world.clock.advance(minutes(1));
    let calls = world.probe.calls();
    let mut app = world.app_of(stack);
    let mut request = called(&mut app, get("/hold", token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    assert_eq!(world.probe.calls(), calls + 1, "it is inside");
    request
}

type Held = <App as tower::Service<http::Request<crate::support::Body>>>::Future;

#[tokio::test]
async fn l05_client_leaving_while_served_was_active() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (stack, token) = (stack(&manager), world.sign_in().await);
        let request = held(&world, &stack, &token).await;
        let arrival = world.now();
        world.clock.advance(seconds(30));
        drop(request);
        stack.flush().await;
        assert_eq!(world.last_active(&token), arrival, "{name}");
    }
    assert_eq!(world.store.writes(), 1);
}

#[tokio::test]
async fn l05_answered_request_hands_over_its_touch_once() {
    let world = World::new();
    let (stack, token) = (stack(&world.remote), world.sign_in().await);
    let mut request = held(&world, &stack, &token).await;
    world.probe.pause().release(1);
    assert!(poll_once(&mut request).await.is_ready());
    drop(request);
    stack.flush().await;
    assert_eq!(world.store.writes(), 1);
    assert_eq!(world.last_active(&token), world.now());
}

#[tokio::test]
async fn l02_passive_request_stays_passive_when_client_leaves() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let (stack, token) = (stack(&manager), world.sign_in().await);
        let login = world.now();
        world.clock.advance(minutes(1));
        let mut request = get("/hold", &token);
        request
            .headers_mut()
            .insert("session-activity", "passive".parse().unwrap());
        let mut request = called(&mut world.app_of(&stack), request).await;
        assert!(poll_once(&mut request).await.is_pending());
        drop(request);
        stack.flush().await;
        assert_eq!(world.last_active(&token), login, "{name}");
    }
    assert_eq!((world.probe.calls(), world.store.writes()), (2, 0));
}

#[tokio::test]
async fn l05_client_leaving_during_look_up_leaves_nothing_behind() {
    let world = World::new();
    let (stack, token) = (stack(&world.remote), world.sign_in().await);
    let before = world.record(&token);
    world.clock.advance(minutes(1));
    let mut app = world.app_of(&stack);
    world.store.hang();
    let mut request = called(&mut app, get("/", &token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    drop(request);
    world.store.heal();
    stack.flush().await;
    assert_eq!((world.store.reads(), world.store.writes()), (1, 0));
    assert_eq!((world.probe.calls(), world.record(&token)), (0, before));
    assert_eq!(app.oneshot(get("/", &token)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn l05_client_leaving_before_token_confirmation_was_active() {
    let world = World::new();
    for (name, manager) in world.managers() {
        let token = world.sign_in_and_rotate().await;
        let stack = stack(&manager);
        let request = held(&world, &stack, &token).await;
        drop(request);
        stack.flush().await;
        assert_eq!(world.last_active(&token), world.now(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l05_client_leaving_during_commit_was_active() {
    let mut world = World::new();
    let token = world.sign_in_and_rotate().await;
    let stack = stack(&world.remote);
    let mut request = held(&world, &stack, &token).await;
    world.store.delay(seconds(1));
    world.probe.pause().release(1);
    assert!(poll_once(&mut request).await.is_pending());
    assert_eq!(world.store.writes(), 1, "the confirmation of the token");
    drop(request);
    let lost = world.hears_within(EventKind::TouchLost, seconds(5)).await;
    assert!(!lost);
    stack.flush().await;
    assert_eq!(world.store.writes(), 2, "one touch");
    assert_eq!(world.last_active(&token), world.now());
    let app = world.app_of(&stack);
    let answer = app.oneshot(get("/", &token)).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn l04_client_leaving_after_end_revives_nothing() {
    let world = World::new();
    for (name, manager) in world.managers() {
        for reason in [EndReason::IdleTimeout, EndReason::SignedOut] {
            let (stack, token) = (stack(&manager), world.sign_in().await);
            let request = held(&world, &stack, &token).await;
            if reason == EndReason::SignedOut {
                world.local.end_session(token.key(), reason).await.unwrap();
            }
            world.clock.advance(minutes(14));
            drop(request);
            stack.flush().await;
            world.reap().await;
            assert_eq!(world.end_reason(&token), Some(reason), "{name}");
        }
    }
}

/// The stack has found that the session ran out, and the store does not answer
/// when the session is to end.
async fn ending(world: &World, manager: &SessionManager, token: &dwell_core::Token) -> Held {
    world.clock.advance(minutes(15));
    let mut app = world.app(manager);
    world.store.delay(seconds(1));
    let mut request = called(&mut app, get("/", token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    world.store.hang();
    tokio::time::advance(seconds(1)).await;
    assert!(poll_once(&mut request).await.is_pending());
    request
}

#[tokio::test(start_paused = true)]
async fn l12_unwritten_end_is_found_again_after_client_left() {
    let world = World::new();
    let token = world.sign_in().await;
    let request = ending(&world, &world.remote, &token).await;
    assert_eq!(world.store.writes(), 1, "the end was asked for");
    drop(request);
    world.store.heal();
    assert_eq!(world.events.ends(), []);
    let app = world.app(&world.remote);
    assert_eq!(app.oneshot(get("/", &token)).await.unwrap().status(), 401);
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    assert_eq!(world.probe.calls(), 0);
}

/// The store has ended the session, and the client leaves before the store's
/// answer. No other request could report the end.
#[tokio::test]
async fn l12_written_end_is_witnessed_after_client_left() {
    let world = World::new();
    let pause = Pause::default();
    let store = LateEnds {
        inner: world.memory.clone(),
        pause: pause.clone(),
    };
    let manager = world.local.map_store(|_| store);
    let token = world.sign_in().await;
    world.clock.advance(minutes(15));
    let mut request = called(&mut world.app(&manager), get("/", &token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    pause.arrival().await;
    assert_eq!(world.end_reason(&token), Some(EndReason::IdleTimeout));
    drop(request);
    pause.release(1);
    tokio::task::yield_now().await;
    let answer = world.app(&manager).oneshot(get("/", &token)).await.unwrap();
    assert_eq!(answer.status(), 401);
    world.reap().await;
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn n52_abandoned_step_up_refusal_is_no_activity() {
    let world = World::new();
    let (stack, token) = (stack(&world.local), world.sign_in().await);
    let login = world.now();
    world.clock.advance(minutes(1));
    let never = StepUpLayer::new(AuthenticationRequirement::within(minutes(5)).with_amr(["dna"]));
    let mut app = App::new(stack.layer(never.layer(world.probe.clone())));
    drop(called(&mut app, get("/", &token)).await);
    assert_eq!(
        world.events.count(EventKind::StepUpRequired),
        1,
        "it was refused"
    );
    assert_eq!(world.last_active(&token), login);
}
