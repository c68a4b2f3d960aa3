//! A watch receives what other nodes change, or ends with an error.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::sync::Mutex;

use dwell_core::store::{SessionStore, StoreError, Update, Watched, Watcher};
use dwell_core::{Clock, EndReason, SessionKey, Timestamp, as_millis, minutes, seconds};
use support::{due_policy, reap_all, start};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Counts its marks, and keeps the changes that it receives.
#[derive(Debug, Default)]
struct Recorder {
    inner: Mutex<Inner>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    changed: Vec<SessionKey>,
    marks: u64,
    caught_up: u64,
}

impl Watcher for Recorder {
    fn changed(&self, key: SessionKey) {
        self.inner.lock().unwrap().changed.push(key);
    }

    fn mark(&self) -> Timestamp {
        let mut inner = self.inner.lock().unwrap();
        inner.marks += 1;
        Timestamp::from_millis(inner.marks)
    }

    fn caught_up(&self, mark: Timestamp) {
        self.inner.lock().unwrap().caught_up = mark.as_millis();
        self.news.notify_waiters();
    }
}

impl Recorder {
    /// Returns the changes that happened before this call. A mark that is taken
    /// from now on covers them.
    async fn up_to_now(&self) -> Vec<SessionKey> {
        let next = self.inner.lock().unwrap().marks + 1;
        loop {
            let news = self.news.notified();
            let mut news = std::pin::pin!(news);
            news.as_mut().enable();
            {
                let mut inner = self.inner.lock().unwrap();
                if inner.caught_up >= next {
                    let mut keys = std::mem::take(&mut inner.changed);
                    keys.sort_unstable();
                    keys.dedup();
                    return keys;
                }
            }
            news.await;
        }
    }
}

/// Watches in a separate task.
fn watch(store: &(impl Watched + Clone)) -> (&'static Recorder, JoinHandle<StoreError>) {
    // Leaked until the test ends.
    let recorder: &'static Recorder = Box::leak(Box::default());
    let store = store.clone();
    let task = tokio::spawn(async move {
        match store.watch(recorder).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    });
    (recorder, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_other_nodes_arrive_before_next_mark() {
    let (server, one, clock) = support::served().await;
    let two = support::postgres(&server.url(), "dwell", &clock).await;
    let (recorder, _task) = watch(&one);
    let mut records = Vec::new();
    for n in 0..5 {
        records.push(start(&two, n, "alice").await);
    }
    clock.advance(seconds(20));
    let touch = support::touch(&records[0], clock.now());
    two.touch(records[0].key, touch).await.unwrap();
    assert_eq!(
        recorder.up_to_now().await,
        [],
        "logins and touches are not published"
    );

    two.end(records[1].key, EndReason::Revoked.into())
        .await
        .unwrap();
    assert_eq!(recorder.up_to_now().await, [records[1].key], "an end");
    two.update(records[2].key, 0, Update::Confirm)
        .await
        .unwrap();
    assert_eq!(recorder.up_to_now().await, [records[2].key], "an update");
    let replaced = dwell_core::store::End {
        reason: EndReason::Superseded,
        replaced: true,
    };
    two.end(records[1].key, replaced).await.unwrap();
    assert_eq!(
        recorder.up_to_now().await,
        [records[1].key],
        "a tombstone's successor"
    );

    let quota = dwell_core::SessionLimit {
        max: 3,
        on_limit: dwell_core::OnLimit::EndOldest,
    };
    let new = support::opened(9, "alice", clock.now());
    let created = two
        .create(new, Some(quota.into()), due_policy())
        .await
        .unwrap();
    let dwell_core::store::Created::Created { ended } = created else {
        panic!("the login is kept: {created:?}")
    };
    let mut left: Vec<_> = ended.iter().map(|ended| ended.record.key).collect();
    left.sort_unstable();
    assert_eq!(left.len(), 2);
    two.acknowledge([&left[..], &[records[1].key]].concat())
        .await
        .unwrap();
    assert_eq!(
        recorder.up_to_now().await,
        left,
        "the sessions that made room"
    );

    clock.advance(minutes(20));
    let ended = reap_all(&two, &due_policy()).await;
    assert_eq!(ended.len(), 3);
    assert_eq!(recorder.up_to_now().await, ended, "what ran out");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_with_lost_connection_ends_with_error() {
    let (server, store, _clock) = support::served().await;
    let (recorder, task) = watch(&store);
    recorder.up_to_now().await;
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE query ILIKE 'SELECT 1' OR query ILIKE 'LISTEN%'";
    assert!(server.query("postgres", terminate).unwrap().contains('t'));
    let error = task.await.unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");

    let (recorder, task) = watch(&store);
    recorder.up_to_now().await;
    server.kill9().unwrap();
    let error = task.await.unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn end_arrives_within_few_pulses() {
    let (server, one, clock) = support::served().await;
    let two = support::postgres(&server.url(), "dwell", &clock).await;
    let (recorder, _task) = watch(&one);
    recorder.up_to_now().await;
    let by_server = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)";
    let at = || -> u64 {
        server
            .query("postgres", by_server)
            .unwrap()
            .parse()
            .unwrap()
    };
    let record = start(&two, 1, "alice").await;
    let before = at();
    two.end(record.key, EndReason::Revoked.into())
        .await
        .unwrap();
    assert_eq!(recorder.up_to_now().await, [record.key]);
    let took = at() - before;
    // Two pulses of 25 ms by design; the rest is for a busy machine.
    assert!(took < as_millis(seconds(2)), "{took} ms");
}
