//! Adopted sessions: whose they are, what later proofs state, and how they end.

mod begin;
mod end;
mod go_on;

use dwell_core::store::{Lookup, SessionStore};
use dwell_core::{AdoptedSession, EndReason, SessionManager, SessionRecord};
use dwell_testkit::{TestClient, TestResponse};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::activity::MarkLayer;
use dwell_tower::session::AdoptedSource;
use http::{Request, Response};
use tower::{Layer, Service, ServiceExt};

use crate::support::{App, Body, Probe, World, stack};

const OWNER: &str = "https://id.example";

/// What the owner leaves in every request.
#[derive(Clone)]
struct Owner(Option<AdoptedSession>);

fn adopting(manager: &SessionManager) -> SessionTimeoutLayer {
    let source = AdoptedSource::new(|extensions, _| extensions.get::<Owner>()?.0.clone());
    stack(manager).with_source(source.behind::<Owner>())
}

/// Sends a request with what its owner says of the session.
async fn ask<S>(service: S, owner: Option<&AdoptedSession>) -> TestResponse
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
    S::Error: std::fmt::Debug + Send,
    S::Future: Send,
{
    let owner = Owner(owner.cloned());
    let service = service.map_request(move |mut request: Request<Body>| {
        request.extensions_mut().insert(owner.clone());
        request
    });
    TestClient::new(App::new(service)).get("/").await
}

/// The stack around a layer around a service that answers.
fn around<L: Layer<Probe>>(
    world: &World,
    manager: &SessionManager,
    layer: &L,
) -> <SessionTimeoutLayer as Layer<L::Service>>::Service {
    adopting(manager).layer(layer.layer(world.probe.clone()))
}

async fn send(world: &World, manager: &SessionManager, session: &AdoptedSession) -> TestResponse {
    ask(world.app_of(&adopting(manager)), Some(session)).await
}

/// Sends a request that is no activity.
async fn poll(world: &World, manager: &SessionManager, session: &AdoptedSession) -> TestResponse {
    let app = App::new(around(world, manager, &MarkLayer::passive()));
    ask(app, Some(session)).await
}

fn login(world: &World, sid: &str, subject: &str) -> AdoptedSession {
    AdoptedSession::new(OWNER, sid, subject).with_authenticated_at(world.now())
}

async fn found(world: &World, session: &AdoptedSession) -> SessionRecord {
    match world.memory.load(session.key()).await.unwrap().state {
        Lookup::Found(record) => record,
        other => panic!("the session is live: {other:?}"),
    }
}

fn is_ok(answer: &TestResponse) -> bool {
    answer.status == 200
}

/// The owner ends a session.
async fn end(manager: &SessionManager, sid: &str, subject: &str, reason: EndReason) -> bool {
    let session = AdoptedSession::new(OWNER, sid, subject);
    manager.end_adopted(&session, reason).await.unwrap()
}
