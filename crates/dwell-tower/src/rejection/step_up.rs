//! The refusal that demands re-authentication.

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{AuthenticationRequirement, EventKind, SessionState, Verdict};

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

/// Returns how a request without a live session is refused on a route that needs one,
/// such as "a privileged route".
pub(crate) fn without_session(state: &SessionState, route: &str) -> Option<Refusal> {
    match state.verdict() {
        None => {
            let missing = format!("the idle timeout layer, outside {route}");
            Some(Refusal::Miswired(missing))
        }
        Some(Verdict::Live(_)) => None,
        Some(verdict) => Some(
            verdict
                .over()
                .map_or(Refusal::SessionRequired, Refusal::from),
        ),
    }
}

/// Admits a request, whose answer depends on the session then. Of a refused one the
/// route is named, and a required step-up reported.
pub(crate) fn admit_unless(
    refusal: Option<Refusal>,
    state: &SessionState,
    request: RequestHead<'_>,
) -> Result<(), Refusal> {
    let Some(refusal) = refusal else {
        state.mark_personal();
        return Ok(());
    };
    label_route(state, request);
    if let Refusal::StepUp(_) = refusal {
        state.report(EventKind::StepUpRequired);
    }
    Err(refusal)
}
