//! The enforcing layer.

use std::fmt;
use std::sync::Arc;

use dwell_core::{SessionState, Verdict};
use percent_encoding::percent_decode_str;
use tower_layer::Layer;

use crate::gate::{Gate, Gated, RequestHead};
use crate::rejection::{MakeRejection, Refusal, label_route, uri_of};

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
    requirement: SessionRequirement,
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
    pub fn with_requirement(mut self, requirement: SessionRequirement) -> Self {
        Arc::make_mut(&mut self.0).requirement = requirement;
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

    fn refusal(&self, verdict: Verdict) -> Option<Refusal> {
        match (verdict, self.requirement) {
            (Verdict::Anonymous, SessionRequirement::Required) => Some(Refusal::SessionRequired),
            (verdict, _) => verdict.over().map(Refusal::from),
        }
    }
}

/// Whether a path has a segment that leads up, however it is written: what is
/// behind may resolve it before it looks for a file.
fn climbs(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split(['/', '\\']).any(|segment| segment == "..")
}

impl Gate for IdleTimeoutLayer {
    fn name(&self) -> &'static str {
        "the idle timeout layer"
    }

    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        match self.0.refusal(state.decide()) {
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
