//! The session endpoints, by which a page asks for the time left, extends,
//! reports input and signs out. See [`session_endpoints`].

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use dwell_tower::gateway::is_same_origin;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;

use crate::area::Area;
use crate::error::SessionError;
use crate::events::events;
use crate::extract::{LoginSession, Session};
use crate::problem::problem_details;
use crate::route::passive;
use crate::status::StatusDocument;

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 1_024;

/// The oldest input that can be reported: a day.
const MAX_IDLE_MS: u64 = 24 * 3_600 * 1_000;

/// Serves the session endpoints under `/session`, which answer with a
/// [`StatusDocument`](crate::StatusDocument).
///
/// Merge them inside [`session_timeout`](crate::session_timeout).
///
/// | request | effect | answer |
/// |---|---|---|
/// | `GET /session` | none | 200, the status document |
/// | `GET /session/events` | none | 200, an event stream |
/// | `POST /session/extend` | "stay signed in": activity now | 200, the status document |
/// | `POST /session/activity` with `{"idle_ms": 1200}` | input happened 1200 milliseconds ago | 200, the status document |
/// | `POST /session/end` | signs out, in every state | 204, the cookie removed, `Clear-Site-Data` ([a setting](session_endpoints_clearing)) |
///
/// # Areas
/// With `?policy=admin`, the status document and the events also tell how long
/// routes under [`policy("admin")`](crate::policy) stay open to the session, in
/// [`area`](crate::StatusDocument::area). Pages under such routes ask so, and lead
/// to the re-authentication page in time.
///
/// # Activity
/// - Asking is never activity, so a page may poll.
/// - Extending is activity now, unless the request is a prefetch or declares
///   itself passive.
/// - Reported input counts from when it happened: never later than now, never
///   earlier than the last recorded activity.
///
/// # Refusals
/// A refused request changes nothing.
///
/// | cause | status | `reason` |
/// |---|---|---|
/// | no live session (`end` answers 204) | 401 | as on every protected route |
/// | a `POST` from another origin, by `Sec-Fetch-Site`, else by `Origin` and `Host` | 403 | `not_same_origin` |
/// | `?policy=` names no policy, or stands there twice | 422 | `unknown_policy` |
/// | the body of `activity` is not `application/json` | 415 | `not_json` |
/// | that body is not an object of only `idle_ms`, a whole number of milliseconds up to a day | 422 | `bad_idle_ms` |
/// | that body is longer than 1024 bytes | 413 | |
///
/// # The event stream
///
/// | event | when | data |
/// |---|---|---|
/// | `session-status` | first, and whenever a deadline moves, that of the area included | the status document |
/// | `session-warning` | when the warning is due; first, if that has passed | the status document |
/// | `session-expired` | at the end, as the last event | `{"reason":"idle_timeout","session":"e26fc5a6f50bfd14"}`, or another reason |
/// | `step-up-required` | as the last event, if the endpoints are under a policy that asks for authentication: the session goes on | the same, with the reason `step_up_required` |
///
/// Holding the stream open is never activity. Activity recorded by this node is
/// sent at once. Activity recorded by another node is sent when the warning is
/// due, or during the warning.
///
/// # Example
/// ```
/// use axum::Router;
/// use axum::body::Body;
/// use axum::routing::post;
/// use dwell_axum::ManualClock;
/// use dwell_axum::prelude::*;
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
/// // The client sends `Sec-Fetch-Site: same-origin`, as your own pages do.
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

/// Serves the [session endpoints](session_endpoints) under another path.
///
/// `path` begins with `/` and does not end with one, such as `/auth/session`. If
/// requests need a session everywhere, or another middleware owns it, exempt the way
/// out: `add_exempt_path("/auth/session/end")`. That of the default path is exempt.
///
/// ```
/// use axum::Router;
/// use dwell_axum::session_endpoints_at;
///
/// // `GET /auth/session`, `POST /auth/session/extend` and so on.
/// let app: Router = Router::new().merge(session_endpoints_at("/auth/session"));
/// // Nesting works as well.
/// let app: Router = Router::new().nest("/auth", session_endpoints_at("/session"));
/// # let _ = app;
/// ```
///
/// # Panics
/// When `path` is not a path, like [`Router::route`]. That is at start-up.
pub fn session_endpoints_at<S: Clone + Send + Sync + 'static>(path: &str) -> Router<S> {
    session_endpoints_clearing(path, &[SiteData::Cache, SiteData::Storage])
}

/// What a browser clears after signing out (`Clear-Site-Data`, W3C Clear Site Data
/// §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SiteData {
    /// Pages and resources that the browser has kept.
    Cache,
    /// All cookies of the registrable domain. Signs out of sibling applications,
    /// too.
    CookiesOfAllSubdomains,
    /// What scripts have stored: local storage, databases, service workers.
    Storage,
}

/// Serves the [session endpoints](session_endpoints) under a path, and says what
/// the browser clears after signing out. The other functions clear
/// [`SiteData::Cache`] and [`SiteData::Storage`].
///
/// ```
/// use axum::Router;
/// use dwell_axum::{SiteData, session_endpoints_clearing};
///
/// // This application keeps drafts in local storage.
/// let app: Router = Router::new()
///     .merge(session_endpoints_clearing("/session", &[SiteData::Cache]));
/// # let _ = app;
/// ```
///
/// # Panics
/// When `path` is not a path, like [`Router::route`]. That is at start-up.
pub fn session_endpoints_clearing<S: Clone + Send + Sync + 'static>(
    path: &str,
    clear: &[SiteData],
) -> Router<S> {
    let clear = clear_site_data(clear);
    let end = move |session: LoginSession| end(session, clear);
    // Around each `POST` and not around its route: other methods get 405 from
    // every origin.
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

async fn status(session: Session, area: Area) -> Response {
    StatusDocument::of(&session, &area).into_response()
}

async fn extend(session: Session, area: Area) -> Result<Response, SessionError> {
    session.extend().await?;
    Ok(StatusDocument::of(&session, &area).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    idle_ms: u64,
}

async fn activity(
    session: Session,
    area: Area,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, SessionError> {
    if !is_json(&headers) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Ok(problem_details(status, "not_json"));
    }
    // serde would read a list as a struct, too.
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
    Ok(StatusDocument::of(&session, &area).into_response())
}

async fn end(session: LoginSession, clear: Option<HeaderValue>) -> Result<Response, SessionError> {
    session.sign_out().await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(clear) = clear {
        headers.insert(HeaderName::from_static("clear-site-data"), clear);
    }
    Ok(response)
}

/// Returns the field's value, such as `"cache", "storage"`; `None` for nothing.
fn clear_site_data(clear: &[SiteData]) -> Option<HeaderValue> {
    let word = |data: &SiteData| match data {
        SiteData::Cache => r#""cache""#,
        SiteData::CookiesOfAllSubdomains => r#""cookies""#,
        SiteData::Storage => r#""storage""#,
    };
    let words: Vec<&str> = clear.iter().map(word).collect();
    let value = HeaderValue::from_str(&words.join(", ")).ok();
    value.filter(|value| !value.is_empty())
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
