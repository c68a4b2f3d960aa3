//! A request without its body, for sources and gates.

use std::net::IpAddr;

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri, header};

/// Borrows a request without its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target, as the innermost router left it.
    pub uri: &'a Uri,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The extensions, where other middleware leaves values.
    pub extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    /// Borrows the head of a request.
    pub fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    /// Returns the bearer token of the request (RFC 6750 §2.1), if it has one.
    #[must_use]
    pub fn bearer(&self) -> Option<&'a [u8]> {
        bearer(self.headers)
    }

    /// Borrows the head of a request whose body was taken off.
    pub fn of_parts(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

/// Whether a method is `GET` or `HEAD`: a browser may repeat it, and caches may
/// keep its answer.
pub(crate) fn reads(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// Finds the address of a connection's other end.
pub(crate) type FindPeer = dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync;

/// Returns the bearer token that a request shows (RFC 6750 §2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    bearer_in(headers.get(header::AUTHORIZATION)?.as_bytes())
}

/// Returns the bearer token in a value of `Authorization`.
pub(crate) fn bearer_in(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| rest.trim_ascii())
}

/// Returns a field's value, unless it is there twice.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
