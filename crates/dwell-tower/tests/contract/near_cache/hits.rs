//! What a copy answers, and for how long.

use std::time::Duration;

use dwell_core::store::{Lookup, SessionStore, TouchOutcome};
use dwell_core::{AdoptedSession, EndReason, Policy, PolicySet, Timeouts, hours, minutes, seconds};
use dwell_tower::NearCache;

use super::{MS, Near, touch};
use crate::support::World;

#[tokio::test]
async fn hot_session_costs_no_call() {
    let near = Near::new();
    let token = near.copied().await;
    for _ in 0..100 {
        near.advance(10 * MS).await;
        let (calls, record) = near.calls(near.find(&token)).await;
        assert_eq!((calls, record), (0, near.world.record(&token)));
    }
}

#[tokio::test]
async fn clones_share_copies() {
    let near = Near::new();
    let token = near.copied().await;
    let clone = near.cache.clone();
    assert!(clone.load(token.key()).into_ready().is_ok());
    assert_eq!((clone.len(), near.shared.watches()), (1, 1));
}

#[tokio::test]
async fn l13_ended_and_unknown_sessions_are_always_looked_up() {
    let near = Near::new();
    let token = near.copied().await;
    let unknown = dwell_core::Token::generate().unwrap();
    let revoked = EndReason::Revoked;
    near.cache.end(token.key(), revoked.into()).await.unwrap();
    for _ in 0..3 {
        let (calls, reason) = near.calls(near.end_reason(&token)).await;
        assert_eq!((calls, reason), (1, Some(revoked)));
        let (calls, state) = near.calls(near.state(&unknown)).await;
        assert_eq!(calls, 1);
        assert!(matches!(state, Lookup::Missing));
    }
    assert!(near.cache.is_empty());
}

/// The answer to a slow look-up may be ahead of the store's clock by the delay, and
/// is never behind.
#[tokio::test(start_paused = true)]
async fn l11_copy_goes_by_store_clock_and_is_never_behind() {
    let near = Near::new();
    let token = near.world.sign_in().await;
    near.watch().await;
    near.world.store.delay(seconds(1));
    let cache = near.cache.clone();
    let key = token.key();
    let look_up = tokio::spawn(async move { cache.load(key).await.unwrap().now });
    tokio::task::yield_now().await;
    near.world.clock.advance(40 * MS);
    let loaded = look_up.await.unwrap();
    assert_eq!(loaded, near.world.now());
    near.advance(seconds(2)).await;
    let copy = near.cache.load(key).into_ready().ok().unwrap().unwrap();
    assert_eq!(copy.now, near.world.now() + 40 * MS);
}

#[tokio::test]
async fn l05_no_copy_answers_past_its_age() {
    // Five seconds, or a 60th of the idle timeout.
    for (idle, age) in [(minutes(15), seconds(5)), (minutes(2), seconds(2))] {
        let near = Near::with(
            PolicySet::simple(Timeouts {
                idle,
                absolute: hours(8),
            })
            .unwrap(),
        );
        let token = near.copied().await;
        near.advance(age - MS).await;
        assert!(near.answers(&token), "{idle:?}");
        near.advance(MS).await;
        assert!(!near.answers(&token), "{idle:?}");
        let (calls, _) = near.calls(near.find(&token)).await;
        assert_eq!(calls, 1);
        assert!(near.answers(&token), "it was looked up anew");
    }
}

/// Touches on another node are not delivered; the copy expires soon enough.
#[tokio::test]
async fn l05_touch_elsewhere_is_known_within_five_seconds() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(seconds(1)).await;
    let other = near.other();
    let touched = other.touch(token.key(), touch(near.world.now()));
    assert_eq!(touched.await.unwrap(), TouchOutcome::Recorded);
    near.advance(seconds(4)).await;
    assert_eq!(near.find(&token).await, near.world.record(&token));
}

#[tokio::test]
async fn l01_no_copy_answers_at_deadline() {
    let near = Near::new();
    let session = AdoptedSession::new("issuer", "theirs", "alice");
    let session = session.with_expires_at(near.world.now() + seconds(2));
    let key = session.key();
    let network = near.world.local.policies().current().find_network(None);
    near.world.local.adopt(&session, network).await.unwrap();
    near.watch().await;
    let _ = near.cache.load(key).await.unwrap();
    near.advance(seconds(2) - MS).await;
    assert!(near.cache.load(key).into_ready().is_ok());
    near.advance(MS).await;
    assert!(near.cache.load(key).into_ready().is_err());
}

