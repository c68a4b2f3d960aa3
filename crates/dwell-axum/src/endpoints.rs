//! The session endpoints.
//!
//! | request | answer |
//! |---|---|
//! | `GET /session` | 200, the status document |
//! | `POST /session/extend` | 200, the status document: the explicit "stay signed in" |
//! | `POST /session/activity` with `{"idle_ms": 1200}` | 200, the status document: input happened so long ago |
//! | `POST /session/end` | 204, the cookie removed, site data cleared |
//!
//! None of them is activity by itself. The `POST`s demand a same-origin
//! caller, else 403; a wrong media type is 415, a malformed or out-of-range
//! body 422, and both change nothing.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::error::SessionError;
use crate::extract::Session;
use crate::problem::problem_details;
use crate::route::passive;
use crate::same_origin::is_same_origin;
use crate::status::StatusDocument;

/// The most bytes of a body that are read.
const MAX_BODY: usize = 1_024;

/// The longest time ago that input may have happened: a day.
const MAX_IDLE_MS: u64 = 24 * 3_600 * 1_000;

/// The session endpoints under `/session`.
pub fn session_endpoints<S: Clone + Send + Sync + 'static>() -> Router<S> {
    session_endpoints_at("/session")
}

/// The session endpoints under another path, such as `/auth/session`.
///
/// # Panics
/// Like [`Router::route`], when `path` is not one: at start-up.
pub fn session_endpoints_at<S: Clone + Send + Sync + 'static>(path: &str) -> Router<S> {
    Router::new()
        .route(&format!("{path}/extend"), post(extend))
        .route(&format!("{path}/activity"), post(activity))
        .route(&format!("{path}/end"), post(end))
        .route_layer(from_fn(demand_same_origin))
        .route(path, get(status))
        .route_layer(DefaultBodyLimit::max(MAX_BODY))
        .route_layer(passive())
}

async fn demand_same_origin(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if !is_same_origin(&parts) {
        return problem_details(StatusCode::FORBIDDEN, "not_same_origin");
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn status(session: Session) -> Response {
    StatusDocument::of(&session).into_response()
}

async fn extend(session: Session) -> Result<Response, SessionError> {
    session.extend().await?;
    Ok(StatusDocument::of(&session).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    idle_ms: u64,
}

async fn activity(
    session: Session,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, SessionError> {
    if !is_json(&headers) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Ok(problem_details(status, "not_json"));
    }
    let input = serde_json::from_slice::<Input>(&body).ok();
    let Some(input) = input.filter(|input| input.idle_ms <= MAX_IDLE_MS) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(problem_details(status, "bad_idle_ms"));
    };
    let ago = std::time::Duration::from_millis(input.idle_ms);
    session.active_ago(ago).await?;
    Ok(StatusDocument::of(&session).into_response())
}

async fn end(session: Option<Session>) -> Result<Response, SessionError> {
    if let Some(session) = session {
        session.end().await?;
    }
    let clear = HeaderValue::from_static(r#""cache", "cookies", "storage""#);
    let headers = [
        (header::HeaderName::from_static("clear-site-data"), clear),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
