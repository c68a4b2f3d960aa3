//! A stack in axum and its clients.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::MockConnectInfo;
use axum::response::Response;
use axum::routing::{get, post};
use dwell_axum::{
    AuthenticationContext, Clock, EndReason, LoginSession, MemoryStore, NewSession, PolicySet,
    Selection, Session, SessionError, SessionManager, SessionManagerBuilder, SessionTimeoutLayer,
    passive, session_endpoints, session_timeout,
};
use dwell_testkit::{FaultyStore, TestClient};
use tower::util::BoxCloneSyncService;

use crate::{SharedStore, policies};

/// A router with its state, as servers run it: without, layers would be put on
/// anew for every request.
pub type App = BoxCloneSyncService<Request, Response, Infallible>;

/// A client of a router.
pub type Client = TestClient<App>;

/// A node: sessions, and the stack over one of the ways to them.
#[derive(Debug)]
pub struct World<C> {
    sessions: Arc<crate::World<C>>,
    /// The sessions in a store that other nodes may share, which tells of
    /// changes.
    pub shared: SharedStore,
    /// What the stack is over.
    pub manager: SessionManager,
    /// The whole stack, with its pages, without a reaper.
    pub stack: SessionTimeoutLayer,
}

impl<C> Deref for World<C> {
    type Target = crate::World<C>;

    fn deref(&self) -> &Self::Target {
        &self.sessions
    }
}

impl<C: Clock + Clone + Default> World<C> {
    /// Over the store in memory, under [`policies`].
    #[allow(clippy::new_without_default, reason = "as the other constructors")]
    pub fn new() -> Self {
        Self::with(policies())
    }

    /// Over the store in memory.
    pub fn with(policies: PolicySet) -> Self {
        Self::made(policies, |sessions, _| sessions.manager.clone())
    }

    /// Over a store that has to be waited for, that counts and fails, and that
    /// tells nobody of changes.
    pub fn remote() -> Self {
        Self::remote_with(policies())
    }

    /// The same under these policies.
    pub fn remote_with(policies: PolicySet) -> Self {
        Self::made(policies, |sessions, _| {
            sessions.manager_over(sessions.store.clone())
        })
    }

    /// Over `shared`.
    pub fn shared() -> Self {
        Self::shared_with(policies())
    }

    /// The same under these policies.
    pub fn shared_with(policies: PolicySet) -> Self {
        Self::made(policies, |sessions, shared| {
            sessions.manager_over(shared.clone())
        })
    }

    /// Over the manager that `build` starts, with two stores to choose from.
    pub fn over(build: impl FnOnce(MemoryStore, FaultyStore) -> SessionManagerBuilder) -> Self {
        Self::made(policies(), |sessions, _| {
            let builder = build(sessions.memory.clone(), sessions.store.clone());
            builder.observer(sessions.events.clone()).build()
        })
    }

    fn made(
        policies: PolicySet,
        manager: impl FnOnce(&crate::World<C>, &SharedStore) -> SessionManager,
    ) -> Self {
        let sessions = crate::World::by(C::default(), policies);
        let shared = SharedStore::new(sessions.store.clone()).with_pulse();
        let manager = manager(&sessions, &shared);
        Self::node(Arc::new(sessions), shared, manager)
    }

    fn node(sessions: Arc<crate::World<C>>, shared: SharedStore, manager: SessionManager) -> Self {
        let stack = session_timeout(&manager)
            .with_login("/login")
            .with_reauthentication("/reauthenticate");
        Self {
            sessions,
            shared,
            manager,
            stack: stack.without_reaper(),
        }
    }

    /// Another node over `shared`, with the same policies.
    pub fn another(&self) -> Self {
        let policies = PolicySet::clone(&self.policies());
        let manager = self.stranger(self.shared.clone(), policies).build();
        Self::node(Arc::clone(&self.sessions), self.shared.clone(), manager)
    }

    /// These routes, the common ones and the session endpoints, inside the
    /// stack.
    pub fn router(&self, routes: Router) -> Router {
        common_routes()
            .merge(session_endpoints())
            .merge(routes)
            .layer(self.stack.clone())
    }

    /// The same with its state.
    pub fn app(&self, routes: Router) -> App {
        App::new(self.router(routes).with_state(()))
    }

    /// A client of [`app`](Self::app).
    pub fn client(&self, routes: Router) -> Client {
        TestClient::new(self.app(routes))
    }

    /// The same from this address.
    pub fn client_at(&self, address: &str, routes: Router) -> Client {
        let peer = SocketAddr::new(address.parse().unwrap(), 4_711);
        client(self.router(routes).layer(MockConnectInfo(peer)))
    }

    /// A client that has just signed in as `alice`.
    pub async fn alice(&self, routes: Router) -> Client {
        signed_in(self.client(routes), "alice").await
    }

    /// The same, and the application.
    pub async fn alice_and_app(&self, routes: Router) -> (Client, App) {
        let app = self.app(routes);
        let client = TestClient::new(app.clone());
        (signed_in(client, "alice").await, app)
    }

    /// Puts other policies in force.
    pub fn replace_policies(&self, policies: PolicySet) {
        self.manager.policies().replace(policies);
    }

    /// Ends all sessions of `alice`, as an administrator does.
    pub async fn revoke(&self) {
        let subject = "alice".into();
        let sessions = self
            .manager
            .end_sessions(&subject, Selection::All, EndReason::Revoked);
        assert!(sessions.await.unwrap() > 0);
    }
}

/// A login and a re-authentication page, a page, a poll.
fn common_routes() -> Router {
    let reauthenticate = async |login: LoginSession, acr: String| {
        let by = AuthenticationContext::none().with_amr(["otp"]);
        let by = match acr.is_empty() {
            true => by,
            false => by.with_acr(acr),
        };
        login.reauthenticated(by).await
    };
    Router::new()
        .route("/login", post(login))
        .route("/reauthenticate", post(reauthenticate))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .route("/poll", get(async |_: Session| ()).layer(passive()))
}

/// Signs in who the body names.
pub async fn login(login: LoginSession, subject: String) -> Result<(), SessionError> {
    login.start(NewSession::new(subject)).await?;
    Ok(())
}

/// A client of this router.
pub fn client(router: Router) -> Client {
    TestClient::new(App::new(router.with_state(())))
}

/// The client after it has signed in as this subject.
pub async fn signed_in(mut client: Client, subject: &str) -> Client {
    let answer = client.post("/login", subject).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}
