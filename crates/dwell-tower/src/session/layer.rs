//! The session layer and its service.

use std::fmt;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dwell_core::{Clock, SessionHandle, SessionManager, SystemClock, Timestamp};
use http::{Extensions, Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::future::{Finding, SessionFuture};
use super::resolve::{adopt, resolve, resolve_at_once};
use super::source::Source;
use crate::bounded::BoundedStore;
use crate::gate::Gate;
use crate::reaper::Reaper;
use crate::rejection::{MakeRejection, Refusal, miswired};
use crate::shared::Shared;
use crate::touch::TouchQueue;

/// Finds the session and commits; see the [module docs](super).
#[derive(Clone)]
pub struct SessionLayer {
    manager: SessionManager,
    source: Arc<Source>,
    touches: TouchQueue,
    is_local: bool,
    clock: SystemClock,
    gate: Option<Arc<dyn Gate>>,
    reaper: Option<Arc<OwnReaper>>,
    shared: Shared,
}

/// The reaper that the layer starts by itself, once.
struct OwnReaper {
    started: Once,
    interval: Duration,
}

impl SessionLayer {
    /// Sessions of this manager, found by cookie.
    ///
    /// The store is waited for two seconds, and a [`Reaper`] is started with
    /// the first request.
    #[must_use]
    pub fn new(manager: &SessionManager) -> Self {
        Self::with_store_timeout(manager, Duration::from_secs(2))
    }

    /// The same, with another bound on waiting for the store.
    #[must_use]
    pub fn with_store_timeout(manager: &SessionManager, limit: Duration) -> Self {
        let shared = Shared::default();
        let is_local = manager.store().is_local();
        let manager = match is_local {
            // There is nothing to wait for.
            true => manager.clone(),
            false => manager.map_store(|store| BoundedStore::new(store, limit)),
        };
        Self {
            manager: manager.with_shared(shared.clone()),
            source: Arc::new(Source::default()),
            touches: TouchQueue::default(),
            is_local,
            clock: SystemClock::new(),
            gate: None,
            reaper: Some(Arc::new(OwnReaper {
                started: Once::new(),
                interval: Duration::from_secs(1),
            })),
            shared,
        }
    }

    /// Where sessions are found.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Arc::new(source);
        self
    }

    /// How this layer refuses, and all layers inside it that have no way of
    /// their own.
    #[must_use]
    pub fn with_rejection(self, rejection: impl MakeRejection) -> Self {
        let shared = self.shared.clone().with_rejection(rejection);
        self.share(shared)
    }

    /// Names a request's route for events, from what the router left in the
    /// extensions; without this, and where it gives `None`, it is the path.
    #[must_use]
    pub fn with_route_name(self, name: fn(&Extensions) -> Option<&str>) -> Self {
        let shared = self.shared.clone().with_name_route(name);
        self.share(shared)
    }

    /// Finds a request's target as the client sent it, where a router cuts off
    /// what it has matched: exempt paths and `return_to` are of the whole.
    #[must_use]
    pub fn with_original_uri(self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        let shared = self.shared.clone().with_original_uri(find);
        self.share(shared)
    }

    fn share(mut self, shared: Shared) -> Self {
        self.manager = self.manager.with_shared(shared.clone());
        self.shared = shared;
        self
    }

    /// Starts no reaper: somebody else runs a [`Reaper`] on the same store.
    #[must_use]
    pub fn without_reaper(mut self) -> Self {
        self.reaper = None;
        self
    }

    /// Asks this gate before the inner service.
    pub(crate) fn with_gate(mut self, gate: impl Gate) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    pub(super) fn gate(&self) -> Option<&dyn Gate> {
        self.gate.as_deref()
    }

    /// The manager as this layer uses it, with its store bounded.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.manager
    }

    /// Waits until the touches so far are recorded: before shutting down.
    pub async fn flush(&self) {
        self.touches.flush().await;
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// What the store's clock says by now, without waiting for it: where that
    /// takes a wait, as much has passed there as here since `arrival`.
    pub(super) fn now(
        &self,
        handle: &SessionHandle,
        arrival: Option<Timestamp>,
    ) -> Option<Timestamp> {
        match arrival {
            Some(arrival) => Some(handle.session()?.now + (self.clock.now() - arrival)),
            None => self.manager.store().now().into_ready().ok()?.ok(),
        }
    }

    /// This machine's clock at the arrival of a request, where the store's
    /// can't be read without waiting.
    pub(super) fn arrival(&self) -> Option<Timestamp> {
        (!self.is_local).then(|| self.clock.now())
    }

    pub(super) fn touches(&self) -> &TouchQueue {
        &self.touches
    }

    pub(super) fn refuse<B>(&self, refusal: Refusal, request: Request<B>) -> Response<Bytes> {
        let (parts, _) = request.into_parts();
        self.shared.reject_early(refusal, &parts)
    }

    fn start_reaper(&self) {
        let Some(own) = &self.reaper else { return };
        own.started.call_once(|| {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                tracing::error!("no tokio runtime: ends are reported only when a request comes");
                return;
            };
            let reaper = Reaper::new(self.manager.clone()).with_interval(own.interval);
            runtime.spawn(reaper.run_until_dropped(Arc::downgrade(own)));
        });
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("manager", &self.manager)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService {
            inner,
            layer: Arc::new(self.clone()),
        }
    }
}

/// The service of [`SessionLayer`].
#[derive(Clone, Debug)]
pub struct SessionService<S> {
    inner: S,
    layer: Arc<SessionLayer>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    ResBody: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = SessionFuture<S, ReqBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let layer = &self.layer;
        layer.start_reaper();
        if !layer.source.is_foreign() && layer.is_local {
            let first = layer.source.first_token(request.headers());
            if let Some(handle) = resolve_at_once(&layer.manager, first) {
                return SessionFuture::go_on(&mut self.inner, handle, request, layer);
            }
        }
        let Ok(foreign) = layer.source.find_foreign(&request) else {
            let response = miswired("a session source that does not panic");
            return SessionFuture::answered(response);
        };
        let manager = layer.manager.clone();
        let found: Finding = match foreign {
            Some(session) => Box::pin(adopt(manager, session)),
            None => {
                let tokens = layer.source.tokens(request.headers());
                Box::pin(resolve(manager, tokens))
            }
        };
        // The service that was made ready goes along; its clone need not be.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        SessionFuture::finding(found, inner, request, Arc::clone(&self.layer))
    }
}
