//! The session layer and its service.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dwell_core::{Clock, SessionHandle, SessionManager, Shown, Timestamp};
use http::{Extensions, Method, Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::future::SessionFuture;
use super::guard::Guard;
use super::resolve::{resolve, show};
use super::source::Source;
use crate::bounded::BoundedStore;
use crate::gate::{RequestHead, Stack};
use crate::open::{AnyBodyFactory, BodyFactory};
use crate::reaper::{Reaper, Task};
use crate::rejection::{MakeRejection, Refusal, miswired};
use crate::shared::{Remote, Shared};

/// Finds the session and commits; see the [module docs](super). `K` makes the
/// bodies of its answers.
pub struct SessionLayer<K = AnyBodyFactory>(Arc<Parts>, PhantomData<fn() -> K>);

/// Behind one pointer, since routers clone a layer for every route: to clone
/// and drop all of this where they do is 10 KB of code.
#[derive(Clone)]
struct Parts {
    manager: SessionManager,
    source: Source,
    stack: Option<Arc<dyn Stack>>,
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
    /// The store is waited for two seconds, and a [`Reaper`] is started when
    /// this is put around a service, or with the first request where there is
    /// no tokio runtime before.
    #[must_use]
    pub fn new(manager: &SessionManager) -> Self {
        Self::with_store_timeout(manager, Duration::from_secs(2))
    }

    /// The same, with another bound on waiting for the store.
    #[must_use]
    pub fn with_store_timeout(manager: &SessionManager, limit: Duration) -> Self {
        Self::with_body(manager, limit)
    }
}

impl<K> SessionLayer<K> {
    /// The same, with bodies of another kind.
    #[must_use]
    pub fn with_body(manager: &SessionManager, limit: Duration) -> Self {
        let (manager, shared) = match manager.store().is_local() {
            // There is nothing to wait for.
            true => (manager.clone(), Shared::default()),
            false => (
                manager.map_store(|store| BoundedStore::new(store, limit)),
                Shared::for_remote_store(),
            ),
        };
        let parts = Arc::new(Parts {
            manager: manager.with_shared(shared.clone()),
            source: Source::default(),
            stack: None,
            reaper: Some(Arc::new(OwnReaper {
                started: Once::new(),
                interval: Duration::from_secs(1),
            })),
            shared,
        });
        Self(parts, PhantomData)
    }

    /// Where sessions are found.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        let parts = self.parts();
        parts.shared.cookie = source.session_cookie().cloned();
        parts.source = source;
        parts.share();
        self
    }

    /// How this layer refuses, and all layers inside it that have no way of
    /// their own.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        let parts = self.parts();
        parts.shared.rejection = Arc::new(rejection);
        parts.share();
        self
    }

    /// Names a request's route for events, from what the router left in the
    /// extensions; without this, and where it gives `None`, it is the path.
    #[must_use]
    pub fn with_route_name(mut self, name: fn(&Extensions) -> Option<&str>) -> Self {
        let parts = self.parts();
        parts.shared.name_route = name;
        parts.share();
        self
    }

    /// Finds a request's target as the client sent it, where a router cuts off
    /// what it has matched: exempt paths and `return_to` are of the whole.
    #[must_use]
    pub fn with_original_uri(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        let parts = self.parts();
        parts.shared.original_uri = find;
        parts.share();
        self
    }

    /// What this layer alone has.
    #[inline(never)]
    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }

    /// Starts no reaper: somebody else runs a [`Reaper`] on the same store.
    #[must_use]
    pub fn without_reaper(mut self) -> Self {
        self.parts().reaper = None;
        self
    }

    /// Asks these gates before the inner service.
    pub(crate) fn with_stack(mut self, stack: Arc<dyn Stack>) -> Self {
        self.parts().stack = Some(stack);
        self
    }

    /// Looks up what the request shows and opens it, where neither takes a
    /// wait, which is nearly always; `None` when there is more to do.
    fn open_at_once(&self, request: &RequestHead<'_>) -> Option<Opened> {
        let Parts {
            manager,
            source,
            shared,
            ..
        } = &*self.0;
        let waits = |remote: &Arc<Remote>| !remote.has_copies();
        if source.is_adopted() || shared.remote.as_ref().is_some_and(waits) {
            return None;
        }
        let Some(token) = source.first_token(request.headers) else {
            return Some(self.open(Shown::Nothing, request));
        };
        // One after the other: 44 ns each, and 60 where something between
        // waits for the first.
        let (key, check) = (token.key(), token.check());
        let answer = manager.store().load(key);
        let shown = show(manager, &answer, &token, check)?;
        Some(self.open(shown, request))
    }

    /// This machine's clock at the arrival of a request, where the store's
    /// can't be read without waiting.
    pub(super) fn arrival(&self) -> Option<Timestamp> {
        let remote = self.0.shared.remote.as_ref()?;
        Some(remote.clock.now())
    }

    /// Makes the request's handle, and lets it pass or refuses it.
    pub(super) fn open(&self, shown: Shown<'_>, request: &RequestHead<'_>) -> Opened {
        let Parts { manager, stack, .. } = &*self.0;
        if let Some(stack) = stack {
            return stack.open(manager, shown, request);
        }
        let policies = manager.policies().borrow();
        let handle = SessionHandle::new(manager.clone(), policies, shown.into());
        (handle, Ok(()))
    }

    /// The manager as this layer uses it, with its store bounded.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.0.manager
    }

    /// Records the touches that still wait for a look-up to take them along,
    /// and waits until each is recorded or lost: for use when the server has
    /// stopped, as after `axum::serve` with a graceful shutdown has ended.
    ///
    /// With a store in memory there is nothing to wait for.
    pub async fn flush(&self) {
        self.0.shared.touches.flush().await;
    }

    pub(super) fn refuse<B>(&self, refusal: Refusal, request: Request<B>) -> Response<Bytes> {
        let (parts, _) = request.into_parts();
        self.0.shared.reject_early(refusal, &parts)
    }

    fn start_reaper(&self) {
        let Some(own) = &self.0.reaper else { return };
        own.started.call_once(|| {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                let message = "no tokio runtime: ends are reported only when a request comes";
                crate::log::error(message, None);
                return;
            };
            let reaper = Reaper::new(self.0.manager.clone()).with_interval(own.interval);
            let run: Task = Box::pin(reaper.run_until_dropped(Arc::downgrade(own)));
            runtime.spawn(run);
        });
    }
}

