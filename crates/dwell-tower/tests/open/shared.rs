//! A store that several nodes share: it is asked rarely while its feed is up, once
//! a second while it is not, and no end is missed in between.

use dwell_core::{EndReason, Token, minutes, seconds};

use crate::support::{MS, Node, Reader, SECOND, World, pass};
use dwell_test_support::Pause;

/// Ends the session on another node.
async fn end_elsewhere(world: &World, token: &Token) {
    let other = world.stranger(world.shared.clone());
    let ended = other.end_session(token.key(), EndReason::Revoked).await;
    assert!(ended.unwrap());
}

/// A node over the store with a feed, and a stream on it that has been open for a
/// while.
async fn settled(world: &World, token: &Token) -> (Node, Reader) {
    let node = world.node_over(world.shared.clone());
    let (feed, reader) = node.events(token).await;
    std::mem::forget(feed);
    pass(seconds(5)).await;
    assert!(reader.is_open());
    (node, reader)
}

#[tokio::test(start_paused = true)]
async fn l14_store_with_feed_is_asked_at_start_and_deadline_only() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.shared.clone());
    let (_feed, first) = node.events(&token).await;
    let before = world.store.reads();
    pass(seconds(10)).await;
    // The first check, and one when the feed started.
    let at_start = world.store.reads() - before;
    assert!((1..=2).contains(&at_start), "{at_start}");
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(node.events(&token).await);
    }
    let before = world.store.reads();
    pass(seconds(3)).await;
    assert_eq!(world.store.reads() - before, 1, "N90: one look for all");
    let before = world.store.round_trips();
    pass(minutes(14) + seconds(46)).await;
    assert_eq!(world.store.round_trips(), before, "nothing to ask");
    for (_, reader) in open {
        assert_eq!(reader.end().await.reason(), "idle_timeout");
    }
    assert_eq!(first.end().await.reason(), "idle_timeout");
    assert!(world.store.reads() - before <= 11, "one look each");
}

#[tokio::test(start_paused = true)]
async fn l14_store_without_feed_is_asked_every_second() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node_over(world.store.clone());
    let (_feed, reader) = node.events(&token).await;
    pass(seconds(5)).await;
    let before = world.store.reads();
    pass(minutes(1)).await;
    let asked = world.store.reads() - before;
    assert!((59..=61).contains(&asked), "{asked} times");
    assert_eq!(world.store.writes(), 0, "asking is no activity");
    assert_eq!(
        reader.ends_after(minutes(15)).await.reason(),
        "idle_timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn l14_changes_other_than_ends_cut_nothing() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_node, reader) = settled(&world, &token).await;
    let before = world.store.reads();
    for _ in 0..10 {
        world.shared.tell_of(token.key());
        pass(SECOND).await;
    }
    assert!(reader.is_open());
    assert_eq!(world.store.reads() - before, 10);
    assert_eq!(
        reader.ends_after(minutes(15)).await.reason(),
        "idle_timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn l14_end_elsewhere_cuts_within_second_while_watch_is_lost() {
    for panics in [false, true] {
        for wait in [0, 1, 99, 500, 1_700, 30_000] {
            let world = World::new();
            let token = world.sign_in().await;
            let (_node, reader) = settled(&world, &token).await;
            match panics {
                true => world.shared.panic(),
                false => world.shared.break_off(),
            }
            pass(MS * wait).await;
            end_elsewhere(&world, &token).await;
            let ended = reader.ends_now().await;
            assert_eq!(ended.reason(), "revoked", "{wait} ms, panics: {panics}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l14_change_undelivered_before_loss_is_found_then() {
    let world = World::new();
    let token = world.sign_in().await;
    let (_node, reader) = settled(&world, &token).await;
    world.shared.fall_quiet();
    end_elsewhere(&world, &token).await;
    pass(10 * MS).await;
    assert!(reader.is_open(), "the end is unknown");
    world.shared.mend();
    world.shared.break_off();
    pass(MS).await;
    assert!(!reader.is_open());
    assert_eq!(reader.end().await.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn l14_returned_watch_missed_nothing_and_stops_polling() {
    let world = World::new();
    let (token, other) = (world.sign_in().await, world.sign_in().await);
    let (node, reader) = settled(&world, &token).await;
    let (_feed, others) = node.events(&other).await;
    pass(seconds(5)).await;
    world.shared.break_off();
    pass(seconds(20)).await;
    // Not delivered, and found when the watch is back.
    end_elsewhere(&world, &other).await;
    world.shared.mend();
    let ended = others.ends_now().await;
    assert_eq!(ended.reason(), "revoked");
    pass(seconds(5)).await;
    let before = world.store.reads();
    pass(minutes(5)).await;
    assert_eq!(world.store.reads(), before, "changes are delivered again");
    end_elsewhere(&world, &token).await;
    pass(MS).await;
    assert!(!reader.is_open(), "ends are delivered");
}

#[tokio::test(start_paused = true)]
async fn l14_polling_makes_up_for_watch_that_cannot_start() {
    let world = World::new();
    let token = world.sign_in().await;
    world.shared.break_off();
    let (_node, reader) = settled(&world, &token).await;
    end_elsewhere(&world, &token).await;
    assert_eq!(reader.ends_now().await.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn n39_end_during_first_check_is_noticed() {
    let world = World::new();
    let token = world.sign_in().await;
    let pause = Pause::default();
    let mut late = world.shared.clone();
    late.late = Some(pause.clone());
    let node = world.node_over(late);
    pause.release(1);
    let (_feed, reader) = node.events(&token).await;
    pause.arrival().await;
    // Next comes the stream's check, which is out of date when it arrives.
    pause.arrival().await;
    pass(300 * MS).await;
    end_elsewhere(&world, &token).await;
    pass(MS).await;
    assert!(reader.is_open());
    pause.release(10);
    let ended = reader.ends_now().await;
    assert_eq!(ended.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn n39_end_between_request_and_watch_is_noticed_within_second() {
    for wait in [0, 100, 249, 250, 251, 260, 300, 510] {
        let world = World::new();
        let token = world.sign_in().await;
        world.shared.lag(400 * MS);
        let node = world.node_over(world.shared.clone());
        let (_feed, reader) = node.events(&token).await;
        pass(MS * wait).await;
        end_elsewhere(&world, &token).await;
        let ended = reader.ends_now().await;
        assert_eq!(ended.reason(), "revoked", "{wait} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn stacks_of_node_watch_store_once() {
    let world = World::new();
    let token = world.sign_in().await;
    let (node, one) = settled(&world, &token).await;
    let other_stack = Node::new(node.manager());
    let (_feed, two) = other_stack.events(&token).await;
    pass(seconds(5)).await;
    assert_eq!((world.shared.watches(), world.shared.starts()), (1, 1));
    // The watch stays for the remaining stream.
    one.leave().await;
    drop(node);
    pass(minutes(2)).await;
    assert_eq!((world.shared.watches(), world.shared.starts()), (1, 1));
    end_elsewhere(&world, &token).await;
    pass(MS).await;
    assert!(!two.is_open());
    assert_eq!(two.end().await.reason(), "revoked");
}

#[tokio::test(start_paused = true)]
async fn l14_end_is_noticed_on_every_node() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(settled(&world, &token).await);
    }
    end_elsewhere(&world, &token).await;
    pass(10 * MS).await;
    for (_, reader) in open {
        assert!(!reader.is_open());
        assert_eq!(reader.end().await.reason(), "revoked");
    }
}
