//! The paved path: all layers, in the one order that is right.

use std::fmt;
use std::net::IpAddr;

use dwell_core::{LivePolicies, SessionManager};
use http::{Extensions, Uri};
use tower_layer::Layer;

use crate::activity::ActivityLayer;
use crate::idle::{IdleTimeoutLayer, SessionRequirement};
use crate::network::NetworkLayer;
use crate::open::AnyBodyFactory;
use crate::rejection::{DefaultRejection, MakeRejection};
use crate::session::{SessionLayer, SessionService, SessionSource};

/// What stands between the session layer and the service: where the client is,
/// what the request says about itself, and the verdict by both.
type Gates = (NetworkLayer, ActivityLayer, IdleTimeoutLayer);

/// The service of the stack: the session layer's, with three gates.
pub type SessionTimeout<S, F = AnyBodyFactory> = SessionService<S, Gates, F>;

/// The session layer with the gates of network, activity and idle timeout, in
/// this order. `F` makes the bodies of its answers.
pub struct SessionTimeoutLayer<F = AnyBodyFactory> {
    session: SessionLayer<Gates, F>,
    /// The pages of the default way to refuse; `None` after a way of the
    /// application's own was given.
    pages: Option<DefaultRejection>,
}

impl SessionTimeoutLayer {
    /// Makes the stack with its defaults: sessions by cookie, refusals as
    /// problem details, requests without a session go on to the routes.
    #[must_use]
    pub fn new(manager: &SessionManager) -> Self {
        let gates = (
            NetworkLayer::new(),
            ActivityLayer::new(),
            IdleTimeoutLayer::new(),
        );
        Self {
            session: SessionLayer::new(manager).with_gates(gates),
            pages: Some(DefaultRejection::new()),
        }
    }
}

impl<F> SessionTimeoutLayer<F> {
    fn map_session(
        mut self,
        change: impl FnOnce(SessionLayer<Gates, F>) -> SessionLayer<Gates, F>,
    ) -> Self {
        self.session = change(self.session);
        self
    }

    fn map_gates(self, change: impl FnOnce(Gates) -> Gates) -> Self {
        self.map_session(|session| {
            let gates = change(session.gates().clone());
            session.with_gates(gates)
        })
    }

    /// Makes the bodies of answers with another factory.
    #[must_use]
    pub fn with_body_factory<E>(self) -> SessionTimeoutLayer<E> {
        SessionTimeoutLayer {
            session: self.session.with_body_factory(),
            pages: self.pages,
        }
    }

    /// Sets how long the store is waited for. Defaults to two seconds; see
    /// [`SessionLayer::with_store_timeout`].
    #[must_use]
    pub fn with_store_timeout(self, limit: std::time::Duration) -> Self {
        self.map_session(|session| session.with_store_timeout(limit))
    }

    /// Where sessions are found.
    #[must_use]
    pub fn with_source(self, source: impl SessionSource) -> Self {
        self.map_session(|session| session.with_source(source))
    }

    /// Sends page navigations without a live session to this path, which is
    /// served whatever became of the session. It may have a query.
    #[must_use]
    pub fn with_login(self, path: &str) -> Self {
        self.with_page(path, |pages| pages.with_login(path))
    }

    /// Sends page navigations that need authentication again to this path,
    /// which is served whatever became of the session. It may have a query.
    #[must_use]
    pub fn with_reauthentication(self, path: &str) -> Self {
        self.with_page(path, |pages| pages.with_reauthentication(path))
    }

    fn with_page(
        mut self,
        path: &str,
        add: impl FnOnce(DefaultRejection) -> DefaultRejection,
    ) -> Self {
        if let Some(pages) = self.pages.take().map(add) {
            self.pages = Some(pages.clone());
            self = self.map_session(|session| session.with_rejection(pages));
        }
        let path = path.split('?').next().unwrap_or_default();
        self.add_exempt_path(path)
    }

    /// Adds a path that is served whatever became of the session; see
    /// [`IdleTimeoutLayer::add_exempt_path`].
    #[must_use]
    pub fn add_exempt_path(self, path: &str) -> Self {
        self.map_gates(|(network, activity, idle)| (network, activity, idle.add_exempt_path(path)))
    }

    /// Refuses in a way of your own, in all layers and routes. Pages that are
    /// named before or after are exempt; where to send whom is then yours.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.pages = None;
        self.map_session(|session| session.with_rejection(rejection))
    }

    /// Whether requests need a session at all.
    #[must_use]
    pub fn with_requirement(self, requirement: SessionRequirement) -> Self {
        self.map_gates(|(network, activity, idle)| {
            (network, activity, idle.with_requirement(requirement))
        })
    }

    /// Reads the connection's other end by a closure.
    #[must_use]
    pub fn with_peer(
        self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.map_gates(|(_, activity, idle)| (NetworkLayer::with_peer(peer), activity, idle))
    }

    /// Names a request's route for events; see
    /// [`SessionLayer::with_route_name`].
    #[must_use]
    pub fn with_route_name(self, name: fn(&Extensions) -> Option<&str>) -> Self {
        self.map_session(|session| session.with_route_name(name))
    }

    /// Finds a request's target as the client sent it; see
    /// [`SessionLayer::with_original_uri`].
    #[must_use]
    pub fn with_original_uri(self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.map_session(|session| session.with_original_uri(find))
    }

    /// Starts no reaper: somebody else runs a [`Reaper`](crate::Reaper) on
    /// the same store.
    #[must_use]
    pub fn without_reaper(self) -> Self {
        self.map_session(SessionLayer::without_reaper)
    }

    /// The manager as the stack uses it.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        self.session.manager()
    }

    /// The policies in force, which a reload replaces.
    #[must_use]
    pub fn policies(&self) -> &LivePolicies {
        self.manager().policies()
    }

    /// Waits until the touches so far are recorded: before shutting down.
    pub async fn flush(&self) {
        self.session.flush().await;
    }
}

impl<F> Clone for SessionTimeoutLayer<F> {
    fn clone(&self) -> Self {
        Self {
            session: self.session.clone(),
            pages: self.pages.clone(),
        }
    }
}

impl<F> fmt::Debug for SessionTimeoutLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTimeoutLayer")
            .field("session", &self.session)
            .field("gates", self.session.gates())
            .field("pages", &self.pages)
            .finish()
    }
}

impl<S, F> Layer<S> for SessionTimeoutLayer<F> {
    type Service = SessionTimeout<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        self.session.layer(inner)
    }
}
