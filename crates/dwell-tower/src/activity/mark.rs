//! The layer that writes what a route says of its requests.

use dwell_core::{RouteMark, SessionState};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::Refusal;

/// Marks a route's requests; passive beats active wherever both stand.
#[derive(Clone, Copy, Debug)]
pub struct MarkLayer(RouteMark);

impl MarkLayer {
    /// Requests of the route are never activity.
    #[must_use]
    pub const fn passive() -> Self {
        Self(RouteMark::Passive)
    }

    /// Requests of the route are activity, also under a policy whose unmarked
    /// requests are passive.
    #[must_use]
    pub const fn active() -> Self {
        Self(RouteMark::Active)
    }
}

impl Gate for MarkLayer {
    fn name(&self) -> &'static str {
        "a marked route"
    }

    fn admit(&self, state: &SessionState, _: RequestHead<'_>) -> Result<(), Refusal> {
        state.mark_route(self.0);
        Ok(())
    }
}

impl<S> Layer<S> for MarkLayer {
    type Service = MarkService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, *self)
    }
}

/// The service of [`MarkLayer`].
pub type MarkService<S> = Gated<S, MarkLayer>;
