//! Answers for programs that say what is wrong (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Problem details, never cached.
pub(crate) fn problem(status: StatusCode, reason: &str, detail: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "reason": reason,
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, headers, body.to_string()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        challenge(&mut response);
    }
    response
}

/// Every 401 says how to do better (RFC 9110 §15.5.2). `Basic` would make
/// browsers ask with a box of their own.
pub(crate) fn challenge(response: &mut Response) {
    let challenge = HeaderValue::from_static(r#"Bearer realm="session""#);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
}
