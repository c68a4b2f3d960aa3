//! The step-up layer.

use std::fmt;
use std::sync::Arc;

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{AuthenticationRequirement, Decision, EventKind, SessionHandle};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{Challenge, MakeRejection, Refusal};
use crate::shared::Shared;

/// Demands a recent and strong enough authentication; see the
/// [module docs](super).
///
/// Without a rejection of its own it answers like the stack around it.
#[derive(Clone)]
pub struct StepUpLayer {
    demand: AuthenticationRequirement,
    rejection: Option<Arc<dyn MakeRejection>>,
}

impl StepUpLayer {
    /// Demands this much.
    #[must_use]
    pub fn new(demand: AuthenticationRequirement) -> Self {
        Self {
            demand,
            rejection: None,
        }
    }

    /// Refuses in a way of your own.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.rejection = Some(Arc::new(rejection));
        self
    }

    fn refusal(&self, handle: &SessionHandle) -> Option<Refusal> {
        match handle.decision() {
            None => {
                let missing = "the idle timeout layer, outside a privileged route";
                return Some(Refusal::Miswired(missing.to_owned()));
            }
            Some(Decision::Anonymous) => return Some(Refusal::SessionRequired),
            Some(Decision::Locked) => return Some(Refusal::Locked),
            Some(Decision::Ended(reason)) => return Some(Refusal::Ended(reason)),
            Some(Decision::Live | Decision::Stale) => {}
        }
        match handle.check_authentication(&self.demand) {
            Some(AuthenticationCheck::Fresh) => None,
            _ => Some(Refusal::StepUp(Challenge {
                max_age: handle.max_age(&self.demand),
                acr_values: self.demand.acr().to_vec(),
            })),
        }
    }
}

impl Gate for StepUpLayer {
    fn name(&self) -> &'static str {
        "a privileged route"
    }

    fn admit(&self, handle: &SessionHandle, request: &RequestHead<'_>) -> Result<(), Refusal> {
        let Some(refusal) = self.refusal(handle) else {
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
        f.debug_tuple("StepUpLayer").field(&self.demand).finish()
    }
}
