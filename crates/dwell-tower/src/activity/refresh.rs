//! The layer around routes that refresh tokens.

use dwell_core::SessionState;
use tower_layer::Layer;

use super::mark::MarkLayer;
use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{Refusal, admit_unless, without_session};

/// Marks a route that refreshes tokens: its requests are passive, and are refused
/// without a live session. Must be inside an
/// [`IdleTimeoutLayer`](crate::idle::IdleTimeoutLayer).
///
/// ```
/// use dwell_tower::activity::RefreshLayer;
/// use tower::{ServiceBuilder, service_fn};
///
/// let route = ServiceBuilder::new()
///     .layer(RefreshLayer::new())
///     .service(service_fn(|_: ()| async { Ok::<_, ()>(()) }));
/// # let _ = route;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RefreshLayer(());

impl RefreshLayer {
    /// Returns a layer that refuses like the session layer around it.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Gate for RefreshLayer {
    fn name(&self) -> &'static str {
        "a route that refreshes tokens"
    }

    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        MarkLayer::passive().admit(state, request)?;
        admit_unless(without_session(state, self.name()), state, request)
    }
}

impl<S> Layer<S> for RefreshLayer {
    type Service = Refresh<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, *self)
    }
}

/// The service of [`RefreshLayer`].
pub type Refresh<S> = Gated<S, RefreshLayer>;
