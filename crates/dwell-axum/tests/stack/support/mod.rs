//! What these tests share: a stack over a store in memory, a clock that is
//! moved by hand, everything that observers saw, and clients of routers.

#![allow(dead_code, reason = "each test file uses its part")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::MockConnectInfo;
use axum::response::Response;
use axum::routing::{get, post};
use dwell_axum::dwell_core::store::{Lookup, SessionStore};
use dwell_axum::*;
use dwell_testkit::{FaultyStore, Recorder, TestClient, TestResponse};
use http::Method;
use serde_json::Value;
use tower::util::BoxCloneSyncService;

pub(crate) type App = BoxCloneSyncService<Request, Response, Infallible>;
pub(crate) type Client = TestClient<App>;

pub(crate) const COOKIE: &str = "__Host-session";

/// A stack and its surroundings.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    /// What is really kept.
    pub(crate) memory: MemoryStore,
    /// What the stack talks to, where it is a remote one.
    pub(crate) faulty: FaultyStore,
    pub(crate) events: Recorder,
    pub(crate) manager: SessionManager,
    pub(crate) stack: SessionTimeoutLayer,
}

impl World {
    /// 15 minutes idle and eight hours absolute; five minutes and one hour
    /// for the policy `admin`; touches every 15 seconds.
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        Self::over(|memory, _| SessionManager::builder(memory, policies))
    }

    /// The same over a store that has to be waited for, that counts and fails.
    pub(crate) fn remote() -> Self {
        Self::over(|_, faulty| SessionManager::builder(faulty, policies()))
    }

    /// Over the manager that `build` starts, with both stores to choose from.
    pub(crate) fn over(
        build: impl FnOnce(MemoryStore, FaultyStore) -> SessionManagerBuilder,
    ) -> Self {
        let clock = ManualClock::new();
        let memory = MemoryStore::with_clock(clock.clone());
        let faulty = FaultyStore::new(memory.clone());
        let events = Recorder::new();
        let builder = build(memory.clone(), faulty.clone());
        let manager = builder.observer(events.clone()).build();
        let stack = session_timeout(&manager)
            .with_login("/login")
            .with_reauthentication("/reauthenticate")
            .without_reaper();
        Self {
            clock,
            memory,
            faulty,
            events,
            manager,
            stack,
        }
    }

    /// A client of these routes, the common ones and the session endpoints,
    /// inside the stack.
    pub(crate) fn client(&self, routes: Router) -> Client {
        client(self.app(routes))
    }

    /// The same from this address.
    pub(crate) fn client_at(&self, address: &str, routes: Router) -> Client {
        let peer = SocketAddr::new(address.parse().unwrap(), 4_711);
        client(self.app(routes).layer(MockConnectInfo(peer)))
    }

    pub(crate) fn app(&self, routes: Router) -> Router {
        common_routes()
            .merge(session_endpoints())
            .merge(routes)
            .layer(self.stack.clone())
    }

    /// A client that has just signed in as `alice`.
    pub(crate) async fn alice(&self, routes: Router) -> Client {
        signed_in(self.client(routes), "alice").await
    }

    /// The session of this client, as the store has it.
    pub(crate) fn record(&self, client: &Client) -> SessionRecord {
        match self.lookup(&token(client)) {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }

    pub(crate) fn lookup(&self, token: &str) -> Lookup {
        let key = Token::parse(token.as_bytes()).expect("a token").key();
        let loaded = self.memory.load(key).into_ready().ok();
        let loaded = loaded.expect("a store in memory answers at once");
        loaded.unwrap().state
    }

    /// How long ago the last activity on record is.
    pub(crate) fn idle(&self, client: &Client) -> Duration {
        self.clock.now() - self.record(client).facts.last_active_at
    }

    /// Puts other policies in force.
    pub(crate) fn replace_policies(&self, policies: PolicySet) {
        self.manager.policies().replace(policies);
    }

    /// Ends what is due.
    pub(crate) async fn reap(&self) {
        while self.manager.reap(100).await.unwrap() {}
    }
}

pub(crate) fn policies() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    PolicySet::builder(default.granularity(seconds(15)))
        .policy(Policy::named("admin").idle(minutes(5)).absolute(hours(1)))
        .build()
        .unwrap()
}

/// The same, but an idle session waits half an hour for its subject.
pub(crate) fn locking_policies() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let default = default.on_idle(OnIdle::Lock).lock_period(minutes(30));
    PolicySet::builder(default).build().unwrap()
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
pub(crate) async fn login(login: LoginSession, subject: String) -> Result<(), SessionError> {
    login.start(NewSession::new(subject)).await?;
    Ok(())
}

/// Of a router as servers run it: without its state, layers would be put on
/// anew for every request.
pub(crate) fn client(app: Router) -> Client {
    TestClient::new(BoxCloneSyncService::new(app.with_state(())))
}

pub(crate) async fn signed_in(mut client: Client, subject: &str) -> Client {
    let answer = client.post("/login", subject).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

/// The token that a client shows.
pub(crate) fn token(client: &Client) -> String {
    let token = client.cookie(COOKIE);
    token.expect("the client has a session cookie").to_owned()
}

/// A `GET` with these fields.
pub(crate) async fn get_with(
    client: &mut Client,
    path: &str,
    headers: &[(&'static str, &str)],
) -> TestResponse {
    client.send(Method::GET, path, headers, "").await
}

/// A `POST` of JSON from a page of the same origin with these fields too.
pub(crate) async fn post_with(
    client: &mut Client,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> TestResponse {
    let common = [
        ("content-type", "application/json"),
        ("sec-fetch-site", "same-origin"),
    ];
    let headers: Vec<_> = common.iter().chain(headers).copied().collect();
    client.send(Method::POST, path, &headers, body).await
}

/// What a client's next request is told; it moves nothing.
pub(crate) async fn verdict(client: &mut Client) -> String {
    told(&client.get("/poll").await)
}

/// `ok`, or status and reason: `401 idle_timeout`.
pub(crate) fn told(answer: &TestResponse) -> String {
    let status = answer.status.as_u16();
    match answer.reason() {
        None if answer.status.is_success() => "ok".to_owned(),
        None => status.to_string(),
        Some(reason) => format!("{status} {reason}"),
    }
}

/// The status document of a good answer.
pub(crate) fn document(answer: &TestResponse) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("a JSON document")
}

/// The seconds left to the idle deadline, as the answer tells.
pub(crate) fn idle_left(answer: &TestResponse) -> u64 {
    let told = answer.header("session-timeout").expect("the time left");
    let idle = told.strip_prefix("idle=").and_then(|t| t.split_once(','));
    let (seconds, _) = idle.expect("seconds");
    seconds.parse().unwrap()
}

pub(crate) fn set_cookies(answer: &TestResponse) -> Vec<&str> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap()).collect()
}

/// Whether the answer takes the client's session cookie away.
pub(crate) fn removes_cookie(answer: &TestResponse) -> bool {
    let removal = format!("{COOKIE}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    set_cookies(answer) == [removal]
}

/// A request for code that answers without a [`TestClient`].
pub(crate) fn get_request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}
