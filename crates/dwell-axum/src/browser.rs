//! Serves the browser component, which is compiled in.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dwell_core::{RouteMark, SessionState};
use sha2::{Digest, Sha256};

/// A script, and its entity tag, a hash: it changes whenever the script does.
struct Script {
    text: &'static str,
    tag: String,
}

static ELEMENT: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../browser/dist/session-timeout.js")));

static REQUESTS: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../browser/dist/session-timeout-requests.js")));

impl Script {
    fn new(text: &'static str) -> Self {
        let mut tag = String::from("\"");
        for byte in Sha256::digest(text).iter().take(12) {
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        Self { text, tag }
    }
}

/// Serves `GET /session-timeout.js`: the custom element `<session-timeout>`,
/// which warns before the end, reports real activity, and clears the screen.
///
/// Needs the feature `browser`.
///
/// ```html
/// <script type="module" src="/session-timeout.js"></script>
/// <session-timeout login="/login"></session-timeout>
/// ```
///
/// `GET /session-timeout-requests.js` is a second script, for pages that use
/// `XMLHttpRequest` or `sendBeacon`: with it, the element handles these as it does
/// `fetch`.
///
/// Merge this router outside the session layers, after adding them: the script
/// is the same for everybody, and pages load it with an ended session too. The
/// script calls the [`session_endpoints`](crate::session_endpoints). A page with
/// the element may have a Content-Security-Policy as strict as
/// `script-src 'self'; connect-src 'self'`.
///
/// ```
/// use axum::Router;
/// use axum::body::Body;
/// use dwell_axum::prelude::*;
/// use dwell_testkit::TestClient;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let policies = PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })?;
/// let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
/// let app: Router = Router::new()
///     .merge(session_endpoints())
///     .layer(session_timeout(&sessions))
///     .merge(browser());
/// let mut client = TestClient::new(app.into_service::<Body>());
/// let script = client.get("/session-timeout.js").await;
/// assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn browser<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/session-timeout.js",
            get(async |request: Request| script(&ELEMENT, &request)),
        )
        .route(
            "/session-timeout-requests.js",
            get(async |request: Request| script(&REQUESTS, &request)),
        )
}

fn script(script: &'static Script, request: &Request) -> Response {
    // If merged inside the layers after all: loading a script is no activity.
    if let Some(session) = request.extensions().get::<SessionState>() {
        session.mark_route(RouteMark::Passive);
    }
    let tag = HeaderValue::from_str(&script.tag).unwrap_or(HeaderValue::from_static("\"\""));
    let value = HeaderValue::from_static;
    let headers = [
        (header::ETAG, tag),
        // The next release serves another script under the same name.
        (header::CACHE_CONTROL, value("public, no-cache")),
        (
            HeaderName::from_static("x-content-type-options"),
            value("nosniff"),
        ),
    ];
    if knows(request.headers(), &script.tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let media_type = value("text/javascript; charset=utf-8");
    (headers, [(header::CONTENT_TYPE, media_type)], script.text).into_response()
}

/// Returns whether the client's copy has this tag (RFC 9110 §13.1.2).
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    let fields = headers.get_all(header::IF_NONE_MATCH).iter();
    let fields = fields.filter_map(|field| field.to_str().ok());
    let mut tags = fields.flat_map(|field| field.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_with_current_script_gets_304() {
        let knows = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            super::knows(&headers, "\"abc\"")
        };
        for value in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert!(knows(value), "{value}");
        }
        for value in ["\"x\"", "abc", "\"abcd\"", ""] {
            assert!(!knows(value), "{value}");
        }
        let tag = &ELEMENT.tag;
        assert!(tag.len() == 26 && tag.starts_with('"') && tag.ends_with('"'));
    }
}
