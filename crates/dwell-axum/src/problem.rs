//! Problem details (RFC 9457) of this crate's own answers.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

/// Problem details with a reason, never cached.
pub(crate) fn problem_details(status: StatusCode, reason: &'static str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "reason": reason,
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
