//! Many connections and many ends at once, on several threads and in real time: no
//! end is missed.

use std::time::Duration;

use dwell_core::{EndReason, NewSession, PolicySet, Resolved, SessionState, Timeouts};
use dwell_core::{SessionManager, hours, minutes};
use dwell_memory::MemoryStore;
use dwell_testkit::FaultyStore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Node, SharedStore};

/// Far less than the deadline, at which what was missed would end; a busy
/// machine may take longer than a second.
const SOON: Duration = Duration::from_secs(20);

async fn every_stream_ends(node: Node, other: SessionManager) {
    let mut sessions = JoinSet::new();
    for number in 0..200_u32 {
        let (node, other) = (node.clone(), other.clone());
        sessions.spawn(async move {
            let policies = other.policies().current();
            let request = SessionState::new(other.clone(), policies, Resolved::Nothing);
            let subject = format!("subject {number}");
            let token = request.start(NewSession::new(&*subject)).await.unwrap();
            let mut open = Vec::new();
            for _ in 0..4 {
                open.push(node.events(&token).await);
            }
            // Some before the first check, some after it, some during it.
            let wait = Duration::from_millis(u64::from(number % 40) * 10);
            let _ = timeout(wait, std::future::pending::<()>()).await;
            let ended = other.end_session(token.key(), EndReason::Revoked).await;
            assert!(ended.unwrap());
            for (_feed, reader) in open {
                let ended = timeout(SOON, reader.end()).await.expect("it was missed");
                assert_eq!(ended.reason(), "revoked");
            }
        });
    }
    while let Some(done) = sessions.join_next().await {
        done.unwrap();
    }
}

fn policies() -> PolicySet {
    PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l14_every_stream_on_many_threads_is_cut() {
    let store = MemoryStore::new();
    let ours = SessionManager::builder(store.clone(), policies()).build();
    let other = SessionManager::builder(store, policies()).build();
    every_stream_ends(Node::new(&ours), other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l14_every_stream_on_many_threads_of_shared_store_is_cut() {
    let store = FaultyStore::new(MemoryStore::new());
    let store = SharedStore::new(store).with_pulse();
    let ours = SessionManager::builder(store.clone(), policies()).build();
    let other = SessionManager::builder(store, policies()).build();
    every_stream_ends(Node::new(&ours), other).await;
}
