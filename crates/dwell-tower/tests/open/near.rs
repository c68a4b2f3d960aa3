//! A node that keeps copies of hot sessions near.

use std::time::Duration;

use dwell_core::{EndReason, Token, minutes, seconds};
use dwell_tower::NearCache;

use crate::support::{MS, Node, Reader, World, pass};

/// A node that keeps copies, and a stream on it that has been open for a while.
async fn settled(world: &World, token: &Token) -> (Node, Reader) {
    let cache = NearCache::new(world.shared.clone()).with_clock(world.clock.clone());
    let node = world.node_over(cache);
    // The first request is the one that starts the watch of the copies.
    node.get("/passive", token).await;
    pass(seconds(1)).await;
    node.get("/passive", token).await;
    world.shared.lag(Duration::ZERO);
    let (feed, reader) = node.events(token).await;
    std::mem::forget(feed);
    pass(seconds(5)).await;
    node.get("/passive", token).await;
    let before = world.store.reads();
    node.get("/passive", token).await;
    assert_eq!(world.store.reads(), before, "there is a copy");
    (node, reader)
}

async fn end_elsewhere(world: &World, token: &Token) {
    let other = world.stranger(world.shared.clone());
    let ended = other.end_session(token.key(), EndReason::Revoked).await;
    assert!(ended.unwrap());
}

#[tokio::test(start_paused = true)]
async fn l14_copies_keep_no_stream_open_after_an_end_elsewhere() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_node, reader) = settled(&world, &token).await;
    end_elsewhere(&world, &token).await;
    assert_eq!(reader.ends_now().await.reason(), "revoked");
}

// Copies hear of changes on a watch of their own, which may be the slower one.
#[tokio::test(start_paused = true)]
async fn l14_a_copy_that_has_not_heard_of_the_end_yet_keeps_no_stream_open() {
    let world = World::new();
    let token = world.sign_in().await;
    world.shared.lag(50 * MS);
    let (_node, reader) = settled(&world, &token).await;
    end_elsewhere(&world, &token).await;
    assert_eq!(reader.ends_now().await.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn l14_streams_of_a_node_with_copies_are_cut_at_the_deadline_as_activity_elsewhere_moved_it()
{
    let world = World::new();
    let token = world.sign_in().await;
    let (_node, reader) = settled(&world, &token).await;
    pass(minutes(10)).await;
    assert_eq!(world.node().get("/", &token).await.status(), 200);
    let at = world.record(&token).facts.idle_deadline;
    pass(at - world.now() - MS).await;
    assert!(reader.is_open());
    assert_eq!(reader.ends_now().await.reason(), "idle_timeout");
}
