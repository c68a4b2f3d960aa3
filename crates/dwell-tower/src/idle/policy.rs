//! The layer that puts a route or a group of routes under a stricter policy.

use std::fmt;
use std::sync::Arc;

use dwell_core::{AuthenticationRequirement, SessionState, Verdict};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{Challenge, MakeRejection, Refusal, refuse_with_step_up, unmet};

/// Tightens the limits of a route by a named policy; see the
/// [module docs](super). It never loosens them: the smaller limit counts (law
/// L6). Must be inside an [`IdleTimeoutLayer`](super::IdleTimeoutLayer).
#[derive(Clone)]
pub struct PolicyLayer {
    policy: Arc<str>,
    rejection: Option<Arc<dyn MakeRejection>>,
}

impl PolicyLayer {
    /// Returns a layer that tightens by the policy with this name. While no
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
        if !state.tighten(&self.policy) {
            let missing = format!("the policy {:?}, which a route names", self.policy);
            return Err(Refusal::Miswired(missing));
        }
        match refusal(state) {
            Some(refusal) => Err(refuse_with_step_up(state, request, refusal)),
            None => Ok(()),
        }
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
    match state.decide() {
        Verdict::Stale { policy, .. } => Some(Refusal::StepUp(Challenge {
            max_age: state.policies().policy_or_default(policy).idle(),
            acr_values: Vec::new(),
        })),
        // A step-up layer outside has let the request pass by a policy that may
        // demand less than this one.
        Verdict::Anonymous | Verdict::Live(_) if state.demanded_by_policy() => {
            unmet(state, &AuthenticationRequirement::by_policy())
        }
        verdict => verdict.over().map(Refusal::from),
    }
}
