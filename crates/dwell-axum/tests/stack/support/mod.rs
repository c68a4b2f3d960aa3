//! Shared by these tests: a stack over a store in memory, a manual clock, all
//! events, and clients of routers.

#![allow(dead_code, reason = "each test file uses its part")]

use axum::body::Body;
use axum::extract::Request;
use dwell_axum::*;
use dwell_testkit::TestResponse;
use http::Method;
use serde_json::Value;

pub(crate) use dwell_test_support::axum::{Client, client, login, signed_in};
pub(crate) use dwell_test_support::{COOKIE, get_with, left, policies, set_cookies, token};

pub(crate) type World = dwell_test_support::axum::World<ManualClock>;

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

    /// A world over a remote store that counts calls and can fail.
    pub(crate) fn remote() -> Self {
        let sessions = Sessions::default();
        let manager = sessions.manager_over(sessions.store.clone());
        Self::node(sessions, manager)
    }

    /// A world over the manager that `build` makes from one of both stores.
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

    /// A client of these routes, the common ones and the session endpoints inside
    /// the stack.
    pub(crate) fn client(&self, routes: Router) -> Client {
        client(self.app(routes))
    }

    /// A client of these routes at this address.
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

    /// A client that is newly signed in as `alice`.
    pub(crate) async fn alice(&self, routes: Router) -> Client {
        signed_in(self.client(routes), "alice").await
    }

    /// Puts other policies in force.
    pub(crate) fn replace_policies(&self, policies: PolicySet) {
        self.manager.policies().replace(policies);
    }
}

/// The default policies, but idle sessions lock, for half an hour.
pub(crate) fn locking_policies() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let default = default.on_idle(OnIdle::Lock).lock_period(minutes(30));
    PolicySet::builder(default).build().unwrap()
}

/// Common routes: a login and a re-authentication page, a page, a poll.
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

/// Signs in the user whom the body names.
pub(crate) async fn login(login: LoginSession, subject: String) -> Result<(), SessionError> {
    login.start(NewSession::new(subject)).await?;
    Ok(())
}

/// A client of a router with its state, as servers run it. Otherwise layers would
/// be applied anew for every request.
pub(crate) fn client(app: Router) -> Client {
    TestClient::new(BoxCloneSyncService::new(app.with_state(())))
}

pub(crate) async fn signed_in(mut client: Client, subject: &str) -> Client {
    let answer = client.post("/login", subject).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

/// Sends a `POST` of JSON from a page of the same origin, with these extra fields.
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

/// The outcome of a client's next request, which moves nothing.
pub(crate) async fn verdict(client: &mut Client) -> String {
    outcome(&client.get("/poll").await)
}

/// `ok`, or status and reason: `401 idle_timeout`.
pub(crate) fn outcome(answer: &TestResponse) -> String {
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

/// The seconds left to the idle deadline, from the answer's field.
pub(crate) fn idle_left(answer: &TestResponse) -> u64 {
    left(answer).0
}

/// Whether the answer removes the client's session cookie.
pub(crate) fn removes_cookie(answer: &TestResponse) -> bool {
    let removal = format!("{COOKIE}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    set_cookies(answer) == [removal]
}

/// A `GET` request for tests without a [`TestClient`].
pub(crate) fn get_request(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}
