//! Lifelines without a body, such as a WebSocket's.

use dwell_core::store::SessionStore;
use dwell_core::{EndReason, OnIdle, Resolved, SessionState, Token, hours, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::open::{CloseReason, Lifeline, LifelineEvent};
use tokio::time::timeout;

use crate::support::{MS, Node, SECOND, World, default_policy, idle, pass, policies};

async fn lifeline(node: &Node, token: &Token) -> Lifeline {
    Lifeline::of(node.state("/", Some(token)).await.handle()).expect("a live session")
}

/// Takes events until none comes for a while.
async fn settle(line: &mut Lifeline) {
    while idle(line, seconds(2)).await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn lifeline_needs_live_session() {
    let locking = default_policy().on_idle(OnIdle::Lock).lock_period(hours(1));
    let world = World::with(policies(locking, minutes(5)));
    let (token, dead) = (world.sign_in().await, world.sign_in().await);
    let stack = SessionTimeoutLayer::new(&world.local).without_reaper();
    let node = Node::of(stack.add_exempt_path("/open"));
    node.manager()
        .end_session(dead.key(), EndReason::Revoked)
        .await
        .unwrap();

    let of = async |token: Option<&Token>| {
        let state = node.state("/open", token).await;
        assert_eq!(
            Lifeline::of(&state).is_some(),
            Lifeline::with_touches(&state).is_some()
        );
        Lifeline::of(&state).is_some()
    };
    assert!(of(Some(&token)).await);
    assert!(!of(None).await, "without a session");
    assert!(!of(Some(&dead)).await, "ended");
    assert!(!of(Some(&Token::generate().unwrap())).await, "unknown");
    let signed_out = world.sign_in().await;
    let state = node.state("/logout", Some(&signed_out)).await;
    assert!(
        Lifeline::of(&state).is_none(),
        "ended by the request itself"
    );
    pass(minutes(15)).await;
    assert!(!of(Some(&token)).await, "locked");
    pass(hours(1)).await;
    assert!(!of(Some(&token)).await, "run out");
}

#[tokio::test(start_paused = true)]
async fn lifeline_needs_session_layer() {
    let world = World::new();
    let token = world.sign_in().await;
    let loaded = world.memory.load(token.key()).await.unwrap();
    let session = dwell_core::ResolvedSession {
        record: world.record(&token),
        now: loaded.now,
        presented: token.presented(),
        token_state: dwell_core::engine::TokenState::Current { confirm: false },
    };
    let policies = world.local.policies().current();
    let alone = SessionState::new(world.local.clone(), policies, Resolved::Session(session));
    alone.decide();
    assert!(alone.current_deadlines().is_some());
    assert!(Lifeline::of(&alone).is_none());
}

#[tokio::test(start_paused = true)]
async fn l14_lifeline_reports_end_and_reason_and_keeps_reporting() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let mut line = lifeline(node, &token).await;
        let early = timeout(minutes(15) - MS, line.closed()).await;
        assert!(early.is_err(), "{name}: {early:?}");
        for _ in 0..3 {
            let closing = timeout(SECOND, line.closed()).await.expect(name);
            assert_eq!(
                closing,
                CloseReason::Ended(EndReason::IdleTimeout),
                "{name}"
            );
        }
        assert!(
            matches!(line.next().await, LifelineEvent::Closed(_)),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn event_comes_with_first_check_and_says_what_was_found() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let mut line = lifeline(&node, &token).await;
    let LifelineEvent::Alive(deadlines, found) = line.next().await else {
        panic!("it is over");
    };
    assert_eq!(found.now, world.now());
    assert_eq!(found.record, Some(world.record(&token)));
    assert_eq!(deadlines.idle, world.record(&token).facts.idle_deadline);
}

#[tokio::test(start_paused = true)]
async fn only_lifeline_with_touches_reports_own_touches() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let mut plain = lifeline(&node, &token).await;
    let state = node.state("/", Some(&token)).await;
    let mut touched = Lifeline::with_touches(&state).unwrap();
    settle(&mut plain).await;
    settle(&mut touched).await;
    for path in ["/", "/extend"] {
        pass(minutes(1)).await;
        assert_eq!(node.get(path, &token).await.status(), 200);
        let expected = world.record(&token).facts.idle_deadline;
        assert_eq!(expected, world.now() + minutes(15), "{path}");
        assert_eq!(idle(&mut plain, SECOND).await, None, "{path}");
        assert_eq!(idle(&mut touched, SECOND).await, Some(expected), "{path}");
        assert_eq!(idle(&mut touched, SECOND).await, None, "once");
    }
    pass(minutes(1)).await;
    assert!(node.serves(&token).await);
    assert_eq!(idle(&mut touched, SECOND).await, None, "passive");
    let other = world.sign_in().await;
    assert_eq!(node.get("/", &other).await.status(), 200);
    pass(minutes(1)).await;
    assert_eq!(node.get("/", &other).await.status(), 200);
    assert_eq!(idle(&mut touched, SECOND).await, None, "another session's");
}

// A touch waits for the next look-up before it is sent to a shared store.
#[tokio::test(start_paused = true)]
async fn lifeline_reports_deadline_of_touch_in_shared_store() {
    for way in 1..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let state = node.state("/", Some(&token)).await;
        let mut line = Lifeline::with_touches(&state).unwrap();
        pass(minutes(1)).await;
        // The events of a minute.
        while idle(&mut line, MS).await.is_some() {}
        let active_at = world.now();
        assert_eq!(node.get("/", &token).await.status(), 200);
        let mut last = None;
        while world.now() - active_at < seconds(3) {
            last = idle(&mut line, SECOND / 2).await.or(last);
        }
        assert_eq!(last, Some(active_at + minutes(15)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn lifeline_checks_once_when_asked() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let mut line = lifeline(&node, &token).await;
    settle(&mut line).await;
    let (began, reads) = (world.now(), world.store.reads());
    line.check_in(minutes(3));
    line.check_in(minutes(2));
    assert!(idle(&mut line, minutes(5)).await.is_some());
    assert_eq!(world.now() - began, minutes(2));
    assert_eq!(idle(&mut line, minutes(5)).await, None);
    assert_eq!(world.store.reads() - reads, 1);
}
