//! The paved path: all layers, in the one order that is right.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use dwell_core::{LivePolicies, SessionHandle, SessionManager, Shown};
use http::{Extensions, Uri};
use tower_layer::Layer;

use crate::activity::ActivityLayer;
use crate::gate::{RequestHead, Stack};
use crate::idle::{IdleTimeoutLayer, SessionRequirement};
use crate::network::NetworkLayer;
use crate::open::AnyBodyFactory;
use crate::rejection::{DefaultRejection, MakeRejection, Refusal};
use crate::session::{SessionLayer, SessionService, Source};

/// The service of the stack: the session layer's, which asks the other
/// layers' gates in their order.
pub type SessionTimeout<S, K = AnyBodyFactory> = SessionService<S, K>;

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
/// `K` makes the bodies of its answers.
pub struct SessionTimeoutLayer<K = AnyBodyFactory>(Arc<Parts<K>>);

/// Behind one pointer, since routers clone a layer for every route.
struct Parts<K> {
    session: SessionLayer<K>,
    gates: Arc<Gates>,
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
}

impl<K> SessionTimeoutLayer<K> {
    /// The stack around a session layer of your own making.
    #[must_use]
    pub fn from_session_layer(session: SessionLayer<K>) -> Self {
        Self(Arc::new(Parts {
            session,
            gates: Arc::new(Gates {
                network: NetworkLayer::new(),
                activity: ActivityLayer::new(),
                idle: IdleTimeoutLayer::new(),
            }),
            pages: Some(DefaultRejection::new()),
        }))
    }

    /// What this layer alone has.
    #[inline(never)]
    fn parts(&mut self) -> &mut Parts<K> {
        Arc::make_mut(&mut self.0)
    }

    #[inline(never)]
    fn gates(&mut self) -> &mut Gates {
        Arc::make_mut(&mut self.parts().gates)
    }

    fn map_session(mut self, change: impl FnOnce(SessionLayer<K>) -> SessionLayer<K>) -> Self {
        let parts = self.parts();
        parts.session = change(parts.session.clone());
        self
    }

    /// Where sessions are found.
    #[must_use]
    pub fn with_source(self, source: Source) -> Self {
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
        if let Some(pages) = self.parts().pages.take().map(add) {
            self.parts().pages = Some(pages.clone());
            self = self.map_session(|session| session.with_rejection(pages));
        }
        let path = path.split('?').next().unwrap_or_default();
        self.add_exempt_path(path)
    }

    /// Adds a path that is served whatever became of the session; see
    /// [`IdleTimeoutLayer::add_exempt_path`].
    #[must_use]
    pub fn add_exempt_path(mut self, path: &str) -> Self {
        let gates = self.gates();
        gates.idle = gates.idle.clone().add_exempt_path(path);
        self
    }

    /// Refuses in a way of your own, in all layers and routes. Pages that are
    /// named before or after are exempt; where to send whom is then yours.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.parts().pages = None;
        self.map_session(|session| session.with_rejection(rejection))
    }

    /// Whether requests need a session at all.
    #[must_use]
    pub fn with_requirement(mut self, presence: SessionRequirement) -> Self {
        let gates = self.gates();
        gates.idle = gates.idle.clone().with_requirement(presence);
        self
    }

    /// Reads the connection's other end by a closure.
    #[must_use]
    pub fn with_peer(
        mut self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.gates().network = NetworkLayer::with_peer(peer);
        self
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
        self.0.session.manager()
    }

    /// The policies in force, which a reload replaces.
    #[must_use]
    pub fn policies(&self) -> &LivePolicies {
        self.manager().policies()
    }

    /// Waits until the touches so far are recorded: before shutting down.
    pub async fn flush(&self) {
        self.0.session.flush().await;
    }
}

impl<K> Clone for SessionTimeoutLayer<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Clone for Parts<K> {
    fn clone(&self) -> Self {
        Self {
            session: self.session.clone(),
            gates: Arc::clone(&self.gates),
            pages: self.pages.clone(),
        }
    }
}

impl<K> fmt::Debug for SessionTimeoutLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTimeoutLayer")
            .field("session", &self.0.session)
            .field("gates", &self.0.gates)
            .field("pages", &self.0.pages)
            .finish()
    }
}

impl<S, K> Layer<S> for SessionTimeoutLayer<K> {
    type Service = SessionTimeout<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        let Parts { session, gates, .. } = &*self.0;
        session.clone().with_stack(gates.clone()).layer(inner)
    }
}
