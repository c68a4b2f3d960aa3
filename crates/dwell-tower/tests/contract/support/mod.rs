//! What these tests share: sessions in one store, seen at once and through a
//! store that has to be waited for, and a service that notices misuse.

#![allow(dead_code, reason = "each test file uses its part")]

mod odd_store;
mod probe;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{
    AuthenticationRequirement, Clock, EndReason, Event, EventKind, ManualClock, NewSession, Policy,
    PolicySet, Resolved, ResolvedSession, SessionManager, SessionRecord, SessionState, Timestamp,
    Token, hours, minutes, seconds,
};
use dwell_memory::MemoryStore;
use dwell_testkit::{FaultyStore, Recorder, TestClient, TestResponse};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::activity::{ActivityLayer, MarkLayer};
use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer};
use dwell_tower::network::{NetworkLayer, Peer};
use dwell_tower::rejection::Refusal;
use dwell_tower::session::SessionLayer;
use dwell_tower::step_up::StepUpLayer;
use http::{Request, Response};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

pub(crate) use crate::common::{AnyLayer, App, Body, Pause, SharedStore};
pub(crate) use odd_store::{FailingTouches, LateEnds};
pub(crate) use probe::{Broken, Probe};

pub(crate) type Client = TestClient<App>;

pub(crate) const COOKIE: &str = "__Host-session";

/// How long a touch waits for a look-up that takes it along.
pub(crate) const RIDE: Duration = seconds(1);

/// A stack's surroundings.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) memory: MemoryStore,
    /// The same sessions behind something that can fail.
    pub(crate) store: FaultyStore,
    pub(crate) events: Recorder,
    /// Over `memory`, which answers at once.
    pub(crate) local: SessionManager,
    /// Over `store`, which has to be waited for.
    pub(crate) remote: SessionManager,
    pub(crate) probe: Probe,
    heard: mpsc::UnboundedReceiver<Event>,
}

impl World {
    /// 15 minutes idle and eight hours absolute, five minutes idle for the
    /// policy `admin`, a touch every 15 seconds.
    pub(crate) fn new() -> Self {
        let admin = Policy::named("admin").idle(minutes(5));
        Self::with(
            PolicySet::builder(default_policy())
                .policy(admin)
                .build()
                .unwrap(),
        )
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let clock = ManualClock::new();
        let memory = MemoryStore::with_clock(clock.clone());
        let store = FaultyStore::new(memory.clone());
        let events = Recorder::new();
        let (tell, heard) = mpsc::unbounded_channel();
        let local = SessionManager::builder(memory.clone(), policies)
            .observer(events.clone())
            .observer(move |event: &Event| drop(tell.send(event.clone())))
            .build();
        let remote = local.map_store(|_| store.clone());
        Self {
            clock,
            memory,
            store,
            events,
            local,
            remote,
            probe: Probe::new(),
            heard,
        }
    }

