//! The inner service. It refuses requests whose session is over, panics if it is
//! called without being ready, and counts the requests that it serves.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{NewSession, SessionState, Verdict};
use dwell_tower::rejection::{demand_session, session_state};
use http::{Request, Response};
use tower::{BoxError, Service};

use super::{Body, Pause};

/// The error of `/fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) u32);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}", self.0)
    }
}

impl std::error::Error for Broken {}

/// A service whose clones must be made ready one by one. By the path:
///
/// | path | does |
/// |---|---|
/// | `/login`, `/rotate` | the command |
/// | `/hold` | waits for its release |
/// | `/yield` | is pending once |
/// | `/fail` | fails with [`Broken`] |
/// | `/panic`, `/panic-in-call` | panics when polled, or before |
/// | `/status/403` | answers with that status |
/// | anything else | nothing |
#[derive(Debug)]
pub(crate) struct Probe<R = Body> {
    ready: bool,
    shared: Arc<Shared>,
    body: PhantomData<fn() -> R>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
    pause: Pause,
}

impl<R> Probe<R> {
    pub(crate) fn new() -> Self {
        Self {
            ready: false,
            shared: Arc::default(),
            body: PhantomData,
        }
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// The most requests that were inside at the same time.
    pub(crate) fn most(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    pub(crate) fn pause(&self) -> &Pause {
        &self.shared.pause
    }
}

impl<R> Clone for Probe<R> {
    /// A clone is not ready.
    fn clone(&self) -> Self {
        Self {
            ready: false,
            shared: Arc::clone(&self.shared),
            body: PhantomData,
        }
    }
}

impl<B, R: From<Bytes> + 'static> Service<Request<B>> for Probe<R> {
    type Response = Response<R>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let ready = std::mem::take(&mut self.ready);
        assert!(ready, "called without being ready");
        let (parts, _) = request.into_parts();
        let state = parts.extensions.get::<SessionState>().cloned();
        // As a handler does that extracts a session, if there is one.
        let found = session_state(&parts).ok();
        let verdict = found.and_then(|state| state.verdict());
        if verdict.is_some_and(|verdict| verdict != Verdict::Anonymous)
            && let Err(refused) = demand_session(&parts)
        {
            return Box::pin(async move { Ok(refused.map(R::from)) });
        }
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        let path = parts.uri.path().to_owned();
        assert_ne!(path, "/panic-in-call", "told to panic");
        Box::pin(answer(Arc::clone(&self.shared), path, state))
    }
}

async fn answer<R: From<Bytes>>(
    shared: Arc<Shared>,
    path: String,
    state: Option<SessionState>,
) -> Result<Response<R>, BoxError> {
    let inside = shared.inside.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(inside, Ordering::SeqCst);
    let state = || state.expect("the session layer left its state");
    match path.as_str() {
        "/login" => {
            state().start(NewSession::new("alice")).await?;
        }
        "/rotate" => state().rotate().await?,
        "/hold" => shared.pause.here().await,
        "/yield" => tokio::task::yield_now().await,
        "/fail" => return Err(Broken(7).into()),
        "/panic" => panic!("told to panic"),
        _ => {}
    }
    shared.inside.fetch_sub(1, Ordering::SeqCst);
    let mut response = Response::new(R::from(Bytes::from_static(b"served")));
    if let Some(status) = path.strip_prefix("/status/") {
        *response.status_mut() = status.parse()?;
    }
    Ok(response)
}
