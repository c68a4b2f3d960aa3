//! The enforcing layer.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{Admission, SessionHandle, Verdict};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::rejection::{MakeRejection, Refusal, Rejections, miswired};

/// Whether requests need a session at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Presence {
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
#[derive(Clone, Debug, Default)]
struct Config {
    rejections: Option<Rejections>,
    exempt: Vec<String>,
    presence: Presence,
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
        Arc::make_mut(&mut self.0).rejections = Some(Rejections::new(rejection));
        self
    }

    /// Whether requests need a session at all.
    #[must_use]
    pub fn with_presence(mut self, presence: Presence) -> Self {
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

impl<S> Layer<S> for IdleTimeoutLayer {
    type Service = IdleTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdleTimeout {
            inner,
            config: Arc::clone(&self.0),
        }
    }
}

/// The service of [`IdleTimeoutLayer`].
#[derive(Clone, Debug)]
pub struct IdleTimeout<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> IdleTimeout<S> {
    fn is_exempt(&self, path: &str) -> bool {
        let covers = |exempt: &String| match exempt.strip_suffix('/') {
            Some(_) if exempt != "/" => path.starts_with(exempt.as_str()),
            _ => path == exempt,
        };
        self.config.exempt.iter().any(covers)
    }

    fn refusal(&self, admission: Admission, path: &str) -> Option<Refusal> {
        let refusal = match admission {
            Admission::Anonymous => match self.config.presence {
                Presence::Optional => None,
                Presence::Required => Some(Refusal::SessionRequired),
            },
            Admission::Session(Verdict::Live(_) | Verdict::Stale { .. }) => None,
            Admission::Session(Verdict::Locked { .. }) => Some(Refusal::Locked),
            Admission::Session(Verdict::Ended(reason)) => Some(Refusal::Ended(reason)),
        };
        refusal.filter(|_| !self.is_exempt(path))
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for IdleTimeout<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Some(handle) = request.extensions().get::<SessionHandle>() else {
            let missing = "the session layer, outside the idle timeout layer";
            return ResponseFuture::refused(miswired(missing));
        };
        let admission = handle.decide();
        let Some(refusal) = self.refusal(admission, request.uri().path()) else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        handle.label_route(|| request.uri().path().into());
        let (parts, _) = request.into_parts();
        let rejections = Rejections::choose(self.config.rejections.as_ref(), &parts);
        ResponseFuture::refused(rejections.reject(refusal, &parts))
    }
}
