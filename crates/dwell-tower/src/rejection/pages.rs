//! The default rejection: each caller gets a form that it can use.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::caller::Caller;
use super::refusal::{NO_STORE, Refusal, problem, set};
use super::stack::{MakeRejection, uri_of};
use crate::gateway::public_path;
use crate::grpc;
use crate::head::reads;

/// Answers programs with problem details (RFC 9457), and leads browsers to a page
/// if pages are set: by a redirect, or in the form that htmx and Turbo act on. See
/// [`Caller`].
///
/// A lock or a step-up leads to the re-authentication page, anything else to the
/// login page. The page's address carries the query parameters `reason` and
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
#[derive(Clone)]
pub struct DefaultRejection {
    login: Option<String>,
    reauthentication: Option<String>,
    recognize: fn(&Parts) -> Caller,
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

    /// Sets how callers are recognized. Defaults to [`Caller::of`].
    #[must_use]
    pub fn with_callers(mut self, recognize: fn(&Parts) -> Caller) -> Self {
        self.recognize = recognize;
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

impl Default for DefaultRejection {
    fn default() -> Self {
        Self {
            login: None,
            reauthentication: None,
            recognize: Caller::of,
        }
    }
}

impl fmt::Debug for DefaultRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultRejection")
            .field("login", &self.login)
            .field("reauthentication", &self.reauthentication)
            .finish_non_exhaustive()
    }
}

impl MakeRejection for DefaultRejection {
    fn reject(&self, refusal: &Refusal, request: &Parts) -> Response<Bytes> {
        let caller = (self.recognize)(request);
        let page = self.page(refusal);
        let address = page.and_then(|page| address(page, refusal, request, caller));
        match (caller, address) {
            (Caller::Grpc, _) => grpc_status(refusal),
            (Caller::Page, Some(address)) => redirect(address),
            (Caller::Htmx, Some(address)) => with(problem(refusal), "hx-redirect", address),
            (Caller::Htmx, None) if refusal.status() == StatusCode::UNAUTHORIZED => {
                let reload = HeaderValue::from_static("true");
                with(problem(refusal), "hx-refresh", reload)
            }
            (Caller::TurboFrame, Some(_)) => load_whole_page(refusal),
            _ => problem(refusal),
        }
    }
}

/// Returns the page's address, with the reason and the way back.
fn address(page: &str, refusal: &Refusal, request: &Parts, caller: Caller) -> Option<HeaderValue> {
    let separator = if page.contains('?') { '&' } else { '?' };
    let reason = refusal.reason().unwrap_or_default();
    let mut address = public_path(request, &format!("{page}{separator}reason={reason}"));
    let target = match caller {
        Caller::Htmx => htmx_page(request),
        _ => None,
    };
    let is_page = target.is_some();
    let target = target.unwrap_or_else(|| {
        let uri = uri_of(request.extensions.get(), &request.extensions, &request.uri);
        public_path(request, path_of(uri))
    });
    if let Some(target) = crate::return_to::safe_return_to(&target) {
        let target = utf8_percent_encode(target, NON_ALPHANUMERIC);
        let _ = write!(address, "&return_to={target}");
    }
    // The way back is a GET, which does not repeat the request.
    if !is_page && !reads(&request.method) {
        let method = utf8_percent_encode(request.method.as_str(), NON_ALPHANUMERIC);
        let _ = write!(address, "&method={method}");
    }
    HeaderValue::try_from(address).ok()
}

/// Returns the path of the page on which htmx runs, as the browser shows it.
fn htmx_page(request: &Parts) -> Option<String> {
    let url = request.headers.get("hx-current-url")?.to_str().ok()?;
    Some(path_of(&url.parse::<Uri>().ok()?).to_owned())
}

fn path_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}

fn redirect(address: HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    set(headers, header::CACHE_CONTROL, NO_STORE);
    set(headers, header::LOCATION, address);
    response
}

fn with(mut response: Response<Bytes>, name: &'static str, value: HeaderValue) -> Response<Bytes> {
    let headers = response.headers_mut();
    set(headers, HeaderName::from_static(name), value);
    response
}

/// Answers a call of gRPC by a status without a message.
fn grpc_status(refusal: &Refusal) -> Response<Bytes> {
    let status = match refusal {
        Refusal::Miswired(_) => grpc::Status::Internal,
        Refusal::StoreUnavailable => grpc::Status::Unavailable,
        Refusal::TooManyStreams => grpc::Status::ResourceExhausted,
        Refusal::Ended(_) | Refusal::Locked | Refusal::SessionRequired | Refusal::StepUp(_) => {
            grpc::Status::Unauthenticated
        }
    };
    let mut response = problem(refusal).map(|_| Bytes::new());
    *response.status_mut() = StatusCode::OK;
    grpc::write(response.headers_mut(), status, refusal.reason());
    let media_type = HeaderValue::from_static("application/grpc");
    with(response, "content-type", media_type)
}

/// Makes Turbo load the frame's address as a page, which is then redirected. It
/// does so at this `meta` element, and otherwise shows "content missing".
fn load_whole_page(refusal: &Refusal) -> Response<Bytes> {
    let document = "<!doctype html><title>Sign in</title>\
                    <meta name=\"turbo-visit-control\" content=\"reload\">";
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let response = problem(refusal).map(|_| Bytes::from_static(document.as_bytes()));
    with(response, "content-type", html)
}
