//! Dwell's full stack as its documentation sets it up.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use dwell_axum::dwell_core::store::SessionStore;
use dwell_axum::{
    AuthenticationRequirement, Clock, LoginSession, ManualClock, MemoryStore, NewSession, Policy,
    PolicySet, Session, SessionError, SessionManager, SessionTimeoutLayer, Timestamp, hours,
    minutes, privileged, session_timeout,
};

/// Longer than any run, also of [`touching`].
const LONG: u64 = 366 * 24;

/// Over a store in memory.
pub fn full() -> Router {
    full_over(&manager(MemoryStore::new()))
}

/// The same on a clock that moves on with every reading, so that every request
/// records a touch.
pub fn touching() -> Router {
    let start = ManualClock::new().now().as_millis();
    let store = MemoryStore::with_clock(Striding(AtomicU64::new(start)));
    full_over(&manager(store))
}

/// Strides by more than the granularity, which is five seconds.
#[derive(Debug)]
struct Striding(AtomicU64);

impl Clock for Striding {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(6_000, Ordering::Relaxed))
    }
}

/// The full stack: cookie, 100 networks, activity, idle, step-up on the route,
/// `Session-Timeout`, and its reaper.
pub fn full_over(manager: &SessionManager) -> Router {
    behind(session_timeout(manager))
}

/// The same behind these layers.
pub fn behind(layers: SessionTimeoutLayer) -> Router {
    let recent = AuthenticationRequirement::within(hours(LONG));
    Router::new()
        .route("/", get(page).layer(privileged(recent)))
        .route("/login", get(login))
        .layer(layers)
}

/// A manager with [`policies`].
pub fn manager(store: impl SessionStore) -> SessionManager {
    SessionManager::builder(store, policies()).build()
}

/// The idle timeout is 15 minutes, 5 for administrators, and 30 in a hundred
/// offices.
pub fn policies() -> PolicySet {
    let default = Policy::named("default").idle(minutes(15));
    let admin = Policy::named("admin").idle(minutes(5));
    let mut set = PolicySet::builder(default.absolute(hours(LONG)));
    set = set.policy(admin.absolute(hours(LONG)));
    for n in 0..100 {
        let cidr = [format!("10.{n}.0.0/16")];
        set = set.network(format!("office-{n}"), cidr, minutes(30));
    }
    set.build().expect("good policies")
}

async fn page(session: Session) -> &'static str {
    assert!(!session.subject().as_str().is_empty());
    "ok"
}

async fn login(RawQuery(subject): RawQuery, login: LoginSession) -> Result<(), SessionError> {
    let subject = subject.unwrap_or_else(|| "subject1".to_owned());
    login.start(NewSession::new(subject)).await?;
    Ok(())
}
