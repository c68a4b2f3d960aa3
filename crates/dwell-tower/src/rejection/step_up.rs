//! The refusal that demands re-authentication.

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{AuthenticationRequirement, EventKind, SessionState};

use super::refusal::{Challenge, Refusal};
use super::stack::label_route;
use crate::head::RequestHead;

/// Returns the refusal if the session's last authentication does not meet the
/// requirement; `None` if it does, or without a session.
pub(crate) fn unmet(
    state: &SessionState,
    requirement: &AuthenticationRequirement,
) -> Option<Refusal> {
    match state.check_authentication(requirement)? {
        AuthenticationCheck::Fresh => None,
        AuthenticationCheck::TooOld | AuthenticationCheck::TooWeak => {
            Some(Refusal::StepUp(Challenge {
                max_age: state.max_age(requirement),
                acr_values: requirement.acr().to_vec(),
            }))
        }
    }
}

/// Names the route of a refused request, and reports a required step-up.
pub(crate) fn refuse_with_step_up(
    state: &SessionState,
    request: RequestHead<'_>,
    refusal: Refusal,
) -> Refusal {
    label_route(state, request);
    if let Refusal::StepUp(_) = refusal {
        state.report(EventKind::StepUpRequired);
    }
    refusal
}
