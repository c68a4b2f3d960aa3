//! Errors of session commands, as answers.

use std::fmt;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use dwell_core::CommandError;
use dwell_tower::rejection::{Refusal, problem};
use http::StatusCode;

use crate::problem::problem_details;

/// A session command that was not carried out. As a response: 503 when the
/// store does not answer, 401 when the session has ended, 409 when the
/// subject has too many, else 500.
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
        let refusal = match self.0 {
            CommandError::Store(_) => Refusal::StoreUnavailable,
            CommandError::Gone | CommandError::NoSession => Refusal::SessionRequired,
            CommandError::TooManySessions => {
                return problem_details(StatusCode::CONFLICT, "too_many_sessions");
            }
            _ => return problem_details(StatusCode::INTERNAL_SERVER_ERROR, "session_error"),
        };
        problem(&refusal).map(Body::from)
    }
}
