//! The enforcing layer.

use std::fmt;
use std::sync::Arc;

use dwell_core::{Decision, SessionHandle};
use percent_encoding::percent_decode_str;
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{MakeRejection, Refusal};
use crate::shared::Shared;

/// Whether requests need a session at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SessionRequirement {
    /// Requests without a session go on; routes ask for one where they need
    /// it.
    #[default]
    Optional,
    /// Requests without a session are refused, except on exempt paths.
    Required,
}

/// Enforces the deadlines; see the [module docs](super).
#[derive(Clone, Debug, Default)]
pub struct IdleTimeoutLayer(Arc<Config>);

/// Behind one pointer, since routers clone their services for every request.
#[derive(Clone, Default)]
struct Config {
    rejection: Option<Arc<dyn MakeRejection>>,
    exempt: Vec<String>,
    presence: SessionRequirement,
}

impl IdleTimeoutLayer {
    /// Refuses like the stack around it, else with problem details, and lets requests without a session on.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses in a way of your own.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        Arc::make_mut(&mut self.0).rejection = Some(Arc::new(rejection));
        self
    }

    /// Whether requests need a session at all.
    #[must_use]
    pub fn with_requirement(mut self, presence: SessionRequirement) -> Self {
        Arc::make_mut(&mut self.0).presence = presence;
        self
    }

    /// Adds a path that is served whatever became of the session: the login
    /// page, the re-authentication page, assets. One that ends in `/` covers
    /// everything below it.
    ///
    /// The verdict is written all the same, and handlers there get no session
    /// that is not live.
    #[must_use]
    pub fn add_exempt_path(mut self, path: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).exempt.push(path.into());
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("exempt", &self.exempt)
            .field("presence", &self.presence)
            .finish_non_exhaustive()
    }
}

impl Config {
    fn is_exempt(&self, handle: &SessionHandle, request: &RequestHead<'_>) -> bool {
        let uri = Shared::uri_of(Some(handle), request.extensions, request.uri);
        let path = uri.path();
        let covers = |exempt: &String| match exempt.strip_suffix('/') {
            Some(_) if exempt != "/" => path.starts_with(exempt.as_str()) && !climbs(path),
            _ => path == exempt,
        };
        self.exempt.iter().any(covers)
    }

    fn refusal(&self, decision: Decision) -> Option<Refusal> {
        match decision {
            Decision::Anonymous => match self.presence {
                SessionRequirement::Optional => None,
                SessionRequirement::Required => Some(Refusal::SessionRequired),
            },
            Decision::Live | Decision::Stale => None,
            Decision::Locked => Some(Refusal::Locked),
            Decision::Ended(reason) => Some(Refusal::Ended(reason)),
        }
    }
}

/// Whether a path has a segment that leads up, however it is written: what is
/// behind may resolve it before it looks for a file.
fn climbs(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|segment| segment == "..")
}

impl IdleTimeoutLayer {
    /// Refuses by what has been decided, unless the path is exempt.
    pub(crate) fn enforce(
        &self,
        handle: &SessionHandle,
        request: &RequestHead<'_>,
    ) -> Result<(), Refusal> {
        match handle.decision().and_then(|d| self.0.refusal(d)) {
            Some(refusal) if !self.0.is_exempt(handle, request) => {
                Shared::label_route(handle, request);
                Err(refusal)
            }
            _ => Ok(()),
        }
    }
}

impl Gate for IdleTimeoutLayer {
    fn name(&self) -> &'static str {
        "the idle timeout layer"
    }

    fn admit(&self, handle: &SessionHandle, request: &RequestHead<'_>) -> Result<(), Refusal> {
        handle.decide();
        self.enforce(handle, request)
    }

    fn rejection(&self) -> Option<&dyn MakeRejection> {
        self.0.rejection.as_deref()
    }
}

impl<S> Layer<S> for IdleTimeoutLayer {
    type Service = IdleTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

/// The service of [`IdleTimeoutLayer`].
pub type IdleTimeout<S> = Gated<S, IdleTimeoutLayer>;
