//! Touches on their way to the store: they delay no answer, wait in a bounded
//! queue, and a lost one is an event and nothing else.

use std::time::Duration;

use dwell_core::{EventKind, minutes, seconds};

use crate::support::{FailingTouches, RIDE, World, called, get, outcome, poll_once, stack};

/// The most touches that wait.
const WAITING: usize = 1_024;

/// The most that are sent alone at the same time.
const SENT: usize = 64;

#[tokio::test]
async fn l05_failed_touch_leaves_good_answer_good() {
    let world = World::new();
    let token = world.sign_in().await;
    let login = world.now();
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let request = world.hold(&client).await;
    world.store.fail();
    let answer = world.finish(request).await;
    assert_eq!(outcome(&answer), "ok");
    assert!(answer.header("session-timeout").is_some());
    assert_eq!(answer.header("set-cookie"), None);
    stack.flush().await;
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
    assert_eq!(world.last_active(&token), login);
    world.store.heal();
    assert_eq!(outcome(&client.get("/").await), "ok");
    stack.flush().await;
    assert_eq!(world.last_active(&token), world.now());
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
}

#[tokio::test]
async fn l05_touch_failing_at_once_leaves_good_answer_good() {
    let world = World::new();
    let token = world.sign_in().await;
    let manager = world
        .local
        .map_store(|_| FailingTouches(world.memory.clone()));
    let mut client = world.client(&stack(&manager), &token);
    world.clock.advance(minutes(1));
    let answer = client.get("/").await;
    assert_eq!(outcome(&answer), "ok");
    assert!(answer.header("session-timeout").is_some());
    let kinds = [EventKind::SessionCreated, EventKind::TouchLost];
    assert_eq!(world.events.kinds(), kinds);
}

#[tokio::test(start_paused = true)]
async fn l05_lost_touch_names_its_session() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let request = world.hold(&client).await;
    world.store.hang();
    world.finish(request).await;
    stack.flush().await;
    let lost = world.events.events().pop().unwrap();
    assert_eq!(lost.event, EventKind::TouchLost);
    assert_eq!(lost.session, Some(dwell_core::SessionRef::of(token.key())));
    assert_eq!(lost.subject, Some("alice".into()));
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_touch_and_answers_do_not() {
    let world = World::new();
    let token = world.sign_in().await;
    let login = world.now();
    let stack = stack(&world.remote);
    world.clock.advance(minutes(1));
    let mut request = called(&mut world.app_of(&stack), get("/hold", &token)).await;
    assert!(poll_once(&mut request).await.is_pending());
    world.store.delay(seconds(1));
    world.probe.pause().release(1);
    assert!(poll_once(&mut request).await.is_ready());
    assert_eq!(world.last_active(&token), login);
    let mut flush = Box::pin(stack.flush());
    let early = tokio::time::timeout(Duration::from_millis(999), &mut flush).await;
    assert!(early.is_err());
    flush.await;
    assert_eq!(world.last_active(&token), world.now());
}

#[tokio::test]
async fn flush_returns_at_once_when_nothing_waits() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let stack = stack(&manager);
        assert!(
            poll_once(&mut Box::pin(stack.flush())).await.is_ready(),
            "{name}"
        );
        world.clock.advance(minutes(1));
        world.client(&stack, &token).get("/").await;
        stack.flush().await;
        stack.flush().await;
        assert_eq!(world.last_active(&token), world.now(), "{name}");
    }
}

#[tokio::test]
async fn l05_one_touch_per_session_waits_and_latest_counts() {
    let world = World::new();
    let stack = stack(&world.remote);
    let tokens = [world.sign_in().await, world.sign_in().await];
    let mut app = world.app_of(&stack);
    let mut requests = Vec::new();
    let mut latest = Vec::new();
    for _ in 0..5 {
        for token in &tokens {
            world.clock.advance(minutes(1));
            latest.push(world.now());
            let mut request = called(&mut app, get("/hold", token)).await;
            assert!(poll_once(&mut request).await.is_pending());
            requests.push(request);
        }
    }
    world.probe.pause().release(requests.len());
    // The last request is answered first.
    for mut request in requests.into_iter().rev() {
        assert!(poll_once(&mut request).await.is_ready());
    }
    stack.flush().await;
    assert_eq!(world.store.writes(), 2);
    assert_eq!(tokens.map(|token| world.last_active(&token)), latest[8..]);
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
}

