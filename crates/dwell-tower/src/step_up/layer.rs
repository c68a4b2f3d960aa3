//! The layer that demands authentication.

use std::fmt;
use std::sync::Arc;

use dwell_core::{AuthenticationRequirement, SessionState};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{IMPOSSIBLE, MakeRejection, Refusal, admit_unless, unmet, without_session};

/// Demands a recent and strong enough authentication; see the
/// [module docs](super) for an example. Must be inside an
/// [`IdleTimeoutLayer`](crate::idle::IdleTimeoutLayer).
#[derive(Clone)]
pub struct StepUpLayer {
    requirement: AuthenticationRequirement,
    rejection: Option<Arc<dyn MakeRejection>>,
}

impl StepUpLayer {
    /// Returns a layer that demands this authentication. One that nothing can
    /// meet ([`AuthenticationRequirement::is_possible`]) is logged as an error,
    /// and answered with 500.
    #[must_use]
    pub fn new(requirement: AuthenticationRequirement) -> Self {
        if !requirement.is_possible() {
            let message = "no request can pass a privileged route; they will be answered with 500";
            crate::log::error(message, Some(&format_args!("missing: {IMPOSSIBLE}")));
        }
        Self {
            requirement,
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

impl Gate for StepUpLayer {
    fn name(&self) -> &'static str {
        "a privileged route"
    }

    #[inline]
    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        state.reach_route();
        let refusal = without_session(state, self.name());
        let refusal = refusal.or_else(|| unmet(state, &self.requirement));
        admit_unless(refusal, state, request)
    }

    fn rejection(&self) -> Option<&dyn MakeRejection> {
        self.rejection.as_deref()
    }
}

impl<S> Layer<S> for StepUpLayer {
    type Service = StepUp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

/// The service of [`StepUpLayer`].
pub type StepUp<S> = Gated<S, StepUpLayer>;

impl fmt::Debug for StepUpLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StepUpLayer")
            .field(&self.requirement)
            .finish()
    }
}
