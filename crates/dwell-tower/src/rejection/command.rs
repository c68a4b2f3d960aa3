//! The answer to a request whose session command failed.

use bytes::Bytes;
use dwell_core::CommandError;
use http::{Response, StatusCode};

use super::refusal::{Challenge, Refusal, problem, problem_details};
use crate::log::{self, Causes};

/// Returns the answer to a request whose session command failed, as problem
/// details. Where the store, the program or the machine is at fault, the cause is
/// logged, since the client does not learn it. For handlers without axum;
/// `dwell_axum::SessionError` answers the same.
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
/// ```
/// use dwell_core::CommandError;
/// use dwell_tower::rejection::command_failed;
///
/// let answer = command_failed(&CommandError::TooManySessions);
/// assert_eq!(answer.status(), 409);
/// ```
#[must_use]
pub fn command_failed(error: &CommandError) -> Response<Bytes> {
    let refusal = match error {
        CommandError::Store(error) => {
            let message = "session store did not answer; a command was answered with 503";
            log::warn(message, Some(&Causes(error)));
            Refusal::StoreUnavailable
        }
        CommandError::Ended(reason) => Refusal::Ended(*reason),
        CommandError::Gone | CommandError::NoSession => Refusal::SessionRequired,
        CommandError::Locked => Refusal::Locked,
        CommandError::StepUpRequired { max_age } => Refusal::StepUp(Challenge {
            max_age: *max_age,
            acr_values: Vec::new(),
        }),
        CommandError::TooManySessions => {
            let detail = "There are as many sessions as allowed. Sign out elsewhere first.";
            return problem_details(
                StatusCode::CONFLICT,
                Some("too_many_sessions"),
                Some(detail),
            );
        }
        error => {
            log::error(
                "session command failed; answered with 500",
                Some(&Causes(error)),
            );
            let detail = match error {
                CommandError::Conflict => "Other requests kept changing the session. Try again.",
                _ => "The service could not do this. Its log names the cause.",
            };
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return problem_details(status, Some("session_error"), Some(detail));
        }
    };
    problem(&refusal)
}
