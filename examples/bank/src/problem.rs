//! Error answers for programs (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Makes problem details, which are never cached.
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

/// Adds the challenge that every 401 needs (RFC 9110 §15.5.2). `Basic` would make
/// browsers show their password box.
pub(crate) fn challenge(response: &mut Response) {
    let challenge = HeaderValue::from_static(r#"Bearer realm="session""#);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
}
