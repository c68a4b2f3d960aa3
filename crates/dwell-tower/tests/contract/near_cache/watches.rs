//! The watch for changes: without one, no copy answers.

use std::time::Duration;

use dwell_core::seconds;
use dwell_core::store::SessionStore;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use super::Near;
use crate::support::{Pause, poll_once};
use dwell_test_support::Log;

#[tokio::test]
async fn n39_look_up_before_watch_is_not_kept() {
    let near = Near::new();
    let token = near.world.sign_in().await;
    for _ in 0..3 {
        let (calls, _) = near.calls(near.find(&token)).await;
        assert_eq!(calls, 1);
    }
    near.shared.watched(1).await;
    near.find(&token).await;
    assert!(!near.answers(&token), "the feed has confirmed nothing yet");
    near.shared.pulse().await;
    assert!(!near.answers(&token), "the look-up was before the watch");
    near.find(&token).await;
    assert!(near.answers(&token));
    assert_eq!(near.shared.starts(), 1);
}

/// The store was asked before the watch and answers during it. Changes in between
/// were not delivered.
#[tokio::test]
async fn n39_late_answer_from_before_watch_is_not_kept() {
    let mut near = Near::new();
    let token = near.world.sign_in().await;
    let late = Pause::default();
    near.shared.late = Some(late.clone());
    let cache = near.other();
    let mut look_up = Box::pin(cache.load(token.key()));
    assert!(poll_once(&mut look_up).await.is_pending());
    near.shared.watched(1).await;
    near.shared.pulse().await;
    late.release(2);
    let _ = look_up.await.unwrap();
    assert!(cache.is_empty());
    let _ = cache.load(token.key()).await.unwrap();
    assert_eq!(cache.len(), 1, "that look-up began during the watch");
}

#[tokio::test(start_paused = true)]
async fn l08_every_look_up_asks_store_while_watch_is_lost() {
    let near = Near::new();
    let token = near.copied().await;
    near.shared.break_off();
    yield_now().await;
    assert!(near.cache.is_empty());
    for _ in 0..5 {
        let (calls, _) = near.calls(near.find(&token)).await;
        assert_eq!(calls, 1);
        near.world.clock.advance(seconds(1));
        tokio::time::advance(seconds(1)).await;
    }
    near.shared.mend();
    near.shared.watched(near.shared.starts() + 1).await;
    near.find(&token).await;
    near.shared.pulse().await;
    assert!(!near.answers(&token), "the look-up was before the watch");
    near.find(&token).await;
    assert!(near.answers(&token));
}

#[tokio::test(start_paused = true)]
async fn panicked_watch_is_restarted() {
    let near = Near::new();
    let token = near.copied().await;
    near.shared.panic();
    near.shared.watched(3).await;
    assert!(!near.answers(&token));
    near.shared.mend();
    near.shared.watched(near.shared.starts() + 1).await;
    near.shared.pulse().await;
    near.find(&token).await;
    assert!(near.answers(&token));
}

#[tokio::test(start_paused = true)]
async fn lost_watch_is_restarted_at_growing_pauses_up_to_two_seconds() {
    let near = Near::new();
    near.watch().await;
    near.shared.break_off();
    yield_now().await;
    let within = Duration::from_millis(101);
    let first = tokio::time::timeout(within, near.shared.watched(2)).await;
    first.expect("soon");
    // Pauses of 0.2, 0.4, 0.8, 1.6 and then 2 s, or up to half of that less.
    let before = near.shared.starts();
    let minute = tokio::time::timeout(seconds(60), near.shared.watched(1_000)).await;
    assert!(minute.is_err());
    let starts = near.shared.starts() - before;
    assert!((32..=63).contains(&starts), "{starts} times in a minute");
    // After a watch that was live, pauses start anew.
    near.shared.mend();
    near.shared.watched(near.shared.starts() + 1).await;
    near.shared.pulse().await;
    near.shared.break_off();
    let again = near.shared.watched(near.shared.starts() + 1);
    let again = tokio::time::timeout(within, again).await;
    again.expect("soon");
}

#[tokio::test(start_paused = true)]
async fn watch_loss_and_return_are_logged_once_each() {
    let (log, _guard) = Log::keep();
    let near = Near::new();
    near.watch().await;
    let lost = "change feed lost";
    assert_eq!(log.take(), "");
    near.shared.break_off();
    near.shared.watched(5).await;
    let text = log.take();
    assert_eq!(text.matches(lost).count(), 1, "{text}");
    assert!(
        text.contains("WARN") && text.contains("unavailable"),
        "{text}"
    );
    near.shared.mend();
    near.shared.watched(near.shared.starts() + 1).await;
    near.shared.pulse().await;
    near.shared.pulse().await;
    let text = log.take();
    assert_eq!(text.matches("change feed is back").count(), 1, "{text}");
    near.shared.break_off();
    near.shared.watched(near.shared.starts() + 1).await;
    let text = log.take();
    assert_eq!(text.matches(lost).count(), 1, "{text}");
}

#[tokio::test]
async fn watch_ends_with_last_clone() {
    let near = Near::new();
    near.copied().await;
    assert_eq!(near.shared.watches(), 1);
    let (shared, clone) = (near.shared.clone(), near.cache.clone());
    drop(near);
    yield_now().await;
    assert_eq!(shared.watches(), 1);
    drop(clone);
    yield_now().await;
    assert_eq!(shared.watches(), 0);
}

#[test]
fn watch_of_stopped_runtime_is_restarted_on_next() {
    let runtime = || Builder::new_current_thread().enable_time().build().unwrap();
    let near = Near::new();
    let token = runtime().block_on(near.copied());
    assert!(!near.answers(&token), "there is no watch");
    runtime().block_on(async {
        near.find(&token).await;
        near.shared.watched(2).await;
        near.shared.pulse().await;
        near.find(&token).await;
        assert!(near.answers(&token));
    });
}

#[test]
fn look_ups_without_runtime_ask_store() {
    let near = Near::new();
    let look_up = near.cache.load(dwell_core::SessionKey::from_bytes([7; 16]));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = std::pin::pin!(look_up).poll(&mut context);
    assert!(polled.is_ready());
    assert_eq!((near.world.store.reads(), near.shared.starts()), (1, 0));
}
