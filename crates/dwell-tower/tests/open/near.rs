//! Open connections on a node with a near cache.

use dwell_core::{EndReason, Token, minutes, seconds};
use dwell_tower::NearCache;

use crate::support::{MS, Node, Reader, SECOND, World, pass};

/// A node with copies, and a stream on it that has been open for a while.
async fn settled(world: &World, token: &Token) -> (Node, Reader) {
    let cache = NearCache::new(world.shared.clone()).with_clock(world.clock.clone());
    let node = world.node_over(cache);
    // The first request starts the change feed.
    node.get("/passive", token).await;
    pass(seconds(1)).await;
    node.get("/passive", token).await;
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
async fn l14_copies_keep_no_stream_open_after_end_elsewhere() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_node, reader) = settled(&world, &token).await;
    end_elsewhere(&world, &token).await;
    assert_eq!(reader.ends_now().await.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn l14_slow_feed_leaves_copy_that_keeps_no_stream_open() {
    let world = World::new();
    let token = world.sign_in().await;
    world.shared.lag(50 * MS);
    let (_node, reader) = settled(&world, &token).await;
    end_elsewhere(&world, &token).await;
    assert_eq!(reader.ends_now().await.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn l14_stream_beside_copies_is_cut_at_deadline_moved_elsewhere() {
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

/// The copies and the streams of every stack on the node share one watch.
#[tokio::test(start_paused = true)]
async fn node_watches_store_once_for_copies_and_streams() {
    let world = World::new();
    let token = world.sign_in().await;
    let (node, one) = settled(&world, &token).await;
    let other_stack = Node::new(node.manager());
    let (_feed, two) = other_stack.events(&token).await;
    pass(seconds(5)).await;
    assert_eq!((world.shared.watches(), world.shared.starts()), (1, 1));
    end_elsewhere(&world, &token).await;
    pass(MS).await;
    for reader in [one, two] {
        assert!(!reader.is_open());
        assert_eq!(reader.end().await.reason(), "revoked");
    }
}

/// While it is lost, no copy answers and streams ask once a second; when it is
/// back, both rely on it again.
#[tokio::test(start_paused = true)]
async fn l14_lost_feed_stops_copies_and_makes_streams_poll() {
    let world = World::new();
    let (token, other) = (world.sign_in().await, world.sign_in().await);
    let (node, reader) = settled(&world, &token).await;
    let reads = async |time| {
        let before = world.store.reads();
        pass(time).await;
        world.store.reads() - before
    };
    assert_eq!(reads(seconds(10)).await, 0, "nothing has changed");
    world.shared.break_off();
    pass(SECOND).await;
    let polls = reads(seconds(10)).await;
    assert!((9..=11).contains(&polls), "{polls} times");
    for _ in 0..3 {
        let before = world.store.reads();
        node.get("/passive", &other).await;
        assert_eq!(world.store.reads() - before, 1, "no copy");
    }
    world.shared.mend();
    pass(seconds(5)).await;
    assert_eq!(reads(seconds(10)).await, 0, "changes are delivered again");
    end_elsewhere(&world, &token).await;
    pass(MS).await;
    assert!(!reader.is_open());
}
