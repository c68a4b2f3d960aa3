//! Why a request is refused, and the plain answer that says so.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use dwell_core::{EndReason, SessionOver};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

/// Why a request was refused. It is also put into the extensions of the
/// answer, for outer layers to read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The session has ended.
    Ended(EndReason),
    /// The session is locked until its subject authenticates again.
    Locked,
    /// The stack is wired wrongly; this piece is missing.
    Miswired(String),
    /// There is no session, and the route needs one.
    SessionRequired,
    /// The last authentication is not recent or not strong enough.
    StepUp(Challenge),
    /// The store did not answer.
    StoreUnavailable,
}

/// What a step-up must bring (RFC 9470 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The authentication must be younger than this.
    pub max_age: Duration,
    /// Classes of which one is demanded; empty: any.
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
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Miswired(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The word for it; none for a wrong wiring, which only the log explains.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Ended(reason) => Some(reason.as_str()),
            Self::Locked => Some("session_locked"),
            Self::Miswired(_) => None,
            Self::SessionRequired => Some("session_required"),
            Self::StepUp(_) => Some("step_up_required"),
            Self::StoreUnavailable => Some("store_unavailable"),
        }
    }

    fn detail(&self) -> &'static str {
        match self {
            Self::Ended(_) => "The session has ended. Sign in again.",
            Self::Locked => "The session is locked. Authenticate again to go on.",
            Self::Miswired(_) => "The service is not set up correctly.",
            Self::SessionRequired => "Sign in first.",
            Self::StepUp(_) => "Authenticate again to do this.",
            Self::StoreUnavailable => "Sessions can't be checked at the moment. Try again shortly.",
        }
    }

    /// The challenge that every 401 carries (RFC 9110 §15.5.2).
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
            Self::Miswired(_) | Self::StoreUnavailable => return None,
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

/// The answer to a wrong wiring, which needs no request to be made.
pub(crate) fn miswired(missing: &str) -> Response<Bytes> {
    let refusal = Refusal::Miswired(missing.to_owned());
    log(&refusal);
    let mut response = problem(&refusal);
    response.extensions_mut().insert(refusal);
    response
}

pub(crate) fn log(refusal: &Refusal) {
    if let Refusal::Miswired(missing) = refusal {
        let message = "refused, since the stack is wired wrongly";
        crate::log::error(message, Some(&format_args!("missing: {missing}")));
    }
}

/// Problem details (RFC 9457) for a refusal.
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

/// Problem details (RFC 9457) that are never cached: of an answer that is no
/// [`Refusal`] and shall look like one.
///
/// `reason` and `detail` are plain words of the program: they are not escaped.
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
    set(
        headers,
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    response
}

/// Sets a header field in place of others of its name.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.insert(name, value);
}
