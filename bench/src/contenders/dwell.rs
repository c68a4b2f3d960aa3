//! The full Dwell stack.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::routing::get;
use dwell_axum::{
    Clock, Freshness, LoginSession, ManualClock, MemoryStore, NewSession, Policy, PolicySet,
    Session, SessionError, SessionManager, SubjectId, Timestamp, hours, minutes, privileged,
    seconds, session_timeout,
};
use dwell_axum::{Presented, SessionHandle};

use crate::contender::Contender;

/// Cookie, 100 networks, activity, idle, step-up, `Session-Timeout`.
pub fn full() -> Contender {
    stack(MemoryStore::new())
}

/// The same on a clock that moves by the granularity with every reading, so
/// that every request records a touch.
pub fn touching() -> Contender {
    stack(MemoryStore::with_clock(Striding(AtomicU64::new(
        ManualClock::new().now().as_millis(),
    ))))
}

#[derive(Debug)]
struct Striding(AtomicU64);

impl Clock for Striding {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// Long limits, so that even the striding clock never comes to the end.
fn policies() -> PolicySet {
    let long = hours(366 * 24);
    let default = Policy::named("default").idle(minutes(15)).absolute(long);
    let default = default.granularity(seconds(1));
    let mut set = PolicySet::builder(default);
    for n in 0..100 {
        let cidr = [format!("10.{n}.0.0/16")];
        set = set.network(format!("office-{n}"), cidr, minutes(30));
    }
    set.build().expect("good policies")
}

fn stack(store: MemoryStore) -> Contender {
    let manager = SessionManager::builder(store, policies()).build();
    let recent = privileged(Freshness::within(hours(366 * 24)));
    let router = Router::new()
        .route("/", get(page).layer(recent))
        .route("/login", get(login))
        .layer(session_timeout(&manager).without_reaper());
    Contender::log_in(router)
}

async fn page(session: Session) -> &'static str {
    assert_eq!(session.subject().as_str(), "subject1");
    "ok"
}

async fn login(login: LoginSession) -> Result<(), SessionError> {
    login.start(NewSession::new("subject1")).await?;
    Ok(())
}

/// Fills a store with so many sessions, a subject each.
pub async fn fill(n: u64) -> MemoryStore {
    let store = MemoryStore::new();
    let set = PolicySet::simple(minutes(15), hours(8)).expect("a good policy");
    let manager = SessionManager::builder(store.clone(), set).build();
    let policies = manager.policies().current();
    for i in 0..n {
        let handle = SessionHandle::new(manager.clone(), policies.clone(), Presented::Nothing);
        let subject = SubjectId::from(format!("{i:08}"));
        let started = handle.start(NewSession::new(subject)).await;
        started.expect("a session starts");
    }
    store
}
