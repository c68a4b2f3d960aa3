//! The layer that puts a route or a group of routes under a stricter policy.

use std::fmt;
use std::sync::Arc;

use dwell_core::{AuthenticationRequirement, SessionState};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{Challenge, MakeRejection, Refusal, admit_unless, unmet};

/// Puts a route under a named policy; see the [module docs](super). From a longer
/// pause or an older authentication than the policy allows, the route asks for
/// authentication. It never ends the session. Of several policies the smaller
/// limit counts (law L6). Must be inside an
/// [`IdleTimeoutLayer`](super::IdleTimeoutLayer).
#[derive(Clone)]
pub struct PolicyLayer {
    policy: Arc<str>,
    rejection: Option<Arc<dyn MakeRejection>>,
}

impl PolicyLayer {
    /// Returns a layer for the policy with this name. While no
    /// policy has the name, requests are refused with 500.
    #[must_use]
    pub fn new(policy: &str) -> Self {
        Self {
            policy: policy.into(),
            rejection: None,
        }
    }

    /// Sets how this layer refuses. Defaults to the rejection of the session
    /// layer around it.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.rejection = Some(Arc::new(rejection));
        self
    }
}

impl Gate for PolicyLayer {
    fn name(&self) -> &'static str {
        "a route with a policy"
    }

    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        if !state.is_decided() {
            let missing = "the idle timeout layer, outside a route with a policy";
            return Err(Refusal::Miswired(missing.to_owned()));
        }
        if !state.enter_area(&self.policy) {
            let missing = format!("the policy {:?}, which a route names", self.policy);
            return Err(Refusal::Miswired(missing));
        }
        admit_unless(refusal(state), state, request)
    }

    fn rejection(&self) -> Option<&dyn MakeRejection> {
        self.rejection.as_deref()
    }
}

impl<S> Layer<S> for PolicyLayer {
    type Service = PolicyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

/// The service of [`PolicyLayer`].
pub type PolicyService<S> = Gated<S, PolicyLayer>;

impl fmt::Debug for PolicyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyLayer").field(&self.policy).finish()
    }
}

fn refusal(state: &SessionState) -> Option<Refusal> {
    // Without a live session the route has nothing to ask of anybody.
    let session = state.session()?;
    match state.area_deadline() {
        Some(area) if area.has_passed(session.now) => Some(Refusal::StepUp(Challenge {
            max_age: area.max_age,
            acr_values: Vec::new(),
        })),
        // A step-up layer outside has let the request pass by a policy that may
        // demand less than this one.
        _ if state.demanded_by_policy() => unmet(state, &AuthenticationRequirement::by_policy()),
        _ => None,
    }
}
