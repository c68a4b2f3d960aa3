//! Activity on an open connection, such as a WebSocket's messages.

use dwell_core::{CommandError, EndReason, Token, minutes, seconds};
use dwell_tower::open::{ActivityRecorder, Lifeline};
use tokio::time::timeout;

use crate::support::{MS, Node, SECOND, World, idle, pass};

/// A lifeline and a recorder of an open connection.
async fn open(node: &Node, token: &Token) -> (Lifeline, ActivityRecorder) {
    let state = node.state("/", Some(token)).await;
    let both = Lifeline::of(&state).zip(ActivityRecorder::of(&state));
    both.expect("a live session")
}

#[tokio::test(start_paused = true)]
async fn recorder_needs_session() {
    let world = World::new();
    let state = world.node().state("/", None).await;
    assert!(ActivityRecorder::of(&state).is_none());
}

#[tokio::test(start_paused = true)]
async fn l02_recorded_touch_is_activity_and_free_within_granularity() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (mut line, mut recorder) = open(node, &token).await;
        pass(minutes(10)).await;
        recorder.touch().await.unwrap();
        let at = world.now();
        // To a shared store it waits for a look-up that takes it along.
        pass(SECOND + MS).await;
        assert_eq!(world.record(&token).facts.last_active_at, at, "{name}");
        let before = world.store.round_trips();
        for _ in 0..13 {
            pass(SECOND).await;
            recorder.touch().await.unwrap();
        }
        assert_eq!(world.store.round_trips(), before, "{name}");
        assert_eq!(world.record(&token).facts.last_active_at, at, "{name}");
        let late = timeout(minutes(15) - seconds(14) - 2 * MS, line.closed()).await;
        assert!(late.is_err(), "{name}: {late:?}");
        let closing = timeout(SECOND, line.closed()).await.expect(name);
        assert_eq!(closing.as_str(), "idle_timeout", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn touch_is_event_for_other_connections_of_session() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let (_, mut recorder) = open(&node, &token).await;
    let state = node.state("/", Some(&token)).await;
    let mut other = Lifeline::with_touches(&state).unwrap();
    while idle(&mut other, SECOND).await.is_some() {}
    pass(minutes(2)).await;
    recorder.touch().await.unwrap();
    let expected = world.now() + minutes(15);
    assert_eq!(idle(&mut other, SECOND).await, Some(expected));
}

#[tokio::test(start_paused = true)]
async fn l03_recorded_touches_do_not_move_absolute_deadline() {
    let world = World::new();
    let token = world.sign_in().await;
    let (mut line, mut recorder) = open(&world.node(), &token).await;
    for _ in 0..47 {
        pass(minutes(10)).await;
        recorder.touch().await.unwrap();
    }
    let early = timeout(minutes(10) - MS, line.closed()).await;
    assert!(early.is_err(), "{early:?}");
    let closing = timeout(SECOND, line.closed()).await.unwrap();
    assert_eq!(closing.as_str(), "absolute_timeout");
}

#[tokio::test(start_paused = true)]
async fn l04_recorded_touch_revives_nothing() {
    for way in 0..3 {
        let world = World::new();
        let (token, dead) = (world.sign_in().await, world.sign_in().await);
        let (name, node) = &world.nodes()[way];
        let (mut run_out, mut late) = open(node, &token).await;
        let (mut ended, mut too_late) = open(node, &dead).await;
        pass(minutes(1)).await;
        node.manager()
            .end_session(dead.key(), EndReason::Revoked)
            .await
            .unwrap();
        let refused = too_late.touch().await;
        let revoked = matches!(refused, Err(CommandError::Ended(EndReason::Revoked)));
        assert!(revoked, "{name}: {refused:?}");
        pass(minutes(14)).await;
        let refused = late.touch().await;
        let idle = matches!(refused, Err(CommandError::Ended(EndReason::IdleTimeout)));
        assert!(idle, "{name}: {refused:?}");
        assert_eq!(run_out.closed().await.as_str(), "idle_timeout", "{name}");
        assert_eq!(ended.closed().await.as_str(), "revoked", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn n59_failed_touch_closes_nothing_and_next_one_counts() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (_, mut recorder) = open(&node, &token).await;
    pass(minutes(5)).await;
    world.store.fail();
    recorder.touch().await.expect("only the end is an error");
    world.store.heal();
    recorder.touch().await.unwrap();
    let at = world.now();
    pass(SECOND + MS).await;
    assert_eq!(world.record(&token).facts.last_active_at, at);
}

#[tokio::test(start_paused = true)]
async fn n59_failed_touch_is_tried_again_without_message() {
    for shared in [true, false] {
        let world = World::new();
        let token = world.sign_in().await;
        let node = match shared {
            true => world.node_over(world.shared.clone()),
            false => world.node_over(world.store.clone()),
        };
        let (mut line, mut recorder) = open(&node, &token).await;
        pass(minutes(14)).await;
        world.store.fail_writes();
        recorder.touch().await.unwrap();
        let at = world.now();
        // Longer than the session has on record.
        let closed = timeout(minutes(5), line.closed()).await;
        assert!(closed.is_err(), "an active user is thrown out: {closed:?}");
        world.store.heal();
        pass(seconds(2)).await;
        assert_eq!(world.record(&token).facts.last_active_at, at);
        let closed = timeout(minutes(10) - seconds(3), line.closed()).await;
        assert!(closed.is_err(), "{closed:?}");
        let closed = timeout(seconds(2), line.closed()).await;
        assert_eq!(closed.unwrap().as_str(), "idle_timeout");
    }
}

#[tokio::test(start_paused = true)]
async fn l05_connection_ends_at_deadline_of_touch_never_recorded() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (mut line, mut recorder) = open(&node, &token).await;
    pass(minutes(10)).await;
    world.store.fail_writes();
    recorder.touch().await.unwrap();
    let closed = timeout(minutes(15) - SECOND, line.closed()).await;
    assert!(closed.is_err(), "{closed:?}");
    let closed = timeout(seconds(2), line.closed()).await;
    assert_eq!(closed.unwrap().as_str(), "idle_timeout");
}