#[tokio::test]
async fn l05_late_older_touch_moves_nothing_back() {
    let world = World::new();
    let token = world.sign_in().await;
    for (name, manager) in world.managers() {
        let stack = stack(&manager);
        let mut client = world.client(&stack, &token);
        world.clock.advance(minutes(1));
        let old = world.hold(&client).await;
        world.clock.advance(minutes(1));
        assert_eq!(outcome(&client.get("/").await), "ok");
        stack.flush().await;
        let latest = world.now();
        world.clock.advance(minutes(1));
        assert_eq!(outcome(&world.finish(old).await), "ok");
        stack.flush().await;
        assert_eq!(world.last_active(&token), latest, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l05_full_queue_loses_touches_and_no_answer() {
    let world = World::new();
    let stack = stack(&world.remote);
    let mut tokens = Vec::new();
    for _ in 0..SENT + WAITING + 3 {
        tokens.push(world.sign_in().await);
    }
    world.clock.advance(minutes(1));
    let mut requests = Vec::new();
    for token in &tokens {
        requests.push(world.hold(&world.client(&stack, token)).await);
    }
    world.store.hang();
    let mut requests = requests.into_iter();
    let mut finish = async |count| {
        for request in requests.by_ref().take(count) {
            assert_eq!(world.finish(request).await.status, 200);
        }
        tokio::task::yield_now().await;
    };
    finish(WAITING / 2).await;
    assert_eq!(world.store.writes(), 0, "all wait for a look-up");
    finish(SENT).await;
    assert_eq!(world.store.writes(), SENT, "the longest waiting are sent");
    finish(WAITING / 2).await;
    assert_eq!(world.store.writes(), SENT, "no more at once");
    assert_eq!(world.events.count(EventKind::TouchLost), 0);
    finish(3).await;
    assert_eq!(world.events.count(EventKind::TouchLost), 3);
    world.store.heal();
    stack.flush().await;
    let lost = world.events.count(EventKind::TouchLost) - 3;
    assert_eq!(lost, SENT, "those that hung");
    assert_eq!(world.store.writes(), SENT + WAITING);
    assert_eq!(world.last_active(&tokens[SENT]), world.now());
}

#[tokio::test(start_paused = true)]
async fn l05_hanging_touch_delays_no_other() {
    let world = World::new();
    let stack = stack(&world.remote);
    let tokens = [world.sign_in().await, world.sign_in().await];
    let [one, other] = [&tokens[0], &tokens[1]].map(|token| world.client(&stack, token));
    world.clock.advance(minutes(1));
    let [one, other] = [world.hold(&one).await, world.hold(&other).await];
    world.finish(one).await;
    world.store.hang();
    let mut flush = Box::pin(stack.flush());
    assert!(poll_once(&mut flush).await.is_pending());
    tokio::task::yield_now().await;
    assert_eq!(world.store.writes(), 1, "it hangs");
    world.store.heal();
    world.finish(other).await;
    tokio::time::advance(RIDE).await;
    tokio::task::yield_now().await;
    assert_eq!(world.last_active(&tokens[1]), world.now());
    assert!(poll_once(&mut flush).await.is_pending(), "one still hangs");
    flush.await;
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
}

#[tokio::test(start_paused = true)]
async fn l05_panicking_store_loses_one_touch_and_no_later_one() {
    let world = World::new();
    let token = world.sign_in().await;
    let stack = stack(&world.remote);
    let mut client = world.client(&stack, &token);
    world.clock.advance(minutes(1));
    let request = world.hold(&client).await;
    world.store.panic();
    assert_eq!(outcome(&world.finish(request).await), "ok");
    let bound = seconds(10);
    tokio::time::timeout(bound, stack.flush())
        .await
        .expect("flush comes to an end");
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
    world.store.heal();
    world.clock.advance(minutes(1));
    assert_eq!(outcome(&client.get("/").await), "ok");
    tokio::time::timeout(bound, stack.flush())
        .await
        .expect("flush comes to an end");
    assert_eq!(world.last_active(&token), world.now());
    assert_eq!(world.events.count(EventKind::TouchLost), 1);
}
