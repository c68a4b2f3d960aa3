//! After a change on this node or another, no copy answers.

use dwell_core::store::{DuePolicy, Lookup, SessionStore, Update};
use dwell_core::{EndReason, PolicySet, Timeouts, minutes, seconds};

use super::{MS, Near};
use crate::support::{Pause, World, poll_once};

#[tokio::test]
async fn l04_delivered_end_is_seen_at_once() {
    let near = Near::new();
    let token = near.copied().await;
    let end = EndReason::Revoked.into();
    near.other().end(token.key(), end).await.unwrap();
    near.shared.pulse().await;
    assert_eq!(near.end_reason(&token).await, Some(EndReason::Revoked));
    assert!(near.cache.is_empty());
}

/// With every fault of the delivery.
#[tokio::test]
async fn l04_end_on_another_node_is_seen_within_100_ms() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(30 * MS).await;
    near.shared.fall_quiet();
    let end = EndReason::Revoked.into();
    near.other().end(token.key(), end).await.unwrap();
    assert!(near.answers(&token), "nothing was delivered");
    near.world.clock.advance(75 * MS);
    assert!(near.answers(&token), "as long as that may be");
    near.world.clock.advance(MS);
    assert_eq!(near.end_reason(&token).await, Some(EndReason::Revoked));
}

#[tokio::test]
async fn l10_token_replaced_elsewhere_is_known_once_delivered() {
    let near = Near::new();
    let token = near.copied().await;
    let confirm = near.other().update(token.key(), 0, Update::Confirm).await;
    let _ = confirm.unwrap();
    near.shared.pulse().await;
    assert!(!near.answers(&token));
    assert_eq!(near.find(&token).await.facts.version, 1);
}

/// The session ends while the store's answer is on its way: the end is delivered
/// before there is a copy.
#[tokio::test]
async fn n39_look_up_overtaken_by_change_is_not_kept() {
    let world = World::new();
    let token = world.sign_in().await;
    let mut near = Near::around(world, |cache| cache);
    near.watch().await;
    let late = Pause::default();
    near.shared.late = Some(late.clone());
    // A node that gets answers late.
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
        "as it was at the look-up"
    );
    assert!(slow.is_empty());
    let found = slow.load(token.key()).await.unwrap().state;
    assert!(matches!(found, Lookup::Ended(_)));
}

#[tokio::test]
async fn l04_own_changes_are_seen_without_delivery() {
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
async fn l04_failed_or_cancelled_end_leaves_no_copy() {
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
    // Another request finds it unchanged.
    near.find(&token).await;
    assert!(near.answers(&token));
    drop(given_up);
    assert!(!near.answers(&token), "it may have ended by now");
}

#[tokio::test]
async fn l12_sessions_ended_by_own_reaper_have_no_copy() {
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
    let due = DuePolicy::new(policies.into());
    let mut ended = Vec::new();
    for _ in 0..100 {
        let reaped = near.cache.reap(due.clone(), 10_000).await.unwrap();
        ended.extend(reaped.ended);
        if !reaped.more {
            break;
        }
    }
    assert_eq!(ended.len(), 1);
    assert_eq!(near.end_reason(&token).await, Some(EndReason::IdleTimeout));
}
