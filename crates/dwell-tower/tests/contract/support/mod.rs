//! What these tests share: sessions in one store, a local and a remote way to
//! them, and a service that detects misuse.

#![allow(dead_code, reason = "each test file uses its part")]

mod odd_store;
mod probe;

use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use dwell_core::{AuthenticationRequirement, PolicySet, SessionManager, Token, seconds};
use dwell_testkit::{TestClient, TestResponse};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::activity::{ActivityLayer, MarkLayer, RefreshLayer};
use dwell_tower::idle::{IdleTimeoutLayer, PolicyLayer};
use dwell_tower::network::{NetworkLayer, Peer};
use dwell_tower::rejection::Refusal;
use dwell_tower::session::SessionLayer;
use dwell_tower::step_up::StepUpLayer;
use http::{Request, Response};
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

pub(crate) use dwell_test_support::{
    AnyLayer, App, Body, COOKIE, Inner, Pause, SharedStore, default_policy, outcome, policies,
};
pub(crate) use odd_store::{Damaged, FailingTouches, LateEnds};
pub(crate) use probe::{Broken, Probe};

pub(crate) type Client = TestClient<App>;

/// How long a touch waits for a look-up that carries it.
pub(crate) const RIDE: Duration = seconds(1);

/// The surroundings of a stack.
pub(crate) struct World {
    sessions: dwell_test_support::World,
    /// Over `memory`, which answers at once.
    pub(crate) local: SessionManager,
    /// Over `store`, which has to be waited for.
    pub(crate) remote: SessionManager,
    pub(crate) probe: Probe,
}

impl Deref for World {
    type Target = dwell_test_support::World;

    fn deref(&self) -> &Self::Target {
        &self.sessions
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.sessions
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(policies())
    }

    pub(crate) fn with(policies: PolicySet) -> Self {
        let sessions = dwell_test_support::World::with(policies);
        Self {
            local: sessions.manager.clone(),
            remote: sessions.manager_over(sessions.store.clone()),
            probe: Probe::new(),
            sessions,
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

    /// Starts a session and rotates its token. The next request with the new token
    /// writes to the store.
    pub(crate) async fn sign_in_and_rotate(&self) -> Token {
        let token = self.sign_in().await;
        let request = get("/rotate", &token);
        let answer = self.app(&self.local).oneshot(request).await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let (_, rest) = cookie.split_once('=').unwrap();
        Token::parse(&rest.as_bytes()[..Token::LENGTH]).expect("a token")
    }

    /// Makes a request with a decided session state, as layers inside the idle
    /// timeout layer see it.
    pub(crate) fn decided(&self, path: &str, token: &Token) -> Request<Body> {
        let state = self.sessions.request(token);
        state.decide();
        let mut request = get(path, token);
        request.extensions_mut().insert(state);
        request
    }

    /// Sends a request and waits until the probe holds it.
    pub(crate) async fn hold(&self, client: &Client) -> JoinHandle<TestResponse> {
        dwell_test_support::hold(self.probe.pause(), client, "/hold").await
    }

    /// Releases a held request, and waits for its answer.
    pub(crate) async fn finish(&self, request: JoinHandle<TestResponse>) -> TestResponse {
        self.probe.pause().release(1);
        request.await.unwrap()
    }
}

/// The whole stack, without a reaper.
pub(crate) fn stack(manager: &SessionManager) -> SessionTimeoutLayer {
    SessionTimeoutLayer::new(manager).without_reaper()
}

/// The session layer and the idle timeout layer.
pub(crate) fn session_and_idle(manager: &SessionManager) -> AnyLayer {
    let layers = ServiceBuilder::new()
        .layer(SessionLayer::new(manager).without_reaper())
        .layer(IdleTimeoutLayer::new());
    AnyLayer::new(layers.into_inner())
}

/// Every layer but the session layer, with its name.
pub(crate) fn gates() -> Vec<(&'static str, AnyLayer)> {
    vec![
        ("the network layer", AnyLayer::new(NetworkLayer::new())),
        ("the activity layer", AnyLayer::new(ActivityLayer::new())),
        ("a marked route", AnyLayer::new(MarkLayer::active())),
        (
            "a route that refreshes tokens",
            AnyLayer::new(RefreshLayer::new()),
        ),
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

/// Every layer, with the session layer once for each kind of store. Each lets a
/// request of [`World::decided`] pass.
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
    let mut request = dwell_test_support::get(path, Some(token));
    let peer = Peer(([127, 0, 0, 1], 4_711).into());
    request.extensions_mut().insert(peer);
    request
}

/// Makes a service ready and calls it, without waiting for the answer.
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

/// Returns what the stack names as missing.
pub(crate) fn missing<B>(response: &Response<B>) -> String {
    match response.extensions().get() {
        Some(Refusal::Miswired(missing)) => missing.clone(),
        other => panic!("{} with {other:?}", response.status()),
    }
}
