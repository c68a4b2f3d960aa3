//! Changes made by other nodes arrive within the bound, and a lost watch ends
//! with an error.

#![allow(clippy::expect_used, reason = "a test helper fails the test")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use dwell_core::store::{SessionStore, StoreError, Update, Watched, Watcher};
use dwell_core::{EndReason, SessionKey, Timestamp, minutes, seconds};
use dwell_redis::RedisStore;
use support::{activity, due_policy, start, undriven};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Forwards what it receives to the test.
#[derive(Debug)]
struct Forwarder {
    received: UnboundedSender<Received>,
    marks: AtomicU64,
}

#[derive(Debug, PartialEq, Eq)]
enum Received {
    Changed(SessionKey),
    CaughtUp,
}

impl Forwarder {
    fn new() -> (Self, UnboundedReceiver<Received>) {
        let (received, all) = unbounded_channel();
        let marks = AtomicU64::new(0);
        (Self { received, marks }, all)
    }
}

impl Watcher for Forwarder {
    fn changed(&self, key: SessionKey) {
        let _ = self.received.send(Received::Changed(key));
    }

    fn mark(&self) -> Timestamp {
        Timestamp::from_millis(self.marks.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn caught_up(&self, mark: Timestamp) {
        let last = self.marks.load(Ordering::SeqCst);
        assert_eq!(mark, Timestamp::from_millis(last));
        let _ = self.received.send(Received::CaughtUp);
    }
}

/// Returns the changes that arrive until the watch has caught up with
/// everything that happened before this call.
async fn changes(received: &mut UnboundedReceiver<Received>) -> Vec<SessionKey> {
    let mut keys = Vec::new();
    let mut caught_up = 0;
    // A mark may have been taken before; the one after it was not.
    while caught_up < 2 {
        let next = received.recv().await;
        match next.expect("the watch continues") {
            Received::Changed(key) => keys.push(key),
            Received::CaughtUp => caught_up += 1,
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_watch_receives_ends_and_updates_but_no_touches() {
    let on = undriven().await;
    let other = RedisStore::connect(&on.server.url()).await.unwrap();
    let mut records = Vec::new();
    for n in 0..4 {
        records.push(start(&on.store, n, minutes(1)).await);
    }
    let long_ago = start(&on.store, 9, minutes(16)).await;
    let (forwarder, mut received) = Forwarder::new();
    let store = on.store.clone();
    let watching = tokio::spawn(async move { store.watch(&forwarder).await });
    assert_eq!(changes(&mut received).await, []);
    let touch = other.touch(records[0].key, activity(&records[0], seconds(10)));
    touch.await.unwrap();
    assert_eq!(
        changes(&mut received).await,
        [],
        "touches are not published"
    );
    let end = other.end(records[1].key, EndReason::SignedOut.into());
    assert!(end.await.unwrap().is_some());
    assert_eq!(changes(&mut received).await, [records[1].key], "an end");
    other
        .update(records[2].key, 0, Update::Confirm)
        .await
        .unwrap();
    assert_eq!(changes(&mut received).await, [records[2].key], "an update");
    other.reap(due_policy(), 1_000).await.unwrap();
    assert_eq!(
        changes(&mut received).await,
        [long_ago.key],
        "a reaped session"
    );
    watching.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_of_killed_server_ends_with_error() {
    let on = undriven().await;
    let (forwarder, mut received) = Forwarder::new();
    let store = on.store.clone();
    let watching = tokio::spawn(async move { store.watch(&forwarder).await });
    changes(&mut received).await;
    on.server.kill9().unwrap();
    let Err(error) = watching.await.unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_of_hanging_server_ends() {
    let on = undriven().await;
    let (forwarder, mut received) = Forwarder::new();
    let store = on.store.clone();
    let watching = tokio::spawn(async move { store.watch(&forwarder).await });
    changes(&mut received).await;
    on.server.stop().unwrap();
    let ended = watching.await.unwrap();
    on.server.cont().unwrap();
    assert!(ended.is_err());
}
