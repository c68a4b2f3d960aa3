//! Connections that no layer cuts.

use dwell_core::{EndReason, OnIdle, Token, hours, minutes};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::open::UpgradePolicy;
use http::StatusCode;

use crate::support::{Node, Reader, World, default_policy, event_stream, get, pass, policies};

/// A node with this exempt path.
fn exempting(world: &World) -> Node {
    let stack = SessionTimeoutLayer::new(&world.local).without_reaper();
    Node::of(stack.add_exempt_path("/open"))
}

#[tokio::test(start_paused = true)]
async fn stream_without_session_is_not_cut() {
    let world = World::new();
    let unknown = Token::generate().unwrap();
    for (name, node) in &world.nodes() {
        let (_feed, nobody) = node.events_at("/events", None).await;
        let (_feed, stranger) = node.events(&unknown).await;
        pass(hours(9)).await;
        assert!(nobody.is_open() && stranger.is_open(), "{name}");
        nobody.leave().await;
        stranger.leave().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stream_of_ended_session_on_exempt_path_is_not_cut() {
    let world = World::new();
    let (dead, run_out) = (world.sign_in().await, world.sign_in().await);
    let node = exempting(&world);
    let ended = node
        .manager()
        .end_session(dead.key(), EndReason::Revoked)
        .await;
    assert!(ended.unwrap());
    pass(minutes(15)).await;
    for token in [dead, run_out] {
        assert_eq!(node.get("/", &token).await.status(), 401);
        let (_feed, reader) = node.events_at("/open", Some(&token)).await;
        pass(hours(9)).await;
        assert!(reader.is_open());
        reader.leave().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stream_of_locked_session_on_exempt_path_is_not_cut() {
    let locking = default_policy().on_idle(OnIdle::Lock);
    let world = World::with(policies(locking, minutes(5)));
    let token = world.sign_in().await;
    let node = exempting(&world);
    pass(minutes(15)).await;
    assert_eq!(node.get("/", &token).await.status(), 401);
    let (_feed, reader) = node.events_at("/open", Some(&token)).await;
    pass(hours(9)).await;
    assert!(reader.is_open());
}

#[tokio::test(start_paused = true)]
async fn l14_stream_of_live_session_on_exempt_path_is_cut() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_feed, reader) = exempting(&world).events_at("/open", Some(&token)).await;
    let ended = reader.ends_after(minutes(15)).await;
    assert_eq!(ended.reason(), "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn stream_that_signs_out_runs_to_its_end() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_feed, reader) = world.node().events_at("/logout", Some(&token)).await;
    pass(hours(9)).await;
    assert!(reader.is_open());
}

#[tokio::test(start_paused = true)]
async fn late_refusal_is_sent_whole() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    pass(minutes(15)).await;
    let (_feed, answer) = event_stream();
    let refused = node.answer(get("/", Some(&token)), answer).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    pass(hours(1)).await;
    let ended = Reader::of(refused.into_body()).end().await;
    assert!(ended.error.is_none());
    assert!(ended.text.contains(r#""reason":"idle_timeout""#));
}

#[tokio::test(start_paused = true)]
async fn stream_with_upgrade_policy_is_not_cut() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    let mut open = Vec::new();
    for who in [
        UpgradePolicy::EndsWithSession,
        UpgradePolicy::OutlivesSession,
    ] {
        let (feed, mut answer) = event_stream();
        answer.extensions_mut().insert(who);
        let answer = node.answer(get("/", Some(&token)), answer).await;
        open.push((feed, Reader::of(answer.into_body())));
    }
    pass(hours(9)).await;
    assert!(open.iter().all(|(_, reader)| reader.is_open()));
}
