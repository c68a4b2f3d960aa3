//! Why a request is refused, and the answer in problem details.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use dwell_core::{EndReason, SessionOver};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

/// Tells why a request was refused. Outer layers find it in the answer's
/// extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The session has ended.
    Ended(EndReason),
    /// The session is locked until its subject authenticates again.
    Locked,
    /// The stack is misconfigured; this part is missing.
    Miswired(String),
    /// The request has no session and needs one.
    SessionRequired,
    /// The last authentication is not recent or not strong enough.
    StepUp(Challenge),
    /// The store did not answer.
    StoreUnavailable,
    /// The session has as many event streams and WebSockets as it may have.
    TooManyStreams,
}

/// Tells what authentication a step-up demands (RFC 9470 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// How old the authentication may be at most.
    pub max_age: Duration,
    /// The classes (`acr`) of which one is demanded. If empty, any will do.
    pub acr_values: Vec<Box<str>>,
}

impl From<SessionOver> for Refusal {
    fn from(over: SessionOver) -> Self {
        match over {
            SessionOver::Ended(reason) => Self::Ended(reason),
            SessionOver::Locked => Self::Locked,
            SessionOver::Unknown => Self::SessionRequired,
        }
    }
}

impl Refusal {
    /// Returns the status of the answer: 401, 429, 500 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Miswired(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// Returns the reason in the answer, such as `idle_timeout`, or `None` for
    /// [`Miswired`](Self::Miswired): only the log says what is missing.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Ended(reason) => Some(reason.as_str()),
            Self::Locked => Some("session_locked"),
            Self::Miswired(_) => None,
            Self::SessionRequired => Some("session_required"),
            Self::StepUp(_) => Some("step_up_required"),
            Self::StoreUnavailable => Some("store_unavailable"),
            Self::TooManyStreams => Some("too_many_streams"),
        }
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::Ended(_) => "The session has ended. Sign in again.",
            Self::Locked => "The session is locked. Authenticate again to continue.",
            Self::Miswired(_) => "The service is not set up correctly.",
            Self::SessionRequired => "Sign in first.",
            Self::StepUp(_) => "Authenticate again to do this.",
            Self::StoreUnavailable => "Sessions can't be checked at the moment. Try again shortly.",
            Self::TooManyStreams => "This session has too many open streams. Close one first.",
        }
    }

    /// Returns the challenge that every 401 carries (RFC 9110 §15.5.2).
    fn challenge(&self) -> Option<String> {
        Some(match self {
            Self::SessionRequired => r#"Bearer realm="session""#.to_owned(),
            Self::Ended(reason) => format!(
                r#"Bearer realm="session", error="invalid_token", error_description="{reason}""#
            ),
            Self::Locked => {
                r#"Bearer realm="session", error="insufficient_user_authentication", error_description="session_locked""#
                    .to_owned()
            }
            Self::StepUp(challenge) => challenge.header(),
            Self::Miswired(_) | Self::StoreUnavailable | Self::TooManyStreams => return None,
        })
    }
}

impl Challenge {
    fn header(&self) -> String {
        let mut header = String::from(
            r#"Bearer error="insufficient_user_authentication", error_description="A more recent or stronger authentication is required""#,
        );
        if !self.acr_values.is_empty() {
            let plain = |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
            header.push_str(r#", acr_values=""#);
            for (ix, value) in self.acr_values.iter().enumerate() {
                if ix > 0 {
                    header.push(' ');
                }
                header.extend(value.chars().filter(plain));
            }
            header.push('"');
        }
        let _ = write!(header, r#", max_age="{}""#, self.max_age.as_secs());
        header
    }
}

/// Logs what the stack lacks, and returns the answer.
pub(crate) fn miswired(missing: &str) -> Response<Bytes> {
    let refusal = Refusal::Miswired(missing.to_owned());
    log(&refusal);
    let mut response = problem(&refusal);
    response.extensions_mut().insert(refusal);
    response
}

pub(crate) fn log(refusal: &Refusal) {
    if let Refusal::Miswired(missing) = refusal {
        let message = "middleware misconfigured; request refused with 500";
        crate::log::error(message, Some(&format_args!("missing: {missing}")));
    }
}

/// Returns problem details (RFC 9457) for a refusal. They are never cached.
#[must_use]
pub fn problem(refusal: &Refusal) -> Response<Bytes> {
    let mut response = problem_details(refusal.status(), refusal.reason(), Some(refusal.detail()));
    let headers = response.headers_mut();
    if let Some(challenge) = refusal.challenge()
        && let Ok(challenge) = HeaderValue::try_from(challenge)
    {
        set(headers, header::WWW_AUTHENTICATE, challenge);
    }
    if *refusal == Refusal::StoreUnavailable {
        set(headers, header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// Returns problem details (RFC 9457) like those of a [`Refusal`], for an
/// answer of your own. They are never cached.
///
/// `reason` and `detail` are not escaped: use no quotes and no backslashes.
///
/// ```
/// use dwell_tower::rejection::problem_details;
/// use http::StatusCode;
///
/// let answer = problem_details(StatusCode::CONFLICT, Some("already_paid"), None);
/// let body = r#"{"type":"about:blank","title":"Conflict","status":409,"reason":"already_paid"}"#;
/// assert_eq!(answer.body(), body);
/// ```
#[must_use]
pub fn problem_details(
    status: StatusCode,
    reason: Option<&'static str>,
    detail: Option<&'static str>,
) -> Response<Bytes> {
    let mut body = format!(
        r#"{{"type":"about:blank","title":"{}","status":{}"#,
        status.canonical_reason().unwrap_or_default(),
        status.as_u16(),
    );
    for (name, word) in [("detail", detail), ("reason", reason)] {
        if let Some(word) = word {
            let _ = write!(body, r#","{name}":"{word}""#);
        }
    }
    body.push('}');
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    set(headers, header::CONTENT_TYPE, json);
    set(headers, header::CACHE_CONTROL, NO_STORE);
    response
}

/// Keeps an answer out of caches, as `Cache-Control`.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Sets a header field, replacing fields of the same name.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}
