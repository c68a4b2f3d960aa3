//! What changes, on this node or another, is no longer answered by a copy.

use dwell_core::store::{DuePolicy, Lookup, SessionStore, Update};
use dwell_core::{EndReason, PolicySet, Timeouts, minutes, seconds};

use super::{MS, Near};
use crate::support::{Pause, World, poll_once};

#[tokio::test]
async fn l04_an_end_that_is_told_is_seen_at_once() {
    let near = Near::new();
    let token = near.copied().await;
    let end = EndReason::Revoked.into();
    near.other().end(token.key(), end).await.unwrap();
    near.shared.pulse().await;
    assert_eq!(near.end_reason(&token).await, Some(EndReason::Revoked));
    assert!(near.cache.is_empty());
}

/// However the telling fares.
#[tokio::test]
async fn l04_an_end_on_another_node_is_seen_within_100_ms() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(30 * MS).await;
    near.shared.fall_quiet();
    let end = EndReason::Revoked.into();
    near.other().end(token.key(), end).await.unwrap();
    assert!(near.answers(&token), "nothing was told");
    near.world.clock.advance(75 * MS);
    assert!(near.answers(&token), "as long as that may be");
    near.world.clock.advance(MS);
    assert_eq!(near.end_reason(&token).await, Some(EndReason::Revoked));
}

#[tokio::test]
async fn l10_a_token_that_another_node_replaced_is_known_when_it_is_told() {
    let near = Near::new();
    let token = near.copied().await;
    let confirm = near.other().update(token.key(), 0, Update::Confirm).await;
    let _ = confirm.unwrap();
    near.shared.pulse().await;
    assert!(!near.answers(&token));
    assert_eq!(near.find(&token).await.facts.version, 1);
}

/// The store has answered, and while the answer is on its way the session
/// ends: that was told before there was a copy.
#[tokio::test]
async fn n39_what_was_found_while_it_changed_is_not_kept() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut near = Near::around(world, |cache| cache);
    near.watch().await;
    let late = Pause::default();
    near.shared.late = Some(late.clone());
    // A node to which answers take their time.
    let slow = near.other();
    assert!(
        poll_once(&mut Box::pin(slow.load(token.key())))
            .await
            .is_pending()
    );
    near.shared.watched(2).await;
    near.shared.pulse().await;
    let mut look_up = Box::pin(slow.load(token.key()));
    assert!(poll_once(&mut look_up).await.is_pending());
    let end = EndReason::Revoked.into();
    near.cache.end(token.key(), end).await.unwrap();
    near.shared.pulse().await;
    late.release(2);
    let found = look_up.await.unwrap().state;
    assert!(
        matches!(found, Lookup::Found(_)),
        "as it was when it was asked"
    );
    assert!(slow.is_empty());
    let found = slow.load(token.key()).await.unwrap().state;
    assert!(matches!(found, Lookup::Ended(_)));
}

#[tokio::test]
async fn l04_this_nodes_changes_are_seen_without_being_told() {
    let near = Near::new();
    near.watch().await;
    near.shared.fall_quiet();
    let token = near.world.sign_in().await;
    near.find(&token).await;
    assert!(near.answers(&token));
    let update = near.cache.update(token.key(), 0, Update::Confirm).await;
    let _ = update.unwrap();
    assert_eq!(near.find(&token).await.facts.version, 1);
    assert!(near.answers(&token));
    let end = EndReason::SignedOut.into();
    near.cache.end(token.key(), end).await.unwrap();
    assert_eq!(near.end_reason(&token).await, Some(EndReason::SignedOut));
}

#[tokio::test]
async fn l04_an_end_that_fails_or_is_given_up_leaves_no_copy() {
    let near = Near::new();
    let end = EndReason::SignedOut.into();
    let token = near.copied().await;
    near.world.store.fail();
    assert!(near.cache.end(token.key(), end).await.is_err());
    near.world.store.heal();
    assert!(!near.answers(&token), "it may have ended");

    near.find(&token).await;
    assert!(near.answers(&token));
    near.world.store.hang();
    let mut given_up = Box::pin(near.cache.end(token.key(), end));
    assert!(poll_once(&mut given_up).await.is_pending());
    assert!(!near.answers(&token), "before the store answers");
    near.world.store.heal();
    // Another request finds it as it still is.
    near.find(&token).await;
    assert!(near.answers(&token));
    drop(given_up);
    assert!(!near.answers(&token), "it may have ended by now");
}

#[tokio::test]
async fn l12_what_a_reaping_pass_of_this_node_ends_has_no_copy() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(seconds(3)).await;
    near.shared.fall_quiet();
    assert!(near.answers(&token));
    // A stricter policy has come into force.
    let policies = PolicySet::simple(Timeouts {
        idle: seconds(1),
        absolute: minutes(1),
    })
    .unwrap();
    let judge = DuePolicy::new(policies.into());
    let mut ended = Vec::new();
    for _ in 0..100 {
        let reaped = near.cache.reap(judge.clone(), 10_000).await.unwrap();
        ended.extend(reaped.ended);
        if !reaped.more {
            break;
        }
    }
    assert_eq!(ended.len(), 1);
    assert_eq!(near.end_reason(&token).await, Some(EndReason::IdleTimeout));
}
