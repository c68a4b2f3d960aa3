//! Dwell: the full stack, each layer alone, and proof that they do their job.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::routing::get;
use dwell_axum::dwell_tower::activity::{ActivityLayer, MarkLayer};
use dwell_axum::dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer};
use dwell_axum::dwell_tower::network::NetworkLayer;
use dwell_axum::dwell_tower::session::SessionLayer;
use dwell_axum::dwell_tower::step_up::StepUpLayer;
use dwell_axum::{
    Clock, Freshness, LoginSession, ManualClock, MemoryStore, NewSession, Policy, PolicySet,
    Presented, Session, SessionError, SessionHandle, SessionManager, Timestamp, Token, hours,
    minutes, privileged, seconds, session_timeout,
};
use http::StatusCode;

use super::counting::CountingStore;
use crate::contender::{self, Tower, expect};
use crate::traffic::{Kind, peer};

/// Long enough that even the striding clock never comes to the end.
const LONG: u64 = 366 * 24;

/// Cookie, 100 networks, activity, idle, step-up, `Session-Timeout`.
pub fn full() -> Router {
    full_over(&manager(MemoryStore::new()))
}

/// The same on a clock that moves by the granularity with every reading, so
/// that every request records a touch.
pub fn touching() -> Router {
    let start = ManualClock::new().now().as_millis();
    let store = MemoryStore::with_clock(Striding(AtomicU64::new(start)));
    full_over(&manager(store))
}

#[derive(Debug)]
struct Striding(AtomicU64);

impl Clock for Striding {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// The full stack over sessions that are there already.
pub fn full_over(manager: &SessionManager) -> Router {
    privileged_within(manager, Freshness::within(hours(LONG)))
}

fn privileged_within(manager: &SessionManager, recent: Freshness) -> Router {
    Router::new()
        .route("/", get(page.layer(privileged(recent))))
        .route("/login", get(login))
        .layer(session_timeout(manager).without_reaper())
}

/// A manager with the policies of the comparison.
pub fn manager(store: impl dwell_axum::dwell_core::store::SessionStore) -> SessionManager {
    SessionManager::builder(store, policies(true)).build()
}

/// The idle timeout is 15 minutes, and 30 in a hundred offices.
pub fn policies(with_networks: bool) -> PolicySet {
    let default = Policy::named("default").idle(minutes(15));
    let default = default.absolute(hours(LONG)).granularity(seconds(1));
    let admin = Policy::named("admin").idle(minutes(5));
    let mut set = PolicySet::builder(default).policy(admin.absolute(hours(LONG)));
    for n in (0..100).filter(|_| with_networks) {
        let cidr = [format!("10.{n}.0.0/16")];
        set = set.network(format!("office-{n}"), cidr, minutes(30));
    }
    set.build().expect("good policies")
}

/// The session layer and the enforcing one, without which nothing is served.
pub fn session_and_idle() -> Router {
    let manager = SessionManager::builder(MemoryStore::new(), policies(false)).build();
    around(&manager, routes())
}

fn around(manager: &SessionManager, inner: Router) -> Router {
    inner
        .layer(IdleTimeoutLayer::new())
        .layer(SessionLayer::new(manager).without_reaper())
}

fn routes() -> Router {
    Router::new()
        .route("/", get(page))
        .route("/login", get(login))
}

/// The same and the network layer, with 100 networks.
pub fn with_network() -> Router {
    let manager = manager(MemoryStore::new());
    routes()
        .layer(IdleTimeoutLayer::new())
        .layer(NetworkLayer::with_peer(peer))
        .layer(SessionLayer::new(&manager).without_reaper())
}

/// The same and the activity layer.
pub fn with_activity() -> Router {
    let manager = SessionManager::builder(MemoryStore::new(), policies(false)).build();
    around(&manager, routes().layer(ActivityLayer::new()))
}

/// The same and the mark of a passive route.
pub fn with_mark() -> Router {
    let manager = SessionManager::builder(MemoryStore::new(), policies(false)).build();
    around(&manager, routes().layer(MarkLayer::passive()))
}

/// The same and a stricter policy.
pub fn with_policy() -> Router {
    let manager = SessionManager::builder(MemoryStore::new(), policies(false)).build();
    let login = Router::new().route("/login", get(login));
    let page = Router::new().route("/", get(page));
    around(&manager, page.layer(PolicyLayer::new("admin")).merge(login))
}

/// The same and step-up.
pub fn with_step_up() -> Router {
    let manager = SessionManager::builder(MemoryStore::new(), policies(false)).build();
    let login = Router::new().route("/login", get(login));
    let page = Router::new().route("/", get(page));
    let recent = StepUpLayer::new(Freshness::within(hours(LONG)));
    around(&manager, page.layer(recent).merge(login))
}

async fn page(session: Session) -> &'static str {
    assert!(!session.subject().as_str().is_empty());
    "ok"
}

