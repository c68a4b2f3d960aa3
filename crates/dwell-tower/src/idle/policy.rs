//! The layer by which a route or a group of routes opts in to a policy.

use std::fmt;
use std::sync::Arc;

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{
    Admission, AuthenticationRequirement, EventKind, PolicySet, SessionHandle, Verdict,
};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{Challenge, MakeRejection, Refusal};
use crate::shared::Shared;

/// Tightens the limits by a named policy; see the [module docs](super).
///
/// Without a rejection of its own it answers like the stack around it.
#[derive(Clone)]
pub struct PolicyLayer {
    policy: Arc<str>,
    rejection: Option<Arc<dyn MakeRejection>>,
}

impl PolicyLayer {
    /// Tightens by the policy of this name. Requests are refused with 500
    /// while no policy has this name.
    #[must_use]
    pub fn new(policy: &str) -> Self {
        Self {
            policy: policy.into(),
            rejection: None,
        }
    }

    /// Refuses in a way of your own.
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

    fn admit(&self, handle: &SessionHandle, request: &RequestHead<'_>) -> Result<(), Refusal> {
        if handle.decision().is_none() {
            let missing = "the idle timeout layer, outside a route with a policy";
            return Err(Refusal::Miswired(missing.to_owned()));
        }
        if !handle.tighten(&self.policy) {
            let missing = format!("the policy {:?}, which a route names", self.policy);
            return Err(Refusal::Miswired(missing));
        }
        let refusal = refusal(handle.decide(), handle.policies());
        let Some(refusal) = refusal.or_else(|| stale_by_policy(handle)) else {
            return Ok(());
        };
        Shared::label_route(handle, request);
        if let Refusal::StepUp(_) = refusal {
            handle.report(EventKind::StepUpRequired);
        }
        Err(refusal)
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

fn refusal(admission: Admission, policies: &PolicySet) -> Option<Refusal> {
    match admission {
        Admission::Anonymous | Admission::Session(Verdict::Live(_)) => None,
        Admission::Session(Verdict::Stale { policy, .. }) => Some(Refusal::StepUp(Challenge {
            max_age: policies.policy_or_default(policy).idle(),
            acr_values: Vec::new(),
        })),
        Admission::Session(Verdict::Locked { .. }) => Some(Refusal::Locked),
        Admission::Session(Verdict::Ended(reason)) => Some(Refusal::Ended(reason)),
    }
}

/// A privileged route outside this one was let pass by a policy that may ask
/// for less than this one.
fn stale_by_policy(handle: &SessionHandle) -> Option<Refusal> {
    if !handle.demanded_by_policy() {
        return None;
    }
    let demand = AuthenticationRequirement::by_policy();
    match handle.check_authentication(&demand) {
        Some(AuthenticationCheck::Fresh) | None => None,
        Some(_) => Some(Refusal::StepUp(Challenge {
            max_age: handle.max_age(&demand),
            acr_values: Vec::new(),
        })),
    }
}
