//! axum_session without a database: its sessions live in memory.

use axum::Router;
use axum::routing::get;
use axum_session::{SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use dwell_bench::app::runtime;
use http::StatusCode;
use tower_sessions::cookie::time::Duration;

type Session = axum_session::Session<SessionNullPool>;

/// The handler reads the session; its life in memory slides with every
/// request.
pub fn reading() -> Router {
    let config = SessionConfig::default()
        .with_lifetime(Duration::minutes(15))
        .with_memory_lifetime(Duration::minutes(15));
    // On a thread without a runtime: it can't be waited for on this one.
    let make = || runtime().block_on(SessionStore::<SessionNullPool>::new(None, config));
    let store = std::thread::scope(|scope| scope.spawn(make).join());
    let store = store.expect("nothing panics");
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
