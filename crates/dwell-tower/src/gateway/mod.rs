//! What clients see of a service behind a proxy: its origins, and the prefix of
//! its paths.
//!
//! [`SessionTimeoutLayer::with_origin`](crate::SessionTimeoutLayer::with_origin),
//! [`with_prefix`](crate::SessionTimeoutLayer::with_prefix) and
//! [`with_forwarded_prefix_and_host`](crate::SessionTimeoutLayer::with_forwarded_prefix_and_host)
//! say it. `docs/gateways.md` has the settings for proxies.

mod origin;
mod prefix;

use std::fmt;
use std::sync::Arc;

use dwell_core::SessionState;
use http::request::Parts;
use http::uri::Authority;
use http::{Extensions, HeaderMap, HeaderName, header};

pub use self::origin::{Origin, OriginError};
pub use self::prefix::{Prefix, PrefixError};
use crate::head::{FindPeer, bearer, single};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What clients see of a stack. A request's state finds it in the manager.
#[derive(Clone, Default)]
pub(crate) struct Gateway {
    pub(crate) origins: Vec<Origin>,
    pub(crate) prefix: Prefix,
    /// How to find the address of the proxy, if what trusted ones say of host and
    /// prefix counts.
    pub(crate) forwarded_by: Option<Arc<FindPeer>>,
}

impl Gateway {
    pub(crate) fn of(state: &SessionState) -> Option<&Self> {
        state.manager().shared()
    }

    /// Whether one of our own origins made the request, by its `Origin`.
    pub(crate) fn lists_origin(&self, headers: &HeaderMap) -> bool {
        // Most stacks list none, and then nothing is parsed.
        !self.origins.is_empty()
            && single(headers, &header::ORIGIN)
                .and_then(|origin| origin.parse().ok())
                .is_some_and(|origin| self.origins.contains(&origin))
    }

    /// Returns a header field that only a trusted proxy may set.
    fn forwarded<'a>(
        &self,
        state: &SessionState,
        extensions: &Extensions,
        headers: &'a HeaderMap,
        name: &HeaderName,
    ) -> Option<&'a str> {
        let peer = self.forwarded_by.as_ref()?(extensions)?;
        let is_trusted = state.policies().client_ip().trusts(peer);
        is_trusted.then(|| single(headers, name)).flatten()
    }
}

/// Returns whether a page of ours made a request, or a program that no browser
/// can be tricked into being.
///
/// - A bearer token in `Authorization`: no browser adds one by itself (RFC 6750),
///   and no page can for another site without that site's consent (Fetch Standard,
///   CORS preflight).
/// - `Sec-Fetch-Site: same-origin`.
/// - An `Origin` that is listed by
///   [`with_origin`](crate::SessionTimeoutLayer::with_origin), or, without
///   `Sec-Fetch-Site`, one with the request's host.
///
/// A header that is sent twice counts as none.
///
/// ```
/// use dwell_tower::gateway::is_same_origin;
/// use http::Request;
///
/// let request = |origin| {
///     let request = Request::post("/transfer").header("host", "bank.example");
///     request.header("origin", origin).body(()).map(|request| request.into_parts().0)
/// };
/// assert!(is_same_origin(&request("https://bank.example")?));
/// assert!(!is_same_origin(&request("https://evil.example")?));
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn is_same_origin(request: &Parts) -> bool {
    let headers = &request.headers;
    let state = request.extensions.get::<SessionState>();
    let gateway = state.and_then(Gateway::of);
    if bearer(headers).is_some() || gateway.is_some_and(|gateway| gateway.lists_origin(headers)) {
        return true;
    }
    if headers.contains_key(&SEC_FETCH_SITE) {
        return single(headers, &SEC_FETCH_SITE) == Some("same-origin");
    }
    let forwarded = state.zip(gateway).and_then(|(state, gateway)| {
        gateway.forwarded(state, &request.extensions, headers, &X_FORWARDED_HOST)
    });
    let host = match (forwarded, request.uri.authority()) {
        (Some(host), _) => Some(host),
        (None, Some(authority)) => Some(authority.as_str()),
        (None, None) => single(headers, &header::HOST),
    };
    let origin = single(headers, &header::ORIGIN);
    let origin = origin.and_then(|o| o.split_once("://"));
    match (origin, host) {
        (Some((_, origin)), Some(host)) => {
            origin.eq_ignore_ascii_case(host) && host.parse::<Authority>().is_ok()
        }
        _ => false,
    }
}

/// Returns a path of this service as its clients write it: with the prefix that a
/// proxy has cut off. For links and redirects. What is no path, such as a whole
/// URL, is returned as it is.
///
/// ```
/// use dwell_tower::gateway::public_path;
///
/// let (request, ()) = http::Request::new(()).into_parts();
/// assert_eq!(public_path(&request, "/login"), "/login");
/// ```
#[must_use]
pub fn public_path(request: &Parts, path: &str) -> String {
    let is_path = path.starts_with('/') && !path.starts_with("//");
    let state = request.extensions.get::<SessionState>();
    match state.filter(|_| is_path) {
        Some(state) => format!("{}{path}", prefix_of(state, request)),
        None => path.to_owned(),
    }
}

/// Returns the prefix that a proxy has cut off a request's path.
fn prefix_of(state: &SessionState, request: &Parts) -> Prefix {
    let Some(gateway) = Gateway::of(state) else {
        return Prefix::default();
    };
    let (extensions, headers) = (&request.extensions, &request.headers);
    let forwarded = gateway.forwarded(state, extensions, headers, &X_FORWARDED_PREFIX);
    let forwarded = forwarded.and_then(|prefix| prefix.parse().ok());
    forwarded.unwrap_or_else(|| gateway.prefix.clone())
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("origins", &self.origins)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
