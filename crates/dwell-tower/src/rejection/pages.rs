//! The default rejection: redirects for browsers, problem details for programs.

use std::fmt::Write as _;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::refusal::{NO_STORE, Refusal, problem, set};
use super::stack::{MakeRejection, uri_of};
use crate::head::reads;

/// Answers programs with problem details (RFC 9457), and redirects page
/// navigations if pages are set.
///
/// A lock or a step-up leads to the re-authentication page, anything else to the
/// login page. The redirect carries the query parameters `reason` and
/// `return_to`, which is a path of this origin, and `method` if it was neither
/// `GET` nor `HEAD`.
///
/// ```
/// use dwell_tower::rejection::{DefaultRejection, MakeRejection, Refusal};
///
/// let rejection = DefaultRejection::new().with_login("/login");
/// let request = http::Request::get("/accounts").header("accept", "text/html").body(())?;
/// let answer = rejection.reject(&Refusal::SessionRequired, &request.into_parts().0);
/// let location = "/login?reason=session_required&return_to=%2Faccounts";
/// assert_eq!(answer.headers()["location"], location);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DefaultRejection {
    login: Option<String>,
    reauthentication: Option<String>,
}

impl DefaultRejection {
    /// Returns a rejection without pages: every answer is problem details.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the page for navigations without a live session.
    #[must_use]
    pub fn with_login(mut self, path: impl Into<String>) -> Self {
        self.login = Some(path.into());
        self
    }

    /// Sets the page for navigations that need re-authentication. Defaults to the
    /// login page.
    #[must_use]
    pub fn with_reauthentication(mut self, path: impl Into<String>) -> Self {
        self.reauthentication = Some(path.into());
        self
    }

    fn page(&self, refusal: &Refusal) -> Option<&str> {
        match refusal {
            Refusal::Ended(_) | Refusal::SessionRequired => self.login.as_deref(),
            Refusal::Locked | Refusal::StepUp(_) => {
                self.reauthentication.as_deref().or(self.login.as_deref())
            }
            Refusal::Miswired(_) | Refusal::StoreUnavailable | Refusal::TooManyStreams => None,
        }
    }
}

impl MakeRejection for DefaultRejection {
    fn reject(&self, refusal: &Refusal, request: &Parts) -> Response<Bytes> {
        match self.page(refusal) {
            Some(page) if is_navigation(request) => redirect(page, refusal, request),
            _ => problem(refusal),
        }
    }
}

fn redirect(page: &str, refusal: &Refusal, request: &Parts) -> Response<Bytes> {
    let separator = if page.contains('?') { '&' } else { '?' };
    let mut location = format!(
        "{page}{separator}reason={}",
        refusal.reason().unwrap_or_default()
    );
    let state = request.extensions.get();
    let uri = uri_of(state, &request.extensions, &request.uri);
    let target = uri.path_and_query().map_or("/", |t| t.as_str());
    if let Some(target) = crate::return_to::safe_return_to(target) {
        let target = utf8_percent_encode(target, NON_ALPHANUMERIC);
        let _ = write!(location, "&return_to={target}");
    }
    // A redirect back would be a GET, which does not repeat the request.
    if !reads(&request.method) {
        let method = utf8_percent_encode(request.method.as_str(), NON_ALPHANUMERIC);
        let _ = write!(location, "&method={method}");
    }
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    set(headers, header::CACHE_CONTROL, NO_STORE);
    match HeaderValue::try_from(location) {
        Ok(location) => {
            set(headers, header::LOCATION, location);
            response
        }
        Err(_) => problem(refusal),
    }
}

/// Whether the browser shows the answer as a page.
fn is_navigation(request: &Parts) -> bool {
    match single(&request.headers, "sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => {
            let accept = request.headers.get(header::ACCEPT);
            let accept = accept.and_then(|a| a.to_str().ok()).unwrap_or_default();
            reads(&request.method) && accept.contains("text/html")
        }
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
