//! A client that leaves leaves nothing behind: no check of the store, and no watch.

use dwell_core::{minutes, seconds};

use crate::support::{Reader, SECOND, World, get, pass};

#[tokio::test(start_paused = true)]
async fn store_is_not_asked_for_client_that_left() {
    let world = World::new();
    let token = world.sign_in().await;
    // The store has no feed, so every open stream polls it once a second.
    let node = world.node_over(world.store.clone());
    let (feed, one) = node.events(&token).await;
    let (_feed, two) = node.download(&token).await;
    pass(seconds(10)).await;
    assert!(feed.is_read());
    one.leave().await;
    two.leave().await;
    assert!(!feed.is_read(), "the handler's body was dropped");
    let before = world.store.round_trips();
    pass(minutes(20)).await;
    assert_eq!(world.store.round_trips(), before);
}

#[tokio::test(start_paused = true)]
async fn client_leaving_during_check_leaves_nothing_behind() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.store.clone());
    let (feed, one) = node.events(&token).await;
    world.store.delay(SECOND / 2);
    pass(SECOND / 2).await;
    one.leave().await;
    assert!(!feed.is_read());
    let before = world.store.round_trips();
    pass(minutes(20)).await;
    assert_eq!(world.store.round_trips(), before);
}

#[tokio::test(start_paused = true)]
async fn watch_stops_minute_after_last_stream_and_restarts() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (_feed, one) = node.events(&token).await;
    let (_feed, two) = node.events(&token).await;
    assert_eq!(world.shared.watches(), 0, "most answers are over by then");
    pass(minutes(3)).await;
    assert_eq!(world.shared.watches(), 1, "one for all");
    one.leave().await;
    pass(minutes(3)).await;
    assert_eq!(world.shared.watches(), 1, "one is left");
    two.leave().await;
    pass(seconds(58)).await;
    assert_eq!(world.shared.watches(), 1, "the next may come");
    pass(seconds(4)).await;
    assert_eq!(world.shared.watches(), 0);
    let (_feed, three) = node.events(&token).await;
    pass(SECOND).await;
    assert_eq!((world.shared.watches(), world.shared.starts()), (1, 2));
    let before = world.store.reads();
    three.end().await;
    assert!(
        world.store.reads() - before <= 2,
        "changes are delivered again"
    );
}

#[tokio::test(start_paused = true)]
async fn short_answers_are_never_registered() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    node.get("/", &token).await;
    let before = world.store.reads();
    for _ in 0..50 {
        let (feed, reader) = node.events(&token).await;
        feed.say("data: 1\n\n");
        pass(seconds(1) / 5).await;
        drop(feed);
        assert!(reader.end().await.error.is_none());
    }
    assert_eq!(
        world.store.reads() - before,
        50,
        "a look-up for each request"
    );
    assert_eq!(world.shared.starts(), 0, "there is no watch");
}

#[tokio::test(start_paused = true)]
async fn unread_body_costs_nothing() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.store.clone());
    let (_feed, answer) = crate::support::event_stream();
    let answer = node.answer(get("/", Some(&token)), answer).await;
    let before = world.store.round_trips();
    pass(minutes(10)).await;
    assert_eq!(world.store.round_trips(), before);
    let reader = Reader::of(answer.into_body());
    reader.ends_after(minutes(5)).await;
}
