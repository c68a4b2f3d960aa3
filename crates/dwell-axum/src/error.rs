//! Errors of session commands as answers.
//!
//! A handler passes them on with `?`. The client gets the answer that the layers
//! give in the same case.

use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use dwell_core::CommandError;
use dwell_tower::rejection::command_failed;

/// The error of a session command that was not carried out.
///
/// As a response it is problem details (RFC 9457) with `Cache-Control: no-store`:
///
/// | cause | status | `reason` |
/// |---|---|---|
/// | [`CommandError::Store`] | 503, `Retry-After` | `store_unavailable` |
/// | [`CommandError::Ended`] | 401, `WWW-Authenticate` | the reason of the end |
/// | [`CommandError::Locked`] | 401, `WWW-Authenticate` | `session_locked` |
/// | [`CommandError::NoSession`], [`CommandError::Gone`] | 401, `WWW-Authenticate` | `session_required` |
/// | [`CommandError::StepUpRequired`] | 401, `WWW-Authenticate` | `step_up_required` |
/// | [`CommandError::TooManySessions`] | 409 | `too_many_sessions` |
/// | any other | 500 | `session_error` |
///
/// With 500 and 503 the cause is logged, and the client does not learn it.
///
/// Match on the cause to answer differently:
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use dwell_axum::{CommandError, LoginSession, NewSession, SessionError};
///
/// async fn login(login: LoginSession) -> Result<Response, SessionError> {
///     // … after checking the password:
///     match login.start(NewSession::new("alice")).await {
///         Ok(_token) => Ok("Welcome".into_response()),
///         Err(SessionError(CommandError::TooManySessions)) => {
///             Ok("Sign out somewhere else first".into_response())
///         }
///         Err(error) => Err(error),
///     }
/// }
/// # let _ = login;
/// let refused = SessionError::from(CommandError::TooManySessions).into_response();
/// assert_eq!(refused.status(), 409);
/// ```
// Exhaustive: handlers build and match it, and it only wraps the cause.
#[derive(Clone, Debug)]
pub struct SessionError(pub CommandError);

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<CommandError> for SessionError {
    fn from(error: CommandError) -> Self {
        Self(error)
    }
}

impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        command_failed(&self.0).map(Body::from)
    }
}
