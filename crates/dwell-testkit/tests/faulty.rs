//! The faulty store fails on demand, and forwards nothing while it does.

#![allow(clippy::unwrap_used, reason = "a failing test panics")]

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
async fn failing_store_passes_nothing_on() {
    let (store, inner) = stores();
    store.fail();
    assert!(matches!(
        store.load(KEY).await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(store.list("alice".into()).await.is_err());
    assert!(store.end(KEY, EndReason::Revoked.into()).await.is_err());
    assert!(store.now().await.is_err());
    assert_eq!(
        (store.reads(), store.writes()),
        (2, 1),
        "failed calls count"
    );
    assert_eq!((inner.reads(), inner.writes()), (0, 0));
    store.heal();
    assert!(store.load(KEY).await.is_ok());
    assert!(store.end(KEY, EndReason::Revoked.into()).await.is_ok());
    assert_eq!((inner.reads(), inner.writes()), (1, 1));
}

#[tokio::test]
async fn touch_and_load_is_one_round_trip() {
    let (store, inner) = stores();
    let touch = Touch {
        at: Timestamp::MIN,
        network: NetworkId::NONE,
        idle_deadline: Timestamp::MIN,
        retried: false,
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
async fn hanging_store_passes_nothing_on() {
    let (store, inner) = stores();
    store.hang();
    assert!(is_pending(store.load(KEY)));
    assert!(is_pending(store.end(KEY, EndReason::Revoked.into())));
    assert_eq!((inner.reads(), inner.writes()), (0, 0));
    store.heal();
    assert!(store.load(KEY).await.is_ok(), "later calls are answered");
}

#[tokio::test(start_paused = true)]
async fn slow_store_asks_inner_store_after_delay() {
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
        "the inner store is called only after the delay"
    );
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(answer.await.unwrap());
    assert_eq!(inner.reads(), 1);
}

#[tokio::test]
async fn panic_comes_only_when_answer_is_awaited() {
    let (store, inner) = stores();
    store.panic();
    let answer = store.load(KEY);
    drop(answer);
    let panicking = store.clone();
    let error = tokio::spawn(async move { panicking.load(KEY).await.is_ok() });
    assert!(error.await.unwrap_err().is_panic());
    assert_eq!(inner.reads(), 0);
}
