//! Copies that do not know yet what happened to a token elsewhere.

use dwell_core::store::SessionStore;
use dwell_core::{EventKind, ManualClock, minutes, seconds};
use dwell_memory::MemoryStore;
use dwell_tower::NearCache;
use tower::ServiceExt;

use super::Near;
use crate::support::{get, outcome, stack};

#[tokio::test(start_paused = true)]
async fn l10_copy_takes_no_stolen_token_for_lost_one() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let old = near.copied().await;
    let new = near.rotate_elsewhere(&old).await;
    // The copy knows of the successor, not of its use.
    for _ in 0..3 {
        near.advance(seconds(4)).await;
        near.find(&old).await;
    }
    assert!(!near.find(&old).await.credential.confirmed);
    let elsewhere = near.world.app(&near.world.local);
    elsewhere.oneshot(get("/", &new)).await.unwrap();
    assert!(near.answers(&old), "nothing was told");
    let mut thief = near.world.client(&stack, &old);
    assert_eq!(outcome(&thief.get("/").await), "token_reuse");
    assert_eq!(near.world.events.count(EventKind::SessionExpired), 1);
}

#[tokio::test(start_paused = true)]
async fn l10_token_two_rotations_on_is_good_at_once() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let old = near.copied().await;
    let next = near.rotate_elsewhere(&old).await;
    near.advance(seconds(6)).await;
    near.find(&old).await;
    let last = near.rotate_elsewhere(&next).await;
    assert!(near.answers(&old), "nothing was told");
    let mut client = near.world.client(&stack, &last);
    assert_eq!(outcome(&client.get("/").await), "ok");
    let answer = client.get("/").await;
    assert!(answer.header("session-timeout").is_some());
}

#[tokio::test(start_paused = true)]
async fn l10_within_grace_copy_answers_for_old_token() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let old = near.copied().await;
    near.rotate_elsewhere(&old).await;
    near.advance(seconds(6)).await;
    near.find(&old).await;
    let mut client = near.world.client(&stack, &old);
    let (calls, answer) = near.calls(client.get("/")).await;
    assert_eq!((calls, outcome(&answer).as_str()), (0, "ok"));
    assert!(near.cache.is_local() || near.answers(&old));
}

/// Otherwise sessions that a store in memory has forgotten would be adopted.
#[tokio::test]
async fn n101_cache_knows_what_its_store_remembers() {
    let store = MemoryStore::with_clock_and_tombstones(ManualClock::new(), minutes(7));
    let (since, tombstones) = (store.remembers_since(), store.tombstone_lifetime());
    assert!(since.is_some());
    let cache = NearCache::new(store);
    assert_eq!(cache.remembers_since(), since);
    assert_eq!(cache.tombstone_lifetime(), tombstones);
}
