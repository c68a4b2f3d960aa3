//! The layer that marks a route's requests.

use dwell_core::{RouteMark, SessionState};
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::Refusal;

/// Marks a route's requests as active or passive. If a request gets both marks,
/// it is passive.
///
/// ```
/// use dwell_tower::activity::MarkLayer;
/// use tower::{ServiceBuilder, service_fn};
///
/// // A route that a page polls: its requests never prolong the session.
/// let route = ServiceBuilder::new()
///     .layer(MarkLayer::passive())
///     .service(service_fn(|_: ()| async { Ok::<_, ()>(()) }));
/// # let _ = route;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MarkLayer(RouteMark);

impl MarkLayer {
    /// Marks requests as passive: they are never activity.
    #[must_use]
    pub const fn passive() -> Self {
        Self(RouteMark::Passive)
    }

    /// Marks requests as active, also under a policy whose unmarked requests are
    /// passive.
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
        state.reach_route();
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
