//! The session layer and its settings.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use dwell_core::SessionManager;
use http::{Extensions, Uri};
use tower_layer::Layer;

use super::parts::Parts;
use super::service::SessionService;
use super::source::SessionSource;
use crate::open::AnyBodyFactory;
use crate::rejection::MakeRejection;

/// Finds the session and commits; see the [module docs](super).
///
/// `G` is the row of gates that it asks before the inner service, none by
/// default; `F` makes the bodies of its answers.
pub struct SessionLayer<G = (), F = AnyBodyFactory>(Arc<Parts<G>>, PhantomData<fn() -> F>);

impl SessionLayer {
    /// Finds sessions of this manager by cookie.
    ///
    /// Waits two seconds for the store. Starts a [`Reaper`](crate::Reaper) when it is put
    /// around a service, or with the first request where there is no tokio
    /// runtime before.
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

    /// Sets where sessions are found. Defaults to
    /// [`TokenSource`](super::TokenSource) with a cookie.
    #[must_use]
    pub fn with_source(self, source: impl SessionSource) -> Self {
        self.map(|parts| parts.context.source = Arc::new(source))
    }

    /// Sets how long the store is waited for. Defaults to two seconds. A store
    /// in this process is never waited for.
    #[must_use]
    pub fn with_store_timeout(self, limit: Duration) -> Self {
        self.map(|parts| parts.store_timeout = limit)
    }

    /// Sets how this layer refuses, and all layers inside it that have no way
    /// of their own. Defaults to problem details.
    #[must_use]
    pub fn with_rejection(self, rejection: impl MakeRejection) -> Self {
        self.map(|parts| parts.rejection.make = Arc::new(rejection))
    }

    /// Sets how a request's route is named in events, from what the router
    /// left in the extensions. Without it, and where it returns `None`, the
    /// path is the name.
    #[must_use]
    pub fn with_route_name(self, name: fn(&Extensions) -> Option<&str>) -> Self {
        self.map(|parts| parts.rejection.name_route = name)
    }

    /// Sets how a request's target is found as the client sent it, where a
    /// router cuts off what it has matched: exempt paths and `return_to` are
    /// of the whole.
    #[must_use]
    pub fn with_original_uri(self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.map(|parts| parts.rejection.original_uri = find)
    }

    /// Starts no reaper, since a [`Reaper`](crate::Reaper) runs elsewhere on the same store.
    #[must_use]
    pub fn without_reaper(self) -> Self {
        self.map(Parts::without_reaper)
    }

    /// Asks this row of gates before the inner service, in place of those so
    /// far. Gates in a row refuse in the stack's way.
    #[must_use]
    pub fn with_gates<H>(self, gates: H) -> SessionLayer<H, F> {
        let parts = Arc::unwrap_or_clone(self.0).with_gates(gates);
        SessionLayer(Arc::new(parts), PhantomData)
    }

    /// Makes the bodies of answers with another factory.
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

    /// Records the touches that still wait for a look-up to take them along,
    /// and waits until each is recorded or lost. Call it when the server has
    /// stopped, as after `axum::serve` with a graceful shutdown.
    ///
    /// With a store in memory there is nothing to wait for.
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
        // Where it can be, so that what ran out while nobody served is on record
        // although no request ever comes.
        if tokio::runtime::Handle::try_current().is_ok() {
            self.0.start_reaper();
        }
        SessionService::new(inner, Arc::clone(&self.0))
    }
}