#[tokio::test]
async fn l05_no_copy_answers_in_second_half_of_idle_time() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(minutes(15) / 2 - MS).await;
    near.find(&token).await;
    assert!(near.answers(&token));
    near.advance(MS).await;
    for _ in 0..3 {
        let (calls, _) = near.calls(near.find(&token)).await;
        assert_eq!(calls, 1);
    }
}

#[tokio::test]
async fn recorded_touch_updates_copy() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(seconds(3)).await;
    let touch = near.cache.touch(token.key(), touch(near.world.now()));
    assert_eq!(touch.await.unwrap(), TouchOutcome::Recorded);
    assert!(near.answers(&token));
    assert_eq!(near.find(&token).await, near.world.record(&token));
    // It is as old as the look-up, despite later touches.
    near.advance(seconds(2)).await;
    assert!(!near.answers(&token));
}

#[tokio::test]
async fn late_touch_reveals_stale_copy() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(seconds(2)).await;
    let later = touch(near.world.now());
    let other = near.other().touch(token.key(), later).await;
    assert_eq!(other.unwrap(), TouchOutcome::Recorded);
    let earlier = touch(near.world.now() - seconds(1));
    let touched = near.cache.touch(token.key(), earlier).await;
    assert_eq!(touched.unwrap(), TouchOutcome::Older);
    assert!(!near.answers(&token));
}

#[tokio::test]
async fn look_up_with_touch_asks_store_and_leaves_copy() {
    let near = Near::new();
    let token = near.copied().await;
    near.advance(seconds(3)).await;
    let key = token.key();
    let both = near.cache.touch_and_load(key, touch(near.world.now()));
    let (calls, both) = near.calls(both).await;
    assert_eq!((calls, both.unwrap().0), (1, TouchOutcome::Recorded));
    near.advance(seconds(5) - MS).await;
    assert!(near.answers(&token), "as old as that look-up");
    assert_eq!(near.find(&token).await, near.world.record(&token));
}

#[tokio::test]
async fn number_of_copies_is_bounded() {
    for capacity in [0, 1, 2, 40, 100] {
        let with_capacity = |cache: NearCache| cache.with_capacity(capacity);
        let near = Near::around(World::new(), with_capacity);
        near.watch().await;
        let mut last = None;
        for _ in 0..3 * capacity + 3 {
            let token = near.world.sign_in().await;
            near.find(&token).await;
            assert!(near.cache.len() <= capacity);
            assert_eq!(near.answers(&token), capacity > 0, "{capacity}: the newest");
            if let Some(last) = last.replace(token) {
                near.find(&last).await;
            }
        }
        assert!(near.cache.len() >= capacity / 2, "and not much fewer");
    }
}

/// The evicted copy is gone, and all others are found.
#[tokio::test]
async fn evicted_copy_takes_no_other_along() {
    let near = Near::around(World::new(), |cache| cache.with_capacity(3));
    near.watch().await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        tokens.push(near.world.sign_in().await);
        near.find(tokens.last().unwrap()).await;
    }
    near.cache
        .end(tokens[0].key(), EndReason::Revoked.into())
        .await
        .unwrap();
    let answers = |near: &Near| tokens.iter().filter(|token| near.answers(token)).count();
    assert_eq!((answers(&near), near.cache.len()), (2, 2));
    for full in [3, 3, 3] {
        let token = near.world.sign_in().await;
        near.find(&token).await;
        assert!(near.answers(&token));
        assert_eq!(near.cache.len(), full);
    }
    assert!(answers(&near) <= 1);
}

#[tokio::test]
async fn copy_answers_under_soon_ending_policy() {
    let policy = Policy::named("default").idle(seconds(60));
    let policies = PolicySet::builder(policy.absolute(minutes(5))).build();
    let near = Near::with(policies.unwrap());
    let token = near.copied().await;
    near.advance(Duration::from_millis(999)).await;
    assert!(near.answers(&token));
}
