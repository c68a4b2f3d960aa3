//! The paved path: all layers, in the one order that is right.

use std::net::IpAddr;

use dwell_core::{LivePolicies, SessionHandle, SessionManager, Shown};
use http::{Extensions, Uri};
use tower_layer::Layer;

use crate::activity::ActivityLayer;
use crate::gate::{RequestHead, Stack};
use crate::idle::{IdleTimeoutLayer, Presence};
use crate::network::NetworkLayer;
use crate::rejection::{DefaultRejection, MakeRejection, Refusal};
use crate::session::{SessionLayer, SessionService, Source};

/// The service of the stack: the session layer's, which asks the other
/// layers' gates in their order.
pub type SessionTimeout<S> = SessionService<S>;

/// What stands between the session layer and the service.
#[derive(Clone, Debug)]
struct Gates {
    network: NetworkLayer,
    activity: ActivityLayer,
    idle: IdleTimeoutLayer,
}

impl Stack for Gates {
    fn open(
        &self,
        manager: &SessionManager,
        shown: Shown<'_>,
        request: &RequestHead<'_>,
    ) -> (SessionHandle, Result<(), Refusal>) {
        let policies = manager.policies().borrow();
        // Where the client is: the verdict depends on it.
        let address = match self.network.find(&policies, request) {
            Ok(address) => address,
            Err(refusal) => {
                let handle = SessionHandle::new(manager.clone(), policies, shown.into());
                return (handle, Err(refusal));
            }
        };
        // What the request says of itself.
        let evidence = self.activity.evidence(request);
        // The verdict, by what the others found.
        let handle = SessionHandle::decided(manager.clone(), policies, shown, address, evidence);
        let enforced = self.idle.enforce(&handle, request);
        (handle, enforced)
    }
}

/// Session, network, activity and idle timeout layers, in this order.
#[derive(Clone, Debug)]
pub struct SessionTimeoutLayer {
    session: SessionLayer,
    gates: Gates,
    /// The pages of the default way to refuse; `None` after a way of the
    /// application's own was given.
    pages: Option<DefaultRejection>,
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
            gates: Gates {
                network: NetworkLayer::new(),
                activity: ActivityLayer::new(),
                idle: IdleTimeoutLayer::new(),
            },
            pages: Some(DefaultRejection::new()),
        }
    }

    /// Where sessions are found.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.session = self.session.with_source(source);
        self
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
            self.session = self.session.with_rejection(pages.clone());
            self.pages = Some(pages);
        }
        let path = path.split('?').next().unwrap_or_default();
        self.add_exempt_path(path)
    }

    /// Adds a path that is served whatever became of the session; see
    /// [`IdleTimeoutLayer::add_exempt_path`].
    #[must_use]
    pub fn add_exempt_path(mut self, path: &str) -> Self {
        self.gates.idle = self.gates.idle.add_exempt_path(path);
        self
    }

    /// Refuses in a way of your own, in all layers and routes. Pages that are
    /// named before or after are exempt; where to send whom is then yours.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.pages = None;
        self.session = self.session.with_rejection(rejection);
        self
    }

    /// Whether requests need a session at all.
    #[must_use]
    pub fn with_presence(mut self, presence: Presence) -> Self {
        self.gates.idle = self.gates.idle.with_presence(presence);
        self
    }

    /// Reads the connection's other end by a closure.
    #[must_use]
    pub fn with_peer(
        mut self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.gates.network = NetworkLayer::with_peer(peer);
        self
    }

    /// Names a request's route for events; see
    /// [`SessionLayer::with_route_name`].
    #[must_use]
    pub fn with_route_name(mut self, name: fn(&Extensions) -> Option<&str>) -> Self {
        self.session = self.session.with_route_name(name);
        self
    }

    /// Finds a request's target as the client sent it; see
    /// [`SessionLayer::with_original_uri`].
    #[must_use]
    pub fn with_original_uri(mut self, find: fn(&Extensions) -> Option<&Uri>) -> Self {
        self.session = self.session.with_original_uri(find);
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
        let session = self.session.clone().with_stack(self.gates.clone());
        session.layer(inner)
    }
}
