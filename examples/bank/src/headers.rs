//! Headers that every answer carries.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// No inline script or style, nothing from elsewhere, no frame around us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Neither a page of ours in somebody's window, nor an answer of ours in
    // somebody's page.
    (OPENER, "same-origin"),
    (RESOURCE, "same-origin"),
    // `no-referrer` would make browsers send `Origin: null` with our forms.
    (header::REFERRER_POLICY, "same-origin"),
    // Whoever signs out on a shared machine must not be found by "back".
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
