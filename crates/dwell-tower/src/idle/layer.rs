//! The layer that enforces timeouts.

use std::fmt;
use std::sync::Arc;

use dwell_core::{SessionState, Verdict};
use percent_encoding::percent_decode_str;
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{MakeRejection, Refusal, label_route, uri_of};

/// Tells whether requests need a session. Defaults to
/// [`Optional`](SessionRequirement::Optional).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SessionRequirement {
    /// Requests without a live session reach the service as anonymous ones. Routes
    /// and handlers that need a session refuse them. Only requests with an adopted
    /// session that is over are refused.
    #[default]
    Optional,
    /// Requests without a live session are refused, except on exempt paths.
    Required,
}

/// Enforces deadlines: a request whose session has ended or is locked is
/// anonymous, and every part of the application that needs a session refuses it.
/// See the [module docs](super) for an example.
#[derive(Clone, Debug, Default)]
pub struct IdleTimeoutLayer(Arc<Config>);

/// Behind one pointer, since routers clone their services for every request.
#[derive(Clone, Default)]
struct Config {
    rejection: Option<Arc<dyn MakeRejection>>,
    exempt: Vec<String>,
    requirement: SessionRequirement,
}

impl IdleTimeoutLayer {
    /// Returns a layer that refuses like the session layer around it, exempts no
    /// path, and lets requests without a session pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how this layer refuses. Defaults to the rejection of the session
    /// layer around it.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        Arc::make_mut(&mut self.0).rejection = Some(Arc::new(rejection));
        self
    }

    /// Sets whether requests need a session. Defaults to
    /// [`SessionRequirement::Optional`].
    #[must_use]
    pub fn with_requirement(mut self, requirement: SessionRequirement) -> Self {
        Arc::make_mut(&mut self.0).requirement = requirement;
        self
    }

    /// Exempts a path: it is served also without a live session. Use it for the
    /// login page, the re-authentication page and assets. A path that ends in
    /// `/` covers every path below it; `/` alone covers only itself.
    ///
    /// The session's state is decided there too, and handlers get a session only
    /// if it is live.
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
            .field("requirement", &self.requirement)
            .finish_non_exhaustive()
    }
}

impl Config {
    fn is_exempt(&self, state: &SessionState, request: RequestHead<'_>) -> bool {
        let uri = uri_of(Some(state), request.extensions, request.uri);
        let path = uri.path();
        let covers = |exempt: &String| match exempt.strip_suffix('/') {
            Some(_) if exempt != "/" => path.starts_with(exempt.as_str()) && !climbs(path),
            _ => path == exempt,
        };
        self.exempt.iter().any(covers)
    }

    fn refusal(&self, state: &SessionState) -> Option<Refusal> {
        let verdict = state.decide();
        // The handlers of an adopted session may ask its owner and not us.
        let is_required = self.requirement == SessionRequirement::Required || state.is_adopted();
        match verdict.over() {
            Some(over) if is_required => Some(over.into()),
            None if is_required && verdict == Verdict::Anonymous => Some(Refusal::SessionRequired),
            _ => None,
        }
    }
}

/// Whether a path has a segment `..`, percent-encoded or not: the service may
/// resolve the segment before it looks for a file.
fn climbs(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|segment| segment == "..")
}

impl Gate for IdleTimeoutLayer {
    fn name(&self) -> &'static str {
        "the idle timeout layer"
    }

    #[inline]
    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        match self.0.refusal(state) {
            Some(refusal) if !self.0.is_exempt(state, request) => {
                label_route(state, request);
                Err(refusal)
            }
            _ => Ok(()),
        }
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
