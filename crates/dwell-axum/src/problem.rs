//! Problem details (RFC 9457) of the answers that this crate makes.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;

/// Makes problem details with a reason, which are never cached.
pub(crate) fn problem_details(status: StatusCode, reason: &'static str) -> Response {
    dwell_tower::rejection::problem_details(status, Some(reason), None).map(Body::from)
}
