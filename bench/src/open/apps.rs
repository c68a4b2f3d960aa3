//! What is served: the same event stream without Dwell and with it, and
//! Dwell's own.

use std::convert::Infallible;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use dwell_axum::{
    LoginSession, MemoryStore, NewSession, Session, SessionManager, Timestamp, passive,
    session_endpoints, session_timeout,
};
use futures_util::stream::{self, Stream, StreamExt};

use crate::contenders::dwell;

/// An application.
pub struct App {
    /// Its row.
    pub name: &'static str,
    /// Its set-up, in words.
    pub about: &'static str,
    /// Where its stream is.
    pub path: &'static str,
    /// Whether there is a login, without which nothing is served.
    pub has_sessions: bool,
    /// Makes it.
    pub make: fn() -> Router,
}

/// All of them; the first is what the others are read over.
pub const APPS: [App; 3] = [
    App {
        name: "bare",
        about: "a handler's event stream on an axum router",
        path: "/stream",
        has_sessions: false,
        make: || Router::new().route("/stream", get(async || Sse::new(one_event()))),
    },
    App {
        name: "dwell",
        about: "the same inside of Dwell's full stack, with 100 networks and its reaper",
        path: "/stream",
        has_sessions: true,
        make: with_dwell,
    },
    App {
        name: "dwell-deadlines",
        about: "`GET /session/events`, the stream of a session's deadlines, on the same",
        path: "/session/events",
        has_sessions: true,
        make: with_dwell,
    },
];

/// Finds an application by its name.
pub fn named(name: &str) -> Result<&'static App, String> {
    let found = APPS.iter().find(|app| app.name == name);
    found.ok_or_else(|| format!("no application is named {name}"))
}

/// One event, so that a client knows that the stream is open; then nothing.
fn one_event() -> impl Stream<Item = Result<Event, Infallible>> {
    let hello = async { Ok(Event::default().event("hello").data("-")) };
    stream::once(hello).chain(stream::pending())
}

fn with_dwell() -> Router {
    let policies = dwell::policies(true);
    let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
    let stream = async |_: Session| Sse::new(one_event());
    Router::new()
        .route("/stream", get(stream).layer(passive()))
        .route("/login", get(login))
        .merge(session_endpoints())
        .layer(session_timeout(&sessions))
}

/// Starts a session; one that ends at an instant, in milliseconds, where the
/// query names it.
async fn login(login: LoginSession, RawQuery(until): RawQuery) -> StatusCode {
    let mut new = NewSession::new("subject1");
    if let Some(until) = until.and_then(|until| until.parse().ok()) {
        new = new.with_provider_deadline(Timestamp::from_millis(until));
    }
    match login.start(new).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
