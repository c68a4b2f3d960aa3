//! What these tests share: a stack over a store in memory, a clock that is
//! moved by hand, everything that observers saw, and clients of routers.

#![allow(dead_code, reason = "each test file uses its part")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Deref;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::extract::connect_info::MockConnectInfo;
use axum::response::Response;
use axum::routing::{get, post};
use dwell_axum::*;
use dwell_testkit::{FaultyStore, TestClient, TestResponse};
use http::Method;
use serde_json::Value;
use tower::util::BoxCloneSyncService;

pub(crate) use dwell_test_support::{COOKIE, get_with, left, policies, set_cookies, token};

pub(crate) type App = BoxCloneSyncService<Request, Response, Infallible>;
pub(crate) type Client = TestClient<App>;

type Sessions = dwell_test_support::World;

/// A stack and its surroundings.
pub(crate) struct World {
    sessions: Sessions,
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
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let sessions = Sessions::with(policies);
        let manager = sessions.manager.clone();
        Self::node(sessions, manager)
    }

    /// The same over a store that has to be waited for, that counts and fails.
    pub(crate) fn remote() -> Self {
        let sessions = Sessions::default();
        let manager = sessions.manager_over(sessions.store.clone());
        Self::node(sessions, manager)
    }

    /// Over the manager that `build` starts, with both stores to choose from.
    pub(crate) fn over(
        build: impl FnOnce(MemoryStore, FaultyStore) -> SessionManagerBuilder,
    ) -> Self {
        let sessions = Sessions::default();
        let builder = build(sessions.memory.clone(), sessions.store.clone());
        let manager = builder.observer(sessions.events.clone()).build();
        Self::node(sessions, manager)
    }

    fn node(sessions: Sessions, manager: SessionManager) -> Self {
        let stack = session_timeout(&manager)
            .with_login("/login")
            .with_reauthentication("/reauthenticate");
        Self {
            stack: stack.without_reaper(),
            sessions,
            manager,
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

    /// Puts other policies in force.
    pub(crate) fn replace_policies(&self, policies: PolicySet) {
        self.manager.policies().replace(policies);
    }
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
    left(answer).0
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
