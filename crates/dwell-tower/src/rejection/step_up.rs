//! The refusal that demands re-authentication.

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{AuthenticationRequirement, EventKind, SessionState};

use super::refusal::{Challenge, Refusal};
use super::stack::label_route;
use crate::head::RequestHead;

/// What a route with an impossible requirement lacks.
pub(crate) const IMPOSSIBLE: &str = "an age above zero in `AuthenticationRequirement::within`; no authentication is younger than zero";

/// Returns the refusal if the session's last authentication does not meet the
/// requirement; `None` if it does, or without a session. A requirement that can't be
/// met is a fault of the setup.
pub(crate) fn unmet(
    state: &SessionState,
    requirement: &AuthenticationRequirement,
) -> Option<Refusal> {
    if !requirement.is_possible() {
        return Some(Refusal::Miswired(IMPOSSIBLE.to_owned()));
    }
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
