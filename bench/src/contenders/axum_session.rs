//! axum_session without a database: its sessions live in memory.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use axum_session::{SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use http::StatusCode;
use tower_sessions::cookie::time;

use crate::contender::{self, Tower, at_once, expect};
use crate::traffic::Kind;

type Session = axum_session::Session<SessionNullPool>;

/// The handler reads the session; its life in memory slides with every
/// request.
pub fn reading() -> Router {
    router(time::Duration::minutes(15))
}

fn router(idle: time::Duration) -> Router {
    let config = SessionConfig::default()
        .with_lifetime(idle)
        .with_memory_lifetime(idle);
    let store = at_once(SessionStore::<SessionNullPool>::new(None, config));
    let store = store.expect("there is no database to fail");
    Router::new()
        .route("/", get(page))
        .route("/login", get(login))
        .layer(SessionLayer::new(store))
}

async fn page(session: Session) -> Result<&'static str, StatusCode> {
    let user: Option<String> = session.get("user");
    user.map(|_| "ok").ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(session: Session) {
    session.set("user", "subject1");
}

/// Sliding slides, and what is idle ends. It has no clock to drive, so this
/// takes three short lifetimes of real time.
pub fn verify() -> Result<(), String> {
    const IDLE: Duration = Duration::from_millis(400);
    let make = || router(time::Duration::milliseconds(400));
    let mut app = Tower::axum(make, contender::Session::Required, Kind::default());
    app = app.logged_in(1);
    let started = Instant::now();
    while started.elapsed() < 2 * IDLE {
        expect("of a steady user", app.status(), true)?;
    }
    let paused = Instant::now();
    while paused.elapsed() < IDLE + IDLE / 4 {
        std::hint::spin_loop();
    }
    expect("after the idle timeout", app.status(), false)
}
