//! The session layer and its settings.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::SessionManager;
use http::{Extensions, Uri};
use tower_layer::Layer;

use super::parts::Parts;
use super::service::SessionService;
use super::source::SessionSource;
use crate::gateway::{Origin, Prefix};
use crate::open::AnyBodyFactory;
use crate::rejection::MakeRejection;

/// Finds each request's session and records what the request did; see the
/// [module docs](super) for an example.
///
/// `G` are the gates asked before the inner service, none by default. `F` makes
/// the bodies of answers.
pub struct SessionLayer<G = (), F = AnyBodyFactory>(Arc<Parts<G>>, PhantomData<fn() -> F>);

impl SessionLayer {
    /// Returns a layer over this manager's sessions, found by cookie.
    ///
    /// It waits two seconds for answers of the store. It starts a
    /// [`Reaper`](crate::Reaper) when it wraps a service, or with the first request
    /// if there is no tokio runtime before.
    #[must_use]
    pub fn new(manager: &SessionManager) -> Self {
        Self(Arc::new(Parts::new(manager)), PhantomData)
    }
}

impl<G: Clone, F> SessionLayer<G, F> {
    fn map(mut self, change: impl FnOnce(&mut Parts<G>)) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        change(parts);
        parts.connect();
        self
    }

    /// Sets how sessions are found. Defaults to
    /// [`TokenSource`](super::TokenSource) with a cookie.
    #[must_use]
    pub fn with_source(self, source: impl SessionSource) -> Self {
        self.map(|parts| parts.context.source = Arc::new(source))
    }

    /// Sets how long an answer of the store is waited for. Defaults to two
    /// seconds. After that the request is refused with 503 (law L8). A local
    /// store is never waited for.
    #[must_use]
    pub fn with_store_timeout(self, limit: Duration) -> Self {
        self.map(|parts| parts.store_timeout = limit)
    }

    /// Sets how requests are refused by this layer, and by layers inside it that
    /// have no rejection. Defaults to problem details (RFC 9457).
    #[must_use]
    pub fn with_rejection(self, rejection: impl MakeRejection) -> Self {
        self.map(|parts| parts.rejection.make = Arc::new(rejection))
    }

    /// Sets how a request's route is named in events, from what the router left
    /// in the extensions. Defaults to the path, also where `name` returns `None`.
    ///
    /// ```
    /// use dwell_core::SessionManager;
    /// use dwell_tower::session::SessionLayer;
    /// use http::Extensions;
    ///
    /// /// The router's pattern, such as `/accounts/{id}`.
    /// #[derive(Clone)]
    /// struct Pattern(String);
    ///
    /// fn pattern(extensions: &Extensions) -> Option<&str> {
    ///     extensions.get::<Pattern>().map(|pattern| &*pattern.0)
    /// }
    ///
    /// fn layer(manager: &SessionManager) -> SessionLayer {
    ///     SessionLayer::new(manager).with_route_name(pattern)
    /// }
    /// ```
    #[must_use]
    pub fn with_route_name(self, name: fn(&Extensions) -> Option<&str>) -> Self {
        self.map(|parts| parts.rejection.name_route = name)
    }

    /// Sets how a request's target is found as the client sent it. Needed if a
    /// router outside cuts off the prefix that it has matched: exempt paths and
    /// `return_to` are about the whole target. Defaults to the request's URI, also
    /// where `find` returns `None`.
    #[must_use]
    pub fn with_original_uri(self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.map(|parts| parts.rejection.original_uri = find)
    }

    /// Adds an origin of ours; see
    /// [`SessionTimeoutLayer::with_origin`](crate::SessionTimeoutLayer::with_origin).
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        self.map(|parts| parts.gateway.origins.push(origin))
    }

    /// Sets the prefix that a proxy cuts off; see
    /// [`SessionTimeoutLayer::with_prefix`](crate::SessionTimeoutLayer::with_prefix).
    #[must_use]
    pub fn with_prefix(self, prefix: Prefix) -> Self {
        self.map(|parts| parts.gateway.prefix = prefix)
    }

    /// Believes trusted proxies about host and prefix; see
    /// [`SessionTimeoutLayer::with_forwarded_prefix_and_host`](crate::SessionTimeoutLayer::with_forwarded_prefix_and_host).
    /// `peer` finds the address of a request's connection.
    #[must_use]
    pub fn with_forwarded_prefix_and_host(
        self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.map(|parts| parts.gateway.forwarded_by = Some(Arc::new(peer)))
    }

    /// Sets how many event streams and WebSockets a session may have open; see
    /// [`SessionTimeoutLayer::with_max_streams`](crate::SessionTimeoutLayer::with_max_streams).
    #[must_use]
    pub fn with_max_streams(self, max: usize) -> Self {
        self.0.context.open.set_max_streams(max);
        self
    }

    /// Starts no reaper. Use it if a [`Reaper`](crate::Reaper) runs elsewhere on
    /// the same store.
    #[must_use]
    pub fn without_reaper(self) -> Self {
        self.map(Parts::without_reaper)
    }

    /// Leaves answers that depend on the session without `Cache-Control` if their
    /// handler sets none. By default they get `no-store`, so that no cache gives one
    /// person's page to another.
    #[must_use]
    pub fn without_no_store(self) -> Self {
        self.map(|parts| parts.context.no_store = false)
    }

    /// Sets the gates that are asked before the inner service: one
    /// [`Gate`](crate::gate::Gate), or a tuple of up to five, asked in order.
    /// Defaults to none. They refuse by this layer's rejection.
    #[must_use]
    pub fn with_gates<H>(self, gates: H) -> SessionLayer<H, F> {
        let parts = Arc::unwrap_or_clone(self.0).with_gates(gates);
        SessionLayer(Arc::new(parts), PhantomData)
    }

    /// Sets the factory that makes the bodies of answers. Defaults to
    /// [`AnyBodyFactory`].
    #[must_use]
    pub fn with_body_factory<E>(self) -> SessionLayer<G, E> {
        SessionLayer(self.0, PhantomData)
    }
}

impl<G, F> SessionLayer<G, F> {
    /// Returns the manager as this layer uses it, with its store bounded.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.0.manager
    }

    /// Ends the open event streams of this node, and those that are opened from
    /// now on; see
    /// [`SessionTimeoutLayer::end_event_streams`](crate::SessionTimeoutLayer::end_event_streams).
    pub fn end_event_streams(&self) {
        self.0.context.open.stop();
    }

    /// Sends the touches that still wait, and waits until each is recorded or
    /// lost. Call it after the server has stopped, as after `axum::serve` with a
    /// graceful shutdown. A local store has nothing to wait for.
    pub async fn flush(&self) {
        self.0.context.touches.flush().await;
    }

    pub(crate) fn gates(&self) -> &G {
        &self.0.gates
    }
}

impl<G, F> Clone for SessionLayer<G, F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<G, F> fmt::Debug for SessionLayer<G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("manager", &self.0.manager)
            .field("source", &self.0.context.source)
            .finish_non_exhaustive()
    }
}

impl<S, G, F> Layer<S> for SessionLayer<G, F> {
    type Service = SessionService<S, G, F>;

    fn layer(&self, inner: S) -> Self::Service {
        // Now if possible, so that sessions which ran out while no node was up are
        // reported without a request.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.0.start_reaper();
        }
        SessionService::new(inner, Arc::clone(&self.0))
    }
}
