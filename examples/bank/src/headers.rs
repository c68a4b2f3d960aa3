//! Headers that every answer carries.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Forbids inline scripts and styles, other origins, and framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Other origins can neither reach the bank's windows nor embed its answers.
    (OPENER, "same-origin"),
    (RESOURCE, "same-origin"),
    // With `no-referrer` browsers would send `Origin: null` with forms.
    (header::REFERRER_POLICY, "same-origin"),
    // On a shared machine, "back" must not show pages after a sign-out.
    (header::CACHE_CONTROL, "no-store"),
];

pub(crate) async fn add(mut response: Response) -> Response {
    for (name, value) in ALWAYS {
        let headers = response.headers_mut();
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
