//! Many connections of one session: their number is bounded, and so is what
//! they ask of the store (law L22).

use dwell_core::{EventKind, Token, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;
use http::{Request, Response};

use crate::support::{
    Body, Feed, Node, Reader, SECOND, World, event_stream, get, pass, with_answer,
};

fn asking(token: &Token) -> (Feed, Request<Body>) {
    let (feed, answer) = event_stream();
    (feed, with_answer(get("/events", Some(token)), answer))
}

async fn reason(answer: Response<Body>) -> String {
    assert_eq!(answer.headers()["cache-control"], "no-store");
    Reader::of(answer.into_body()).end().await.text
}

#[tokio::test(start_paused = true)]
async fn n90_streams_of_session_are_capped_at_32() {
    let world = World::new();
    for (way, node) in world.nodes() {
        let token = world.sign_in().await;
        let mut open = Vec::new();
        for _ in 0..32 {
            open.push(node.events(&token).await);
        }
        let before = world.record(&token).facts.last_active_at;
        pass(minutes(1)).await;
        for _ in 0..2 {
            let (_feed, request) = asking(&token);
            let refused = node.send(request).await;
            assert_eq!(refused.status(), 429, "{way}");
            let text = reason(refused).await;
            assert!(
                text.contains(r#""reason":"too_many_streams""#),
                "{way}: {text}"
            );
        }
        node.stack.flush().await;
        let after = world.record(&token).facts.last_active_at;
        assert_eq!(after, before, "{way}: a refused request is no activity");
        // What is no stream, and what belongs to another session, is served.
        let (_file, file) = node.download(&token).await;
        assert!(node.serves(&token).await, "{way}");
        let other = world.sign_in().await;
        let (_feed, others) = node.events(&other).await;
        let (_, left) = open.pop().unwrap();
        left.leave().await;
        let (_feed, again) = node.events(&token).await;
        assert!(
            file.is_open() && others.is_open() && again.is_open(),
            "{way}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn n90_ended_streams_give_their_places_back() {
    let world = World::new();
    let stack = SessionTimeoutLayer::new(&world.local).without_reaper();
    let node = Node::of(stack.with_max_streams(2));
    let token = world.sign_in().await;
    for _ in 0..3 {
        let (feeds, readers): (Vec<_>, Vec<_>) =
            [node.events(&token).await, node.events(&token).await]
                .into_iter()
                .unzip();
        let (_feed, request) = asking(&token);
        assert_eq!(node.send(request).await.status(), 429);
        // The handlers end their streams.
        drop(feeds);
        for reader in readers {
            reader.end().await;
        }
    }
    assert_eq!(world.events.count(EventKind::StepUpRequired), 0);
}

#[tokio::test(start_paused = true)]
async fn n90_change_costs_one_look_up_for_all_streams() {
    let world = World::new();
    let node = world.node_over(world.shared.clone());
    let token = world.sign_in().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(node.events(&token).await);
    }
    pass(seconds(2)).await;
    for _ in 0..3 {
        let before = world.store.reads();
        world.shared.tell_of(token.key());
        pass(SECOND).await;
        assert_eq!(world.store.reads() - before, 1);
    }
    // And the change is seen by each.
    let manager = world.stranger(world.shared.clone());
    let reason = dwell_core::EndReason::Revoked;
    assert!(manager.end_session(token.key(), reason).await.unwrap());
    for (_feed, reader) in open {
        assert_eq!(reader.ends_now().await.reason(), "revoked");
    }
}

#[tokio::test(start_paused = true)]
async fn n90_change_during_look_up_is_not_missed() {
    let world = World::new();
    let node = world.node_over(world.shared.clone());
    let token = world.sign_in().await;
    let open = [node.events(&token).await, node.events(&token).await];
    pass(seconds(2)).await;
    // The answer to the first change is under way when the session ends.
    world.store.delay(SECOND / 4);
    world.shared.tell_of(token.key());
    pass(SECOND / 10).await;
    world
        .local
        .end_session(token.key(), dwell_core::EndReason::Revoked)
        .await
        .unwrap();
    world.shared.tell_of(token.key());
    for (_feed, reader) in open {
        assert_eq!(reader.ends_now().await.reason(), "revoked");
    }
}
