//! What other nodes change is told within the bound, and a lost watch says so.

#![allow(clippy::expect_used, reason = "a test helper fails the test")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use dwell_core::store::{SessionStore, StoreError, Update, Watched, Watcher};
use dwell_core::{EndReason, SessionKey, Timestamp, minutes, seconds};
use dwell_redis::RedisStore;
use support::{activity, due_policy, start, undriven};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Tells a test what it is told.
#[derive(Debug)]
struct Teller {
    told: UnboundedSender<Told>,
    marks: AtomicU64,
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Changed(SessionKey),
    CaughtUp,
}

impl Teller {
    fn new() -> (Self, UnboundedReceiver<Told>) {
        let (told, tells) = unbounded_channel();
        let marks = AtomicU64::new(0);
        (Self { told, marks }, tells)
    }
}

impl Watcher for Teller {
    fn changed(&self, key: SessionKey) {
        let _ = self.told.send(Told::Changed(key));
    }

    fn mark(&self) -> Timestamp {
        Timestamp::from_millis(self.marks.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn caught_up(&self, mark: Timestamp) {
        let last = self.marks.load(Ordering::SeqCst);
        assert_eq!(mark, Timestamp::from_millis(last));
        let _ = self.told.send(Told::CaughtUp);
    }
}

/// What is told besides catching up, until the next time that it is caught up
/// on everything that had happened when this was called.
async fn changes(tells: &mut UnboundedReceiver<Told>) -> Vec<SessionKey> {
    let mut keys = Vec::new();
    let mut caught_up = 0;
    // A mark may have been taken before; the one after it was not.
    while caught_up < 2 {
        let told = tells.recv().await;
        match told.expect("the watch goes on") {
            Told::Changed(key) => keys.push(key),
            Told::CaughtUp => caught_up += 1,
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn l04_ends_and_updates_on_another_node_are_told_and_touches_are_not() {
    let on = undriven().await;
    let other = RedisStore::connect(&on.server.url()).await.unwrap();
    let mut records = Vec::new();
    for n in 0..4 {
        records.push(start(&on.store, n, minutes(1)).await);
    }
    let long_ago = start(&on.store, 9, minutes(16)).await;
    let (teller, mut tells) = Teller::new();
    let store = on.store.clone();
    let watching = tokio::spawn(async move { store.watch(&teller).await });
    assert_eq!(changes(&mut tells).await, []);
    let touch = other.touch(records[0].key, activity(&records[0], seconds(10)));
    touch.await.unwrap();
    assert_eq!(changes(&mut tells).await, [], "touches are not told");
    let end = other.end(records[1].key, EndReason::SignedOut.into());
    assert!(end.await.unwrap().is_some());
    assert_eq!(changes(&mut tells).await, [records[1].key], "an end");
    other
        .update(records[2].key, 0, Update::Confirm)
        .await
        .unwrap();
    assert_eq!(changes(&mut tells).await, [records[2].key], "an update");
    other.reap(due_policy(), 1_000).await.unwrap();
    assert_eq!(
        changes(&mut tells).await,
        [long_ago.key],
        "a reaped session"
    );
    watching.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_server_goes_down_ends_with_an_error() {
    let on = undriven().await;
    let (teller, mut tells) = Teller::new();
    let store = on.store.clone();
    let watching = tokio::spawn(async move { store.watch(&teller).await });
    changes(&mut tells).await;
    on.server.kill9().unwrap();
    let Err(error) = watching.await.unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_server_hangs_catches_up_no_more_and_ends() {
    let on = undriven().await;
    let (teller, mut tells) = Teller::new();
    let store = on.store.clone();
    let watching = tokio::spawn(async move { store.watch(&teller).await });
    changes(&mut tells).await;
    on.server.stop().unwrap();
    let ended = watching.await.unwrap();
    on.server.cont().unwrap();
    assert!(ended.is_err());
}
