//! The session endpoints, by which a page asks, extends, reports input and
//! signs out; [`session_endpoints`] says what they do.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::error::SessionError;
use crate::events::events;
use crate::extract::Session;
use crate::problem::problem_details;
use crate::route::passive;
use crate::same_origin::is_same_origin;
use crate::status::StatusDocument;

/// The most bytes of a body that are read.
const MAX_BODY: usize = 1_024;

/// The longest time ago that input may have happened: a day.
const MAX_IDLE_MS: u64 = 24 * 3_600 * 1_000;

/// The session endpoints under `/session`; see
/// [`StatusDocument`](crate::StatusDocument) for what they answer with.
///
/// They belong inside of [`session_timeout`](crate::session_timeout).
///
/// | request | answer |
/// |---|---|
/// | `GET /session` | 200, the status document |
/// | `GET /session/events` | 200, an event stream: see below |
/// | `POST /session/extend` | 200, the status document: the explicit "stay signed in" |
/// | `POST /session/activity` with `{"idle_ms": 1200}` | 200, the status document: input happened so many milliseconds ago |
/// | `POST /session/end` | 204, the cookie removed, `Clear-RequestContext-Data` |
///
/// - Asking is never activity, so a page may poll.
/// - An extension is activity now, unless the request shows that nobody asked
///   for it: a prefetch, or one that declares itself passive.
/// - Reported input is activity as of its own instant: never later than now,
///   never earlier than what is on record.
/// - The `POST`s demand a caller of the same origin (`Sec-Fetch-RequestContext`, else
///   `Origin` against the request's host), else 403 `not_same_origin`.
/// - The body of `activity` is `application/json`, else 415 `not_json`: an
///   object of `idle_ms` alone, a whole number from 0 to a day, else 422
///   `bad_idle_ms`; no longer than a kilobyte, else 413.
/// - What is refused for any of this changes nothing.
/// - The event stream begins with `session-status`, whose data is the status
///   document, and has another one whenever a deadline moves; at its moment, or
///   first of all where it has come already, `session-warning` with the status
///   document; at the end `session-expired`
///   with `{"reason":"idle_timeout"}` or another reason, and nothing more. It is
///   never activity. Activity that this node records is told at once, that of
///   other nodes when it matters: when the warning is due, and during it.
/// - Without a live session they answer like every protected route: 401 with
///   the reason. Signing out is 204 without a session too, since that is what
///   was wanted.
///
/// ```
/// use axum::Router;
/// use axum::body::Body;
/// use axum::routing::post;
/// use dwell_axum::*;
/// use dwell_testkit::TestClient;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let clock = ManualClock::new();
/// let store = MemoryStore::with_clock(clock.clone());
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let sessions = SessionManager::builder(store, policies).build();
/// let login = async |login: LoginSession| {
///     login.start(NewSession::new("alice")).await.map(|_| "in")
/// };
/// let app: Router = Router::new()
///     .route("/login", post(login))
///     .merge(session_endpoints())
///     .layer(session_timeout(&sessions));
///
/// // The client sends `Sec-Fetch-RequestContext: same-origin`, as a page of ours does.
/// let mut page = TestClient::new(app.into_service::<Body>());
/// page.post("/login", "").await;
/// clock.advance(minutes(10));
/// assert!(page.get("/session").await.text().contains(r#""remaining_ms":300000"#));
/// let typed = page.post("/session/activity", r#"{"idle_ms": 60000}"#).await;
/// assert!(typed.text().contains(r#""remaining_ms":840000"#));
/// assert_eq!(page.post("/session/end", "").await.status, 204);
/// assert_eq!(page.get("/session").await.status, 401);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn session_endpoints<S: Clone + Send + Sync + 'static>() -> Router<S> {
    session_endpoints_at("/session")
}

/// The session endpoints under another path, such as `/auth/session`. It
/// begins with `/` and does not end with one.
///
/// ```
/// use axum::Router;
/// use dwell_axum::session_endpoints_at;
///
/// // `GET /auth/session`, `POST /auth/session/extend` and so on.
/// let app: Router = Router::new().merge(session_endpoints_at("/auth/session"));
/// // The same by nesting.
/// let app: Router = Router::new().nest("/auth", session_endpoints_at("/session"));
/// # let _ = app;
/// ```
///
/// # Panics
/// Like [`Router::route`], when `path` is not one: at start-up.
pub fn session_endpoints_at<S: Clone + Send + Sync + 'static>(path: &str) -> Router<S> {
    // Around each `POST` and not around its route, which answers other methods
    // with 405 whoever asks.
    let same_origin = || from_fn(demand_same_origin);
    Router::new()
        .route(
            &format!("{path}/extend"),
            post(extend).route_layer(same_origin()),
        )
        .route(
            &format!("{path}/activity"),
            post(activity).route_layer(same_origin()),
        )
        .route(&format!("{path}/end"), post(end).route_layer(same_origin()))
        .route(path, get(status))
        .route(&format!("{path}/events"), get(events))
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
    // serde reads a list as a struct, too.
    let object = body.trim_ascii_start().starts_with(b"{");
    let input = serde_json::from_slice::<Input>(&body)
        .ok()
        .filter(|_| object);
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
        session.sign_out().await?;
    }
    let clear = HeaderValue::from_static(r#""cache", "cookies", "storage""#);
    let headers = [
        (header::HeaderName::from_static("clear-site-data"), clear),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => return false,
    };
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
