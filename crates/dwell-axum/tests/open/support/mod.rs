//! Shared by these tests: a stack whose store uses tokio's clock, clients, and
//! readers of open connections.

#![allow(dead_code, reason = "each test file and each feature uses its part")]
#![allow(unused_imports, reason = "each feature uses its part")]

mod events;
mod served;

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use dwell_axum::*;
use dwell_testkit::TestClient;
use tower::ServiceExt;

pub(crate) use dwell_test_support::axum::{App, Client};
pub(crate) use dwell_test_support::{
    COOKIE, Log, RuntimeClock, cookie, default_policy, pass, policies, soon, token,
};
pub(crate) use events::{Event, Events};
pub(crate) use served::{Served, hyper_get};

pub(crate) type World = dwell_test_support::axum::World<RuntimeClock>;

/// The resolution of timers and of clocks that are read in ticks.
pub(crate) const GRAIN: Duration = Duration::from_millis(10);

/// How late an open connection first checks its session and subscribes to
/// changes.
pub(crate) const FIRST_LOOK: Duration = Duration::from_millis(250);

type Sessions = dwell_test_support::World<RuntimeClock>;

/// One node.
pub(crate) struct World {
    sessions: Arc<Sessions>,
    /// The sessions in a watched store that other nodes may share.
    pub(crate) shared: SharedStore,
    pub(crate) manager: SessionManager,
    pub(crate) stack: SessionTimeoutLayer,
}

impl Deref for World {
    type Target = Sessions;

    fn deref(&self) -> &Sessions {
        &self.sessions
    }
}

impl World {
    /// 15 minutes idle, one minute's warning, eight hours absolute; a granularity
    /// of 15 seconds.
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        Self::over(policies, |sessions, _| sessions.manager.clone())
    }

    /// Over a remote store without a watch.
    pub(crate) fn unwatched() -> Self {
        Self::unwatched_with(policies())
    }

    pub(crate) fn unwatched_with(policies: PolicySet) -> Self {
        Self::over(policies, |sessions, _| {
            sessions.manager_over(sessions.store.clone())
        })
    }

    /// A node over `shared`.
    pub(crate) fn shared() -> Self {
        Self::shared_with(policies())
    }

    pub(crate) fn shared_with(policies: PolicySet) -> Self {
        Self::over(policies, |sessions, shared| {
            sessions.manager_over(shared.clone())
        })
    }

    fn over(
        policies: PolicySet,
        manager: impl FnOnce(&Sessions, &SharedStore) -> SessionManager,
    ) -> Self {
        let sessions = Sessions::by(RuntimeClock::new(), policies);
        let shared = SharedStore::new(sessions.store.clone()).with_pulse();
        let manager = manager(&sessions, &shared);
        Self::node(Arc::new(sessions), shared, manager)
    }

    fn node(sessions: Arc<Sessions>, shared: SharedStore, manager: SessionManager) -> Self {
        let stack = session_timeout(&manager).with_login("/login");
        Self {
            sessions,
            shared,
            manager,
            stack: stack.without_reaper(),
        }
    }

    /// Another node over `shared`, with the same policies.
    pub(crate) fn another(&self) -> Self {
        let policies = PolicySet::clone(&self.policies());
        let manager = self.stranger(self.shared.clone(), policies).build();
        Self::node(Arc::clone(&self.sessions), self.shared.clone(), manager)
    }

    /// These routes, the common ones and the session endpoints inside the stack,
    /// as a server runs it, with its state.
    pub(crate) fn app(&self, routes: Router) -> App {
        App::new(self.router(routes).with_state(()))
    }

    pub(crate) fn router(&self, routes: Router) -> Router {
        common_routes()
            .merge(session_endpoints())
            .merge(routes)
            .layer(self.stack.clone())
    }

    /// A client that is newly signed in as `alice`, and the application.
    pub(crate) async fn alice(&self, routes: Router) -> (Client, App) {
        let app = self.app(routes);
        (signed_in(app.clone(), "alice").await, app)
    }

    /// `alice` and her stream of deadlines, after its first check.
    pub(crate) async fn alice_and_her_events(&self) -> (Client, Events) {
        let (alice, app) = self.alice(Router::new()).await;
        let mut events = Events::open(&app, &alice, "/session/events").await;
        assert_eq!(events.next().await.name, "session-status");
        pass(FIRST_LOOK + GRAIN).await;
        (alice, events)
    }

    /// Ends all sessions of `alice`, as an administrator.
    pub(crate) async fn revoke(&self) {
        let subject = "alice".into();
        let ended = self
            .manager
            .end_sessions(&subject, Selection::All, EndReason::Revoked)
            .await;
        assert!(ended.unwrap() > 0);
    }
}

/// A policy for real sockets and real time.
pub(crate) fn short_policies(idle: Duration) -> PolicySet {
    let policy = Policy::named("default").idle(idle).absolute(hours(1));
    let policy = policy.warn(seconds(1));
    PolicySet::builder(policy).build().unwrap()
}

fn common_routes() -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/", get(async |s: Session| s.subject().to_string()))
        .route("/poll", get(async |_: Session| ()).layer(passive()))
}

/// Signs in the user whom the body names.
async fn login(login: LoginSession, subject: String) -> Result<(), SessionError> {
    login.start(NewSession::new(subject)).await?;
    Ok(())
}

pub(crate) async fn signed_in(app: App, subject: &str) -> Client {
    dwell_test_support::axum::signed_in(TestClient::new(app), subject).await
}

/// Sends a `GET` with the client's cookie, without reading the answer's body.
pub(crate) async fn ask(app: &App, client: &Client, path: &str) -> Response {
    let request = Request::get(path).header("cookie", cookie(client));
    let request = request.body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// Moves the client's cookie to another node.
pub(crate) fn at(client: &Client, app: App) -> Client {
    let mut other = TestClient::new(app);
    other.set_cookie(COOKIE, &token(client));
    other
}
