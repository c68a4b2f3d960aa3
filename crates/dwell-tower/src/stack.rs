//! The paved path: all layers, in the one order that is right.

use std::net::IpAddr;

use dwell_core::{LivePolicies, SessionManager};
use http::Extensions;
use tower_layer::Layer;

use crate::activity::{ActivityLayer, ActivityService};
use crate::idle::{IdleTimeout, IdleTimeoutLayer, Presence};
use crate::network::{NetworkLayer, NetworkService};
use crate::rejection::{DefaultRejection, MakeRejection};
use crate::session::{SessionLayer, SessionService, Source};

/// The layers of the stack around a service, outermost first.
pub type SessionTimeout<S> = SessionService<NetworkService<ActivityService<IdleTimeout<S>>>>;

/// Session, network, activity and idle timeout layers, in this order.
#[derive(Clone, Debug)]
pub struct SessionTimeoutLayer {
    session: SessionLayer,
    network: NetworkLayer,
    activity: ActivityLayer,
    idle: IdleTimeoutLayer,
    pages: DefaultRejection,
}

impl SessionTimeoutLayer {
    /// The stack with its defaults: sessions by cookie, refusals as problem
    /// details, requests without a session go on to the routes.
    #[must_use]
    pub fn new(manager: &SessionManager) -> Self {
        Self::from_session_layer(SessionLayer::new(manager))
    }

    /// The stack around a session layer of your own making.
    #[must_use]
    pub fn from_session_layer(session: SessionLayer) -> Self {
        Self {
            session,
            network: NetworkLayer::new(),
            activity: ActivityLayer::new(),
            idle: IdleTimeoutLayer::new(),
            pages: DefaultRejection::new(),
        }
    }

    /// Where sessions are found.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.session = self.session.with_source(source);
        self
    }

    /// Sends page navigations without a live session to this path, which is
    /// served whatever became of the session.
    #[must_use]
    pub fn with_login(mut self, path: &str) -> Self {
        self.pages = self.pages.with_login(path);
        self.session = self.session.with_rejection(self.pages.clone());
        self.add_exempt_path(path)
    }

    /// Sends page navigations that need authentication again to this path,
    /// which is served whatever became of the session.
    #[must_use]
    pub fn with_reauthentication(mut self, path: &str) -> Self {
        self.pages = self.pages.with_reauthentication(path);
        self.session = self.session.with_rejection(self.pages.clone());
        self.add_exempt_path(path)
    }

    /// Adds a path that is served whatever became of the session; see
    /// [`IdleTimeoutLayer::add_exempt_path`].
    #[must_use]
    pub fn add_exempt_path(mut self, path: &str) -> Self {
        self.idle = self.idle.add_exempt_path(path);
        self
    }

    /// Refuses in a way of your own, in all layers and routes.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.session = self.session.with_rejection(rejection);
        self
    }

    /// Whether requests need a session at all.
    #[must_use]
    pub fn with_presence(mut self, presence: Presence) -> Self {
        self.idle = self.idle.with_presence(presence);
        self
    }

    /// Reads the connection's other end by a closure.
    #[must_use]
    pub fn with_peer(
        mut self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.network = NetworkLayer::with_peer(peer);
        self
    }

    /// Starts no reaper: somebody else runs a [`Reaper`](crate::Reaper) on
    /// the same store.
    #[must_use]
    pub fn without_reaper(mut self) -> Self {
        self.session = self.session.without_reaper();
        self
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

impl<S> Layer<S> for SessionTimeoutLayer {
    type Service = SessionTimeout<S>;

    fn layer(&self, inner: S) -> Self::Service {
        // The verdict is made innermost, by what the others wrote.
        let inner = self.idle.layer(inner);
        // What the request says of itself.
        let inner = self.activity.layer(inner);
        // Where the client is: the verdict depends on it.
        let inner = self.network.layer(inner);
        // The session itself; outermost, since it commits last.
        self.session.layer(inner)
    }
}
