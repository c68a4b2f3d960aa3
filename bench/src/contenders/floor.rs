//! What nobody can do without: the bare router, a layer that does nothing,
//! and the least that a session check has to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use dashmap::DashMap;
use http::{HeaderMap, Request, StatusCode, header};
use sha2::{Digest, Sha256};
use tower_layer::Layer;
use tower_service::Service;

use crate::contender::{Contender, served};

/// The handler that all contenders share.
pub async fn ok() -> &'static str {
    "ok"
}

/// An axum router.
pub fn bare() -> Contender {
    Contender {
        router: served(Router::new().route("/", get(ok))),
        cookie: None,
    }
}

/// The same with a layer that does nothing.
pub fn noop() -> Contender {
    let router = Router::new().route("/", get(ok)).layer(NoopLayer);
    Contender {
        router: served(router),
        cookie: None,
    }
}

/// The same with the least that a session check has to do.
pub fn floor() -> Contender {
    let sessions = Sessions::default();
    sessions
        .0
        .insert(key("token-of-the-one-session"), AtomicU64::new(0));
    let router = Router::new().route("/", get(has_session));
    Contender {
        router: served(router.layer(FloorLayer(sessions))),
        cookie: Some("__Host-session=token-of-the-one-session".to_owned()),
    }
}

async fn has_session(
    session: Option<axum::Extension<Deadline>>,
) -> Result<&'static str, StatusCode> {
    match session {
        Some(axum::Extension(Deadline(_))) => Ok("ok"),
        None => Err(StatusCode::UNAUTHORIZED),
    }
}

#[derive(Clone, Copy)]
struct NoopLayer;

#[derive(Clone)]
struct Noop<S>(S);

impl<S> Layer<S> for NoopLayer {
    type Service = Noop<S>;

    fn layer(&self, inner: S) -> Noop<S> {
        Noop(inner)
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Noop<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        self.0.call(request)
    }
}

/// Last activity by the hash of the token, in milliseconds.
#[derive(Clone, Default)]
struct Sessions(Arc<DashMap<[u8; 32], AtomicU64>>);

#[derive(Clone, Copy)]
struct Deadline(#[allow(dead_code, reason = "its presence is what counts")] u64);

#[derive(Clone)]
struct FloorLayer(Sessions);

#[derive(Clone)]
struct Floor<S> {
    inner: S,
    sessions: Sessions,
    started: Instant,
}

impl<S> Layer<S> for FloorLayer {
    type Service = Floor<S>;

    fn layer(&self, inner: S) -> Floor<S> {
        Floor {
            inner,
            sessions: self.0.clone(),
            started: Instant::now(),
        }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Floor<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        let found = token(request.headers()).and_then(|token| {
            let last = self.sessions.0.get(&key(token))?;
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let deadline = last.load(Ordering::Relaxed) + 900_000;
            if now >= deadline {
                return None;
            }
            last.store(now, Ordering::Relaxed);
            Some(Deadline(deadline))
        });
        if let Some(deadline) = found {
            request.extensions_mut().insert(deadline);
        }
        self.inner.call(request)
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';');
    pairs.find_map(|pair| pair.trim().strip_prefix("__Host-session="))
}

fn key(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
