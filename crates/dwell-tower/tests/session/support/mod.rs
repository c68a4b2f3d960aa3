//! What these tests share: a stack over a store in memory, a clock that is
//! moved by hand, everything that observers saw, clients.

#![allow(dead_code, reason = "each test file uses its part")]

mod app;
mod locking;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{
    EndedSession, Facts, ManualClock, Policy, PolicySet, SessionKey, SessionManager, SessionRecord,
    Token, hours, minutes, seconds,
};
use dwell_memory::MemoryStore;
use dwell_testkit::{Recorder, TestClient, TestResponse};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;
use dwell_tower::network::Peer;
use http::{Method, Request, Response};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower::{BoxError, Layer, Service, ServiceExt};

pub(crate) use crate::common::Body;

pub(crate) type App = crate::common::App<Infallible>;
pub(crate) type Client = TestClient<App>;

pub(crate) const COOKIE: &str = "__Host-session";

/// A stack's surroundings.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) events: Recorder,
    pub(crate) manager: SessionManager,
    pub(crate) pause: Pause,
}

impl World {
    /// 15 minutes idle and eight hours absolute, five minutes and one hour
    /// for the policy `admin`, touches every 15 seconds.
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::with_clock_and_tombstones(clock.clone(), hours(1));
        let events = Recorder::new();
        let manager = SessionManager::builder(store.clone(), policies)
            .observer(events.clone())
            .build();
        Self {
            clock,
            store,
            events,
            manager,
            pause: Pause::default(),
        }
    }

    /// The same store and clock behind what `wrap` makes of the store.
    pub(crate) fn manager_over(&self, store: impl SessionStore) -> SessionManager {
        self.manager.map_store(|_| store)
    }

    /// Everything needs a session but the pages `/login` and
    /// `/reauthenticate`.
    pub(crate) fn stack(&self) -> SessionTimeoutLayer {
        stack_over(&self.manager)
    }

    /// The inner service: see [`app`].
    pub(crate) fn handlers(&self) -> App {
        let pause = self.pause.clone();
        let answer = move |request| app::answer(pause.clone(), request);
        App::new(tower::service_fn(answer))
    }

    /// The handlers inside `layer`, behind a server that tells the peer.
    pub(crate) fn app<L, B>(&self, layer: &L) -> App
    where
        L: Layer<App>,
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

    pub(crate) fn lookup(&self, token: &str) -> Lookup {
        let loaded = self.store.load(key(token)).into_ready();
        let Ok(Ok(loaded)) = loaded else {
            panic!("a store in memory answers at once");
        };
        loaded.state
    }

    /// The session as the store has it.
    pub(crate) fn record(&self, token: &str) -> SessionRecord {
        match self.lookup(token) {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }

    pub(crate) fn facts(&self, token: &str) -> Facts {
        self.record(token).facts
    }

    pub(crate) fn tombstone(&self, token: &str) -> EndedSession {
        match self.lookup(token) {
            Lookup::Ended(ended) => ended,
            other => panic!("no tombstone but {other:?}"),
        }
    }

    /// Sends a request and waits until its handler holds it.
    pub(crate) async fn hold(&self, client: &Client, path: &str) -> JoinHandle<TestResponse> {
        let (mut client, path) = (client.clone(), path.to_owned());
        let mut request = tokio::spawn(async move { client.get(&path).await });
        tokio::select! {
            () = self.pause.arrival() => request,
            answer = &mut request => panic!("answered before its handler: {answer:?}"),
        }
    }

    /// Lets one held request go, and waits for the answer to this one.
    pub(crate) async fn finish(&self, request: JoinHandle<TestResponse>) -> TestResponse {
        self.pause.release();
        request.await.unwrap()
    }

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

pub(crate) fn stack_over(manager: &SessionManager) -> SessionTimeoutLayer {
    SessionTimeoutLayer::new(manager)
        .with_login("/login")
        .with_reauthentication("/reauthenticate")
        .with_requirement(SessionRequirement::Required)
        .without_reaper()
}

/// Behind a server: a client says by a header which peer it is to be.
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

/// The token that a client shows.
pub(crate) fn token(client: &Client) -> String {
    client
        .cookie(COOKIE)
        .expect("the client has a session cookie")
        .to_owned()
}

pub(crate) fn key(token: &str) -> SessionKey {
    Token::parse(token.as_bytes()).expect("a token").key()
}

/// Whether a client is let through, or the reason that it is given.
pub(crate) async fn verdict(client: &mut Client) -> String {
    told(&client.get("/passive").await)
}

/// `ok`, or the reason of a refusal.
pub(crate) fn told(answer: &TestResponse) -> String {
    match answer.status.as_u16() {
        200 => "ok".to_owned(),
        401 => answer.reason().expect("a refusal has a reason"),
        other => panic!("{other}: {}", answer.text()),
    }
}

/// A `GET` with these fields.
pub(crate) async fn get_with(
    client: &mut Client,
    path: &str,
    headers: &[(&'static str, &str)],
) -> TestResponse {
    client.send(Method::GET, path, headers, "").await
}

/// The seconds left to the idle and to the absolute deadline, as told.
pub(crate) fn left(answer: &TestResponse) -> (u64, u64) {
    let told = answer.header("session-timeout").expect("the time left");
    let number = |name: &str| {
        let member = told.split(", ").find_map(|m| m.strip_prefix(name));
        member.and_then(|m| m.strip_prefix('=')?.parse().ok())
    };
    let both = number("idle").zip(number("absolute"));
    both.unwrap_or_else(|| panic!("not understood: {told}"))
}

pub(crate) fn set_cookies(answer: &TestResponse) -> Vec<String> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines
        .map(|line| line.to_str().unwrap().to_owned())
        .collect()
}

/// The token that an answer gives to its client.
pub(crate) fn issued(answer: &TestResponse) -> Option<String> {
    let lines = set_cookies(answer);
    let pair = lines.last()?.split(';').next()?;
    let (_, token) = pair.split_once('=')?;
    (!token.is_empty()).then(|| token.to_owned())
}

/// Holds requests in flight until they are let go.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    arrived: Arc<Semaphore>,
    gone_on: Arc<Semaphore>,
}

impl Default for Pause {
    fn default() -> Self {
        Self {
            arrived: Arc::new(Semaphore::new(0)),
            gone_on: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Pause {
    /// Of a request: waits to be let go.
    async fn here(&self) {
        self.arrived.add_permits(1);
        self.gone_on.acquire().await.unwrap().forget();
    }

    /// Waits until one more request has come this far.
    async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one request go.
    pub(crate) fn release(&self) {
        self.gone_on.add_permits(1);
    }
}