async fn login(login: LoginSession) -> Result<(), SessionError> {
    login.start(NewSession::new("subject1")).await?;
    Ok(())
}

/// Starts a session and gives its cookie.
pub async fn start(manager: &SessionManager, subject: &str) -> String {
    let token = start_token(manager, subject).await;
    format!("__Host-session={}", token.expose())
}

/// Starts a session and gives its token.
pub async fn start_token(manager: &SessionManager, subject: &str) -> Token {
    let policies = manager.policies().current();
    let handle = SessionHandle::new(manager.clone(), policies, Presented::Nothing);
    let started = handle.start(NewSession::new(subject)).await;
    started.expect("a session starts")
}

/// Sliding slides, passive requests do not, the deadline holds, the network
/// counts, step-up asks.
pub fn verify() -> Result<(), String> {
    let clock = ManualClock::new();
    let (mut app, _) = counted(&clock, hours(LONG));
    for _ in 0..4 {
        clock.advance(minutes(29));
        expect("within the office's idle timeout", app.status(), true)?;
    }
    app.set_kind(PASSIVE);
    for _ in 0..2 {
        clock.advance(minutes(14));
        expect("that is passive", app.status(), true)?;
    }
    clock.advance(minutes(2));
    app.set_kind(Kind::default());
    expect("at the idle deadline", app.status(), false)?;

    let (mut app, _) = counted(&clock, hours(1));
    clock.advance(minutes(29));
    expect("to a privileged route", app.status(), true)?;
    clock.advance(minutes(29));
    expect("to a privileged route", app.status(), true)?;
    clock.advance(minutes(3));
    expect("with an old authentication", app.status(), false)
}

/// Store writes of a request that records a touch, of one within the
/// granularity, and of a passive one.
pub fn writes() -> [usize; 3] {
    let clock = ManualClock::new();
    let (mut app, store) = counted(&clock, hours(LONG));
    let mut count = |advance, kind| {
        clock.advance(advance);
        app.set_kind(kind);
        store.take_writes();
        assert_eq!(app.status(), StatusCode::OK, "what is counted works");
        store.take_writes()
    };
    let touch = count(minutes(1), Kind::default());
    let within = count(Duration::from_millis(500), Kind::default());
    let passive = count(minutes(1), PASSIVE);
    [touch, within, passive]
}

const PASSIVE: Kind = Kind {
    passive: true,
    other_cookies: 0,
};

/// The full stack on this clock, logged in, and its store.
fn counted(clock: &ManualClock, recent: Duration) -> (Tower<Router, Body>, CountingStore) {
    let store = CountingStore::new(MemoryStore::with_clock(clock.clone()));
    let manager = manager(store.clone());
    let make = || privileged_within(&manager, Freshness::within(recent));
    let app = Tower::axum(make, contender::Session::Required, Kind::default());
    (app.logged_in(1), store)
}
