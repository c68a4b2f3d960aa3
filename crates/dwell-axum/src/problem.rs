//! Problem details (RFC 9457) of this crate's own answers.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;

/// Problem details with a reason, never cached.
pub(crate) fn problem_details(status: StatusCode, reason: &'static str) -> Response {
    dwell_tower::rejection::problem_details(status, Some(reason), None).map(Body::from)
}
