//! What these tests share: a stack over a store in memory, a manual clock, clients.

#![allow(dead_code, reason = "each test file uses its part")]

mod app;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Deref;

use bytes::Bytes;
use dwell_core::{
    ManualClock, OnIdle, Policy, PolicySet, SessionKey, SessionManager, Token, hours, minutes,
};
use dwell_memory::MemoryStore;
use dwell_test_support::Pause;
use dwell_testkit::{TestClient, TestResponse};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;
use dwell_tower::network::Peer;
use http::{Request, Response};
use tokio::task::JoinHandle;
use tower::{BoxError, Layer, Service, ServiceExt};

pub(crate) use dwell_test_support::{
    Body, COOKIE, Inner, get_with, issued, left, outcome, policies, set_cookies, token,
};

pub(crate) type App = dwell_test_support::App<Infallible>;
pub(crate) type Client = TestClient<App>;

/// The surroundings of a stack.
pub(crate) struct World {
    sessions: dwell_test_support::World,
    pub(crate) pause: Pause,
    /// Whether the stack needs a session, and not the handlers.
    required: bool,
}

impl Deref for World {
    type Target = dwell_test_support::World;

    fn deref(&self) -> &Self::Target {
        &self.sessions
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let clock = ManualClock::new();
        let memory = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
        Self {
            sessions: dwell_test_support::World::over(clock, memory, policies),
            pause: Pause::default(),
            required: false,
        }
    }

    /// The stack needs a session, except on exempt paths, and no handler does.
    pub(crate) fn required() -> Self {
        Self {
            required: true,
            ..Self::new()
        }
    }

    /// Sessions are locked after 15 minutes and end after 8 hours.
    pub(crate) fn locking() -> Self {
        let default = Policy::named("default")
            .idle(minutes(15))
            .absolute(hours(8));
        let locking = default.on_idle(OnIdle::Lock);
        Self::with(PolicySet::builder(locking).build().unwrap())
    }

    /// A stack whose handlers need a session, except on `/login` and
    /// `/reauthenticate`.
    pub(crate) fn stack(&self) -> SessionTimeoutLayer {
        match self.required {
            true => stack_over(&self.manager).with_requirement(SessionRequirement::Required),
            false => stack_over(&self.manager),
        }
    }

    /// The inner service: see [`app`].
    pub(crate) fn handlers(&self) -> Inner<Infallible> {
        let (pause, demands) = (self.pause.clone(), !self.required);
        let answer = move |request| app::answer(pause.clone(), demands, request);
        Inner::new(tower::service_fn(answer))
    }

    /// The handlers inside `layer`, behind a server that sets the peer.
    pub(crate) fn app<L, B>(&self, layer: &L) -> App
    where
        L: Layer<Inner<Infallible>>,
        L::Service: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
        L::Service: Clone + Send + Sync + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        served(layer.layer(self.handlers()))
    }

    pub(crate) fn client(&self) -> Client {
        self.client_of(&self.stack())
    }

    pub(crate) fn client_of(&self, stack: &SessionTimeoutLayer) -> Client {
        TestClient::new(self.app(stack))
    }

    /// A client of the stack that has just signed in as `alice`.
    pub(crate) async fn signed_in(&self) -> Client {
        signed_in(self.client()).await
    }

    /// A client that shows this token.
    pub(crate) fn client_with(&self, token: &str) -> Client {
        let mut client = self.client();
        client.set_cookie(COOKIE, token);
        client
    }

    /// Sends a request and waits until its handler holds it.
    pub(crate) async fn hold(&self, client: &Client, path: &str) -> JoinHandle<TestResponse> {
        dwell_test_support::hold(&self.pause, client, path).await
    }

    /// Releases a held request, and waits for the answer of this one.
    pub(crate) async fn finish(&self, request: JoinHandle<TestResponse>) -> TestResponse {
        self.pause.release(1);
        request.await.unwrap()
    }
}

pub(crate) fn stack_over(manager: &SessionManager) -> SessionTimeoutLayer {
    SessionTimeoutLayer::new(manager)
        .with_login("/login")
        .with_reauthentication("/reauthenticate")
        .without_reaper()
}

/// Puts a service behind a server. The client names its peer in a header.
pub(crate) fn served<S, B>(service: S) -> App
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let with_peer = |mut request: Request<Body>| {
        let peer = request.headers_mut().remove("test-peer");
        let peer = peer.map_or("127.0.0.1".to_owned(), |p| p.to_str().unwrap().to_owned());
        let peer = SocketAddr::new(peer.parse().unwrap(), 4_711);
        request.extensions_mut().insert(Peer(peer));
        request
    };
    App::new(service.map_request(with_peer))
}

pub(crate) async fn signed_in(mut client: Client) -> Client {
    let answer = client.get("/login").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

pub(crate) fn key(token: &str) -> SessionKey {
    Token::parse(token.as_bytes()).expect("a token").key()
}

/// Returns `ok` if a request is served, else the reason of the refusal.
pub(crate) async fn verdict(client: &mut Client) -> String {
    outcome(&client.get("/passive").await)
}
