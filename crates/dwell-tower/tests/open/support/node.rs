//! A node: the stack around handlers that the test controls.

use std::sync::{Arc, Mutex, PoisonError};

use dwell_core::{NewSession, SessionManager, SessionState, Token};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::activity::MarkLayer;
use dwell_tower::idle::PolicyLayer;
use dwell_tower::rejection::{demand_session, session_state};
use http::{Request, Response};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use dwell_test_support::{App, Body, Inner, Pause};

use super::{Feed, Reader, download, event_stream, get};

/// A node of a service.
///
/// | path | does |
/// |---|---|
/// | `/login`, `/logout`, `/extend`, `/rotate` | the command |
/// | `/slow…` | waits for its release |
/// | `/admin…` | has the policy `admin` |
/// | `/passive…` | is marked passive |
/// | `/open` | is served also when the session is over; all but a login and a sign-out refuse that |
///
/// A request may carry its answer. The session's state is in the answer's
/// extensions.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) stack: SessionTimeoutLayer,
    pub(crate) pause: Pause,
    app: App,
}

/// The answer that a request carries.
#[derive(Clone)]
struct Given(Arc<Mutex<Option<Response<Body>>>>);

impl Node {
    pub(crate) fn new(manager: &SessionManager) -> Self {
        Self::of(SessionTimeoutLayer::new(manager).without_reaper())
    }

    pub(crate) fn of(stack: SessionTimeoutLayer) -> Self {
        let pause = Pause::default();
        let held = pause.clone();
        let routes = service_fn(move |request| route(held.clone(), request));
        let app = App::new(stack.layer(Inner::new(routes)));
        Self { stack, pause, app }
    }

    pub(crate) fn manager(&self) -> &SessionManager {
        self.stack.manager()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request of the session.
    pub(crate) async fn get(&self, path: &str, token: &Token) -> Response<Body> {
        self.send(get(path, Some(token))).await
    }

    /// Whether a request of the session is served.
    pub(crate) async fn serves(&self, token: &Token) -> bool {
        self.get("/passive", token).await.status() == 200
    }

    /// Opens a connection by a request that carries its answer.
    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
        answer: Response<Body>,
    ) -> Response<Body> {
        self.send(with_answer(request, answer)).await
    }

    /// Opens an event stream in the session.
    pub(crate) async fn events(&self, token: &Token) -> (Feed, Reader) {
        self.events_at("/events", Some(token)).await
    }

    pub(crate) async fn events_at(&self, path: &str, token: Option<&Token>) -> (Feed, Reader) {
        let (feed, answer) = event_stream();
        let opened = self.answer(get(path, token), answer).await;
        assert_eq!(opened.status(), 200, "{path}");
        (feed, Reader::of(opened.into_body()))
    }

    /// The state that a handler at this path sees.
    pub(crate) async fn state(&self, path: &str, token: Option<&Token>) -> SessionState {
        let mut answer = self.send(get(path, token)).await;
        answer.extensions_mut().remove().expect("it was served")
    }

    /// Opens a streamed download in the session.
    pub(crate) async fn download(&self, token: &Token) -> (Feed, Reader) {
        let (feed, answer) = download();
        let opened = self.answer(get("/download", Some(token)), answer).await;
        assert_eq!(opened.status(), 200);
        (feed, Reader::of(opened.into_body()))
    }
}

pub(crate) fn with_answer(mut request: Request<Body>, answer: Response<Body>) -> Request<Body> {
    let given = Given(Arc::new(Mutex::new(Some(answer))));
    request.extensions_mut().insert(given);
    request
}

async fn route(pause: Pause, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let handler = service_fn(move |request| handle(pause.clone(), request));
    let path = request.uri().path().to_owned();
    if path.starts_with("/admin") {
        return PolicyLayer::new("admin")
            .layer(handler)
            .oneshot(request)
            .await;
    }
    if path.starts_with("/passive") {
        return MarkLayer::passive().layer(handler).oneshot(request).await;
    }
    handler.oneshot(request).await
}

async fn handle(pause: Pause, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let (mut parts, _) = request.into_parts();
    let needs_none = ["/login", "/logout", "/open"].contains(&parts.uri.path());
    let verdict = session_state(&parts).ok().and_then(|state| state.verdict());
    // As a handler does that extracts a session, if there is one.
    if !needs_none
        && verdict.is_some_and(|verdict| verdict.over().is_some())
        && let Err(refused) = demand_session(&parts)
    {
        return Ok(refused.map(Body::from));
    }
    let state: SessionState = parts.extensions.remove().expect("the layer left its state");
    match parts.uri.path() {
        "/login" => {
            state.start(NewSession::new("alice")).await?;
        }
        "/logout" => {
            state.sign_out().await?;
        }
        "/rotate" => state.rotate().await?,
        "/extend" => state.extend().await?,
        path if path.starts_with("/slow") => pause.here().await,
        _ => {}
    }
    let given = parts.extensions.remove::<Given>();
    let given =
        given.and_then(|Given(one)| one.lock().unwrap_or_else(PoisonError::into_inner).take());
    let mut answer = given.unwrap_or_else(|| Response::new(Body::from("served")));
    answer.extensions_mut().insert(state);
    Ok(answer)
}
