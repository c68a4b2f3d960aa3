//! The check: another proxy asks whether it may pass a request on.

use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, Request, Uri, header};
use serde::Deserialize;

/// Where the check finds the request that it is asked about.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub(crate) enum Asking {
    /// `X-Original-Method` and `X-Original-URI`: nginx, as the page sets it up.
    #[serde(rename = "x-original")]
    OriginalUri,
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`: Caddy, Traefik.
    #[serde(rename = "x-forwarded")]
    ForwardedUri,
    /// The check's own method, and its path without `/check`: Envoy.
    #[serde(rename = "path")]
    OwnPath,
}

/// Marks a request that a proxy asks about, and that is answered and not served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked;

const CHECK: &str = "/check";

impl Asking {
    /// Whether a request asks.
    pub(crate) fn is_check(uri: &Uri) -> bool {
        let rest = uri.path().strip_prefix(CHECK);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Turns a question into the request that it is about, so that all of Dwell judges
    /// that one.
    ///
    /// # Errors
    /// Says which header the proxy does not send, or sends twice.
    pub(crate) fn of(self, mut request: Request<Body>) -> Result<Request<Body>, String> {
        let headers = request.headers();
        let (method, uri) = match self {
            Self::OriginalUri => (
                method(headers, "x-original-method")?,
                target(headers, "x-original-uri")?,
            ),
            Self::ForwardedUri => (
                method(headers, "x-forwarded-method")?,
                target(headers, "x-forwarded-uri")?,
            ),
            Self::OwnPath => {
                let target = request.uri().path_and_query().map(PathAndQuery::as_str);
                let rest = target.and_then(|target| target.strip_prefix(CHECK));
                let uri = rest.unwrap_or_default().parse().ok();
                let uri: Option<Uri> = uri.filter(is_path);
                (
                    request.method().clone(),
                    uri.ok_or("the path of the request after /check")?,
                )
            }
        };
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.body_mut() = Body::empty();
        // What says that a proxy asks would hide who its client is.
        for name in [
            "x-original-method",
            "x-original-uri",
            "x-original-url",
            "x-forwarded-method",
            "x-forwarded-uri",
        ] {
            request.headers_mut().remove(name);
        }
        // The body stays with the proxy.
        request.headers_mut().remove(header::CONTENT_LENGTH);
        request.extensions_mut().insert(Asked);
        Ok(request)
    }
}

fn method(headers: &HeaderMap, name: &'static str) -> Result<Method, String> {
    let method = single(headers, name).and_then(|method| method.parse().ok());
    method.ok_or_else(|| format!("one header {name} with the method of the request"))
}

fn target(headers: &HeaderMap, name: &'static str) -> Result<Uri, String> {
    let uri = single(headers, name).and_then(|uri| uri.parse().ok());
    let uri = uri.filter(is_path);
    uri.ok_or_else(|| format!("one header {name} with the path of the request"))
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_path(uri: &Uri) -> bool {
    uri.authority().is_none() && uri.path().starts_with('/')
}