    /// Both managers, by how their store answers.
    pub(crate) fn managers(&self) -> [(&'static str, SessionManager); 2] {
        [
            ("at once", self.local.clone()),
            ("later", self.remote.clone()),
        ]
    }

    /// The stack around the probe.
    pub(crate) fn app(&self, manager: &SessionManager) -> App {
        self.app_of(&stack(manager))
    }

    pub(crate) fn app_of(&self, stack: &SessionTimeoutLayer) -> App {
        App::new(stack.layer(self.probe.clone()))
    }

    pub(crate) fn client(&self, stack: &SessionTimeoutLayer, token: &Token) -> Client {
        let mut client = TestClient::new(self.app_of(stack));
        client.set_cookie(COOKIE, token.expose());
        client
    }

    /// A session of `alice`, past every store that could fail.
    pub(crate) async fn sign_in(&self) -> Token {
        let policies = self.local.policies().current();
        let request = SessionState::new(self.local.clone(), policies, Resolved::Nothing);
        request.start(NewSession::new("alice")).await.unwrap()
    }

    /// A session whose token was replaced and that nobody has seen since: the
    /// next request with the new token has something to tell the store.
    pub(crate) async fn sign_in_and_rotate(&self) -> Token {
        let token = self.sign_in().await;
        let request = get("/rotate", &token);
        let answer = self.app(&self.local).oneshot(request).await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let (_, rest) = cookie.split_once('=').unwrap();
        Token::parse(&rest.as_bytes()[..Token::LENGTH]).expect("a token")
    }

    /// A request whose handle is there already and decided, as any layer
    /// inside the idle timeout layer sees it.
    pub(crate) fn decided(&self, path: &str, token: &Token) -> Request<Body> {
        let session = ResolvedSession {
            record: self.record(token),
            now: self.clock.now(),
            token: Some(token.clone()),
            token_state: TokenState::Current { confirm: false },
        };
        let policies = self.local.policies().current();
        let presented = Resolved::Session(session);
        let handle = SessionState::new(self.local.clone(), policies, presented);
        handle.decide();
        let mut request = get(path, token);
        request.extensions_mut().insert(handle);
        request
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn lookup(&self, token: &Token) -> Lookup {
        let loaded = self.memory.load(token.key()).into_ready();
        let loaded = loaded.unwrap_or_else(|_| panic!("a store in memory answers at once"));
        loaded.unwrap().state
    }

    /// The session as the store has it.
    pub(crate) fn record(&self, token: &Token) -> SessionRecord {
        match self.lookup(token) {
            Lookup::Found(record) => record,
            other => panic!("no session but {other:?}"),
        }
    }

    pub(crate) fn last_active(&self, token: &Token) -> Timestamp {
        self.record(token).facts.last_active_at
    }

    pub(crate) fn end_reason(&self, token: &Token) -> Option<EndReason> {
        match self.lookup(token) {
            Lookup::Ended(ended) => Some(ended.reason),
            Lookup::Found(_) | Lookup::Missing => None,
        }
    }

    /// Waits for the next event of this kind.
    pub(crate) async fn hear(&mut self, kind: EventKind) -> Event {
        loop {
            let event = self.heard.recv().await.expect("the observer is there");
            if event.event == kind {
                return event;
            }
        }
    }

    /// Whether an event of this kind comes within so long, by tokio's clock.
    pub(crate) async fn hears_within(&mut self, kind: EventKind, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.hear(kind)).await.is_ok()
    }

    /// Sends a request and waits until the probe holds it.
    pub(crate) async fn hold(&self, client: &Client) -> JoinHandle<TestResponse> {
        let mut client = client.clone();
        let mut request = tokio::spawn(async move { client.get("/hold").await });
        tokio::select! {
            () = self.probe.pause().arrival() => request,
            answer = &mut request => panic!("not held but answered: {answer:?}"),
        }
    }

    /// Lets a held request go and waits for its answer.
    pub(crate) async fn finish(&self, request: JoinHandle<TestResponse>) -> TestResponse {
        self.probe.pause().release(1);
        request.await.unwrap()
    }

    /// Ends whatever is due.
    pub(crate) async fn reap(&self) {
        for _ in 0..100 {
            if !self.local.reap(100).await.unwrap() {
                return;
            }
        }
        panic!("reaping comes to no end");
    }
}

pub(crate) fn default_policy() -> dwell_core::PolicyBuilder {
    let policy = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    policy.granularity(seconds(15))
}

/// The whole stack, without a reaper of its own.
pub(crate) fn stack(manager: &SessionManager) -> SessionTimeoutLayer {
    SessionTimeoutLayer::new(manager).without_reaper()
}

/// Session and idle timeout layer and nothing else.
pub(crate) fn session_and_idle(manager: &SessionManager) -> AnyLayer {
    let layers = ServiceBuilder::new()
        .layer(SessionLayer::new(manager).without_reaper())
        .layer(IdleTimeoutLayer::new());
    AnyLayer::new(layers.into_inner())
}

/// Every layer but the session layer, by what it calls itself.
pub(crate) fn gates() -> Vec<(&'static str, AnyLayer)> {
    vec![
        ("the network layer", AnyLayer::new(NetworkLayer::new())),
        ("the activity layer", AnyLayer::new(ActivityLayer::new())),
        ("a marked route", AnyLayer::new(MarkLayer::active())),
        (
            "the idle timeout layer",
            AnyLayer::new(IdleTimeoutLayer::new()),
        ),
        (
            "a route with a policy",
            AnyLayer::new(PolicyLayer::new("admin")),
        ),
        (
            "a privileged route",
            AnyLayer::new(StepUpLayer::new(AuthenticationRequirement::by_policy())),
        ),
    ]
}

/// Every layer, with the session layer once for each kind of store. Alone
/// they let a request that [`World::decided`] made through.
pub(crate) fn layers(world: &World) -> Vec<(String, AnyLayer)> {
    let mut layers = Vec::new();
    for (name, layer) in gates() {
        layers.push((name.to_owned(), layer));
    }
    for (answers, manager) in world.managers() {
        let name = format!("the session layer, store answers {answers}");
        layers.push((name, session_and_idle(&manager)));
        let name = format!("the stack, store answers {answers}");
        layers.push((name, AnyLayer::new(stack(&manager))));
    }
    layers
}

/// A `GET` from this machine with the session's cookie.
pub(crate) fn get(path: &str, token: &Token) -> Request<Body> {
    let cookie = format!("{COOKIE}={}", token.expose());
    let mut request = Request::get(path)
        .header("cookie", cookie)
        .body(Body::default())
        .unwrap();
    request
        .extensions_mut()
        .insert(Peer(([127, 0, 0, 1], 4_711).into()));
    request
}

/// Makes a service ready and calls it; the answer is not waited for.
pub(crate) async fn called<S: Service<Request<Body>>>(
    service: &mut S,
    request: Request<Body>,
) -> S::Future
where
    S::Error: std::fmt::Debug,
{
    service.ready().await.unwrap().call(request)
}

/// Polls a future once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// What the stack names as missing.
pub(crate) fn missing<B>(response: &Response<B>) -> String {
    match response.extensions().get() {
        Some(Refusal::Miswired(missing)) => missing.clone(),
        other => panic!("{} with {other:?}", response.status()),
    }
}

/// `ok`, or the reason of a refusal.
pub(crate) fn told(answer: &TestResponse) -> String {
    match answer.status.as_u16() {
        200 => "ok".to_owned(),
        401 => answer.reason().expect("a refusal has a reason"),
        other => panic!("{other}: {}", answer.text()),
    }
}
