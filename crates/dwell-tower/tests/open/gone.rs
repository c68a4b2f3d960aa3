//! A client that goes away leaves nothing behind: nobody asks the store on its
//! behalf, and nobody watches it in vain.

use dwell_core::{minutes, seconds};

use crate::support::{Reader, SECOND, World, get, pass};

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_has_nobody_ask_for_it_any_more() {
    let world = World::new();
    let token = world.sign_in().await;
    // The store tells of nothing, so every open stream asks once a second.
    let node = world.node_over(world.store.clone());
    let (feed, one) = node.events(&token).await;
    let (_feed, two) = node.download(&token).await;
    pass(seconds(10)).await;
    assert!(feed.is_read());
    one.leave().await;
    two.leave().await;
    assert!(!feed.is_read(), "the handler hears of it");
    let before = world.store.round_trips();
    pass(minutes(20)).await;
    assert_eq!(world.store.round_trips(), before);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_while_the_store_is_asked_leaves_nothing_either() {
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
async fn a_minute_after_the_last_is_gone_the_watch_is_given_up_and_the_next_starts_another() {
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
    assert!(world.store.reads() - before <= 2, "it is told again");
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_over_soon_are_never_entered() {
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
    assert_eq!(world.shared.starts(), 0, "nobody watches");
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_body_nobody_reads_costs_nothing() {
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
