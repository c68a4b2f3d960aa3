//! The faulty store does what it is told, and nothing reaches the store within
//! while it fails.

#![allow(clippy::unwrap_used, reason = "a test says so when it fails")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{SessionStore, StoreError, StoreFuture, TouchOutcome};
use dwell_core::{EndReason, NetworkId, SessionKey, Timestamp, seconds};
use dwell_memory::MemoryStore;
use dwell_testkit::FaultyStore;

const KEY: SessionKey = SessionKey::from_bytes([7; 16]);

/// A faulty store over one that counts.
fn stores() -> (FaultyStore, FaultyStore) {
    let inner = FaultyStore::new(MemoryStore::new());
    (FaultyStore::new(inner.clone()), inner)
}

fn is_pending<T>(answer: StoreFuture<'_, T>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(pin!(answer).poll(&mut context), Poll::Pending)
}

#[tokio::test]
async fn while_it_fails_nothing_reaches_the_store_within() {
    let (store, inner) = stores();
    store.fail();
    assert!(matches!(
        store.load(KEY).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(store.list("alice".into()).await.is_err());
    assert!(store.end(KEY, EndReason::Revoked.into()).await.is_err());
    assert!(store.now().await.is_err());
    assert_eq!((store.reads(), store.writes()), (2, 1), "tries count");
    assert_eq!((inner.reads(), inner.writes()), (0, 0));
    store.heal();
    assert!(store.load(KEY).await.is_ok());
    assert!(store.end(KEY, EndReason::Revoked.into()).await.is_ok());
    assert_eq!((inner.reads(), inner.writes()), (1, 1));
}

#[tokio::test]
async fn a_touch_with_a_look_up_is_a_write_and_a_read_in_one_call() {
    let (store, inner) = stores();
    let touch = Touch {
        at: Timestamp::MIN,
        network: NetworkId::NONE,
        idle_deadline: Timestamp::MIN,
    };
    let both = store.touch_and_load(KEY, touch).await;
    assert_eq!(both.unwrap().0, TouchOutcome::Gone);
    for store in [&store, &inner] {
        assert_eq!((store.reads(), store.writes()), (1, 1));
        assert_eq!(store.round_trips(), 1);
    }
    assert!(store.load(KEY).await.is_ok());
    assert!(store.touch(KEY, touch).await.is_ok());
    assert_eq!(store.round_trips(), 3);
}

#[tokio::test]
async fn while_it_hangs_nothing_is_answered_and_nothing_reaches_the_store_within() {
    let (store, inner) = stores();
    store.hang();
    assert!(is_pending(store.load(KEY)));
    assert!(is_pending(store.end(KEY, EndReason::Revoked.into())));
    assert_eq!((inner.reads(), inner.writes()), (0, 0));
    store.heal();
    assert!(
        store.load(KEY).await.is_ok(),
        "what comes later is answered"
    );
}

#[tokio::test(start_paused = true)]
async fn while_it_is_slow_the_store_within_is_asked_when_the_delay_is_over() {
    let (store, inner) = stores();
    store.delay(seconds(2));
    let slow = store.clone();
    let answer = tokio::spawn(async move { slow.load(KEY).await.is_ok() });
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_millis(1_999)).await;
    assert!(!answer.is_finished());
    assert_eq!(
        inner.reads(),
        0,
        "asked when its turn comes, and not before"
    );
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(answer.await.unwrap());
    assert_eq!(inner.reads(), 1);
}

#[tokio::test]
async fn a_panic_comes_when_the_answer_is_awaited_and_not_before() {
    let (store, inner) = stores();
    store.panic();
    let answer = store.load(KEY);
    drop(answer);
    let panicking = store.clone();
    let error = tokio::spawn(async move { panicking.load(KEY).await.is_ok() });
    assert!(error.await.unwrap_err().is_panic());
    assert_eq!(inner.reads(), 0);
}
