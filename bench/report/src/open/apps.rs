//! The applications whose streams are counted.

use std::convert::Infallible;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use dwell_axum::{
    LoginSession, MemoryStore, NewSession, Session, Timestamp, passive, session_endpoints,
    session_timeout,
};
use dwell_bench::dwell;
use futures_util::stream::{self, Stream, StreamExt};

/// The applications: with and without Dwell.
pub fn apps() -> [(&'static str, fn() -> Router); 2] {
    [
        ("stream-bare", || {
            Router::new().route("/stream", get(async || Sse::new(one_event())))
        }),
        ("stream-dwell", with_dwell),
    ]
}

/// One event, so that a client knows that the stream is open; then nothing.
fn one_event() -> impl Stream<Item = Result<Event, Infallible>> {
    let hello = async { Ok(Event::default().event("hello").data("-")) };
    stream::once(hello).chain(stream::pending())
}

fn with_dwell() -> Router {
    let stream = async |_: Session| Sse::new(one_event());
    Router::new()
        .route("/stream", get(stream).layer(passive()))
        .route("/login", get(login))
        .merge(session_endpoints())
        .layer(session_timeout(&dwell::manager(MemoryStore::new())))
}

/// Starts a session that ends at the instant that the query names, in
/// milliseconds.
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
