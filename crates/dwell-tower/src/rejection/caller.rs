//! Who asks, and so which form of a refusal is of use.

use http::header;
use http::request::Parts;

use crate::grpc::is_grpc;
use crate::head::reads;

/// Headers that proxies add when they ask whether they may pass a request on:
/// nginx's `auth_request` as it is commonly set up, Traefik's `forwardAuth`,
/// Caddy's `forward_auth`.
const OF_AUTH_REQUESTS: [&str; 3] = ["x-original-uri", "x-original-url", "x-forwarded-uri"];

/// Tells who asks, and so which form of a refusal is of use.
///
/// | caller | recognized by, in this order | answer, where a page leads on |
/// |---|---|---|
/// | `Grpc` | `Content-Type: application/grpc…` | status `UNAUTHENTICATED`, with the reason in the metadata `session-reason` |
/// | `Program` | `X-Original-URI`, `X-Original-URL` or `X-Forwarded-Uri`: a proxy asks for permission | 401, problem details |
/// | `Htmx` | `HX-Request: true` | 401, problem details, with `HX-Redirect` to the page; with `HX-Refresh` if no page is set |
/// | `TurboFrame` | `Turbo-Frame` | 401, a document at which Turbo loads the whole page |
/// | `Page` | `X-Turbo-Request-Id`; else `Sec-Fetch-Mode: navigate`; else, without `Sec-Fetch-Mode`, a `GET` or `HEAD` that accepts `text/html` | 303 to the page |
/// | `Program` | anything else, such as `fetch`, whatever it accepts | 401, problem details |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller {
    /// A client of gRPC, whose statuses are not HTTP's.
    Grpc,
    /// A script of htmx, which ignores redirects and bodies of a 401.
    Htmx,
    /// A browser that shows the answer as a page, or Turbo on its behalf.
    Page,
    /// A program, which wants to know and not to be led elsewhere.
    Program,
    /// Turbo, for a part of a page.
    TurboFrame,
}

impl Caller {
    /// Recognizes who asks, by the table above.
    ///
    /// ```
    /// use dwell_tower::rejection::Caller;
    ///
    /// let (request, ()) = http::Request::get("/").header("hx-request", "true").body(())?.into_parts();
    /// assert_eq!(Caller::of(&request), Caller::Htmx);
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn of(request: &Parts) -> Self {
        let headers = &request.headers;
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if is_grpc(headers) {
            return Self::Grpc;
        }
        if OF_AUTH_REQUESTS
            .iter()
            .any(|name| headers.contains_key(*name))
        {
            return Self::Program;
        }
        if value("hx-request") == Some("true") {
            return Self::Htmx;
        }
        if headers.contains_key("turbo-frame") {
            return Self::TurboFrame;
        }
        let is_page = headers.contains_key("x-turbo-request-id")
            || match value("sec-fetch-mode") {
                Some(mode) => mode == "navigate",
                None => {
                    let accept = value(header::ACCEPT.as_str()).unwrap_or_default();
                    reads(&request.method) && accept.contains("text/html")
                }
            };
        match is_page {
            true => Self::Page,
            false => Self::Program,
        }
    }
}