impl Parts {
    /// Lets every handle lead to what has been changed.
    fn share(&mut self) {
        self.manager = self.manager.with_shared(self.shared.clone());
    }
}

/// A request's handle, and whether the stack's gates let it pass.
pub(super) type Opened = (SessionHandle, Result<(), Refusal>);

/// Puts the handle into the request.
pub(super) fn enter<B>(opened: Opened, request: &mut Request<B>) -> Opened {
    request.extensions_mut().insert(opened.0.clone());
    opened
}

impl<K> Clone for SessionLayer<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<K> fmt::Debug for SessionLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("manager", &self.0.manager)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl<S, K> Layer<S> for SessionLayer<K> {
    type Service = SessionService<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        // Where it can be, so that what ran out while nobody served is on record
        // although no request ever comes.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.start_reaper();
        }
        SessionService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of [`SessionLayer`].
pub struct SessionService<S, K = AnyBodyFactory> {
    inner: S,
    layer: SessionLayer<K>,
}

impl<S: Clone, K> Clone for SessionService<S, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for SessionService<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<S, ReqBody, ResBody, K> Service<Request<ReqBody>> for SessionService<S, K>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    K: BodyFactory<ResBody>,
{
    type Response = Response<K::Body>;
    type Error = S::Error;
    type Future = SessionFuture<S, ReqBody, K>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let layer = &self.layer;
        layer.start_reaper();
        if let Some(opened) = layer.open_at_once(&RequestHead::of(&request)) {
            let (handle, admitted) = enter(opened, &mut request);
            let connect = request.method() == Method::CONNECT;
            let guard = Guard::new(handle, layer.arrival(), connect);
            return match admitted {
                Ok(()) => SessionFuture::calling(self.inner.call(request), guard),
                Err(refusal) => SessionFuture::refused(refusal, request, guard),
            };
        }
        let Parts {
            manager, source, ..
        } = &*layer.0;
        let Ok(foreign) = source.find_foreign(manager, &request) else {
            let response = miswired("a session source that does not panic");
            return SessionFuture::answered(response);
        };
        let found = foreign.unwrap_or_else(|| {
            let tokens = source.tokens(request.headers());
            resolve(manager.clone(), tokens)
        });
        // The service that was made ready goes along; its clone need not be.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        SessionFuture::finding(found, inner, request, self.layer.clone())
    }
}
