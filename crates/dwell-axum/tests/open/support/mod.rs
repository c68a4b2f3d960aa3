//! What these tests share: a stack whose store goes by tokio's clock, clients,
//! and readers of what stays open.

#![allow(dead_code, reason = "each test file and each feature uses its part")]

mod events;
mod log;
mod served;
mod shared_store;
mod time;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use dwell_axum::dwell_core::store::{Lookup, SessionStore};
use dwell_axum::*;
use dwell_testkit::{FaultyStore, TestClient};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

pub(crate) use events::{Event, Events};
pub(crate) use log::Log;
pub(crate) use served::{Served, hyper_get};
pub(crate) use shared_store::SharedStore;
pub(crate) use time::{RuntimeClock, pass, soon};

pub(crate) type App = BoxCloneSyncService<Request, Response, Infallible>;
pub(crate) type Client = TestClient<App>;

pub(crate) const COOKIE: &str = "__Host-session";

/// Timers have this grain, and a clock that is read in ticks may be a little
/// behind them.
pub(crate) const GRAIN: Duration = Duration::from_millis(10);

/// How late an open connection is first entered among those that are told.
pub(crate) const FIRST_LOOK: Duration = Duration::from_millis(250);

/// One node.
pub(crate) struct World {
    pub(crate) clock: RuntimeClock,
    /// What is really kept.
    pub(crate) memory: MemoryStore,
    /// The same behind something that is not local, and counts.
    pub(crate) faulty: FaultyStore,
    pub(crate) manager: SessionManager,
    pub(crate) stack: SessionTimeoutLayer,
}

impl World {
    /// 15 minutes idle, a minute's warning, eight hours absolute; touches every
    /// 15 seconds.
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        Self::over(|memory, _| SessionManager::builder(memory, policies))
    }

    /// Over a store that has to be waited for and does not tell of changes.
    pub(crate) fn untold() -> Self {
        Self::untold_with(policies())
    }

    pub(crate) fn untold_with(policies: PolicySet) -> Self {
        Self::over(|_, faulty| SessionManager::builder(faulty, policies))
    }

    /// Over a store that other nodes may share, which tells of changes.
    pub(crate) fn shared() -> Self {
        Self::shared_with(policies())
    }

    pub(crate) fn shared_with(policies: PolicySet) -> Self {
        Self::over(|memory, faulty| {
            SessionManager::builder(SharedStore::new(memory, faulty), policies)
        })
    }

    fn over(build: impl FnOnce(MemoryStore, FaultyStore) -> SessionManagerBuilder) -> Self {
        let clock = RuntimeClock::new();
        let memory = MemoryStore::with_clock(clock.clone());
        let faulty = FaultyStore::new(memory.clone());
        let manager = build(memory.clone(), faulty.clone()).build();
        Self::node(clock, memory, faulty, manager)
    }

    fn node(
        clock: RuntimeClock,
        memory: MemoryStore,
        faulty: FaultyStore,
        manager: SessionManager,
    ) -> Self {
        let stack = session_timeout(&manager)
            .with_login("/login")
            .without_reaper();
        Self {
            clock,
            memory,
            faulty,
            manager,
            stack,
        }
    }

    /// Another node over the same store, with the same policies.
    pub(crate) fn another(&self) -> Self {
        let policies = PolicySet::clone(&self.manager.policies().current());
        let store = SharedStore::new(self.memory.clone(), self.faulty.clone());
        let manager = SessionManager::builder(store, policies).build();
        Self::node(
            self.clock.clone(),
            self.memory.clone(),
            self.faulty.clone(),
            manager,
        )
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// These routes, the common ones and the session endpoints, inside the
    /// stack; as servers run it, with its state.
    pub(crate) fn app(&self, routes: Router) -> App {
        App::new(self.router(routes).with_state(()))
    }

    pub(crate) fn router(&self, routes: Router) -> Router {
        common_routes()
            .merge(session_endpoints())
            .merge(routes)
            .layer(self.stack.clone())
    }

    /// A client that has just signed in as `alice`, and the application.
    pub(crate) async fn alice(&self, routes: Router) -> (Client, App) {
        let app = self.app(routes);
        (signed_in(app.clone(), "alice").await, app)
    }

    /// `alice` and her stream of deadlines, past its first look.
    pub(crate) async fn alice_and_her_events(&self) -> (Client, Events) {
        let (alice, app) = self.alice(Router::new()).await;
        let mut events = Events::open(&app, &alice, "/session/events").await;
        assert_eq!(events.next().await.name, "session-status");
        pass(FIRST_LOOK + GRAIN).await;
        (alice, events)
    }

    /// The session of this client, as the store has it.
    pub(crate) fn record(&self, client: &Client) -> SessionRecord {
        let key = Token::parse(token(client).as_bytes())
            .expect("a token")
            .key();
        let loaded = self.memory.load(key).into_ready().ok();
        let loaded = loaded.expect("a store in memory answers at once");
        match loaded.unwrap().state {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }

    /// How long ago the last activity on record is.
    pub(crate) fn idle(&self, client: &Client) -> Duration {
        self.now() - self.record(client).facts.last_active_at
    }

    /// Ends all sessions of `alice`, as an administrator does.
    pub(crate) async fn revoke(&self) {
        let subject = "alice".into();
        let ended = self
            .manager
            .end_sessions(&subject, Selection::All, EndReason::Revoked)
            .await;
        assert!(ended.unwrap() > 0);
    }
}

pub(crate) fn default_policy() -> PolicyBuilder {
    let policy = Policy::named("default").idle(minutes(15));
    policy.absolute(hours(8)).granularity(seconds(15))
}

pub(crate) fn policies() -> PolicySet {
    PolicySet::builder(default_policy()).build().unwrap()
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

/// Signs in who the body names.
async fn login(login: LoginSession, subject: String) -> Result<(), SessionError> {
    login.start(NewSession::new(subject)).await?;
    Ok(())
}

pub(crate) async fn signed_in(app: App, subject: &str) -> Client {
    let mut client = TestClient::new(app);
    let answer = client.post("/login", subject).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

/// The token that a client shows.
pub(crate) fn token(client: &Client) -> String {
    let token = client.cookie(COOKIE);
    token.expect("the client has a session cookie").to_owned()
}

pub(crate) fn cookie(client: &Client) -> String {
    format!("{COOKIE}={}", token(client))
}

/// Sends a `GET` with the client's cookie; the answer's body is not read.
pub(crate) async fn ask(app: &App, client: &Client, path: &str) -> Response {
    let request = Request::get(path).header("cookie", cookie(client));
    let request = request.body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

/// The same client at another node.
pub(crate) fn at(client: &Client, app: App) -> Client {
    let mut other = TestClient::new(app);
    other.set_cookie(COOKIE, &token(client));
    other
}
