//! The least that a session check has to do: find the one cookie, hash its
//! text, look it up, read the clock, compare two instants, store one.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, HeaderName, Request, StatusCode, header};
use papaya::HashMap;
use sha2::{Digest, Sha256};
use tower_layer::Layer;
use tower_service::Service;

const NAME: &str = "__Host-session";
const IDLE: u64 = 900_000;

/// SHA-256 of a token.
type Key = [u8; 32];

/// Last activity by hashed token, in the fastest of the concurrent maps.
#[derive(Clone)]
struct Sessions(Arc<Inner>);

struct Inner {
    map: HashMap<Key, AtomicU64, BuildHasherDefault<Hashed>>,
    started: Instant,
    logins: AtomicU64,
}

/// Keys are hashes already: their first bytes will do.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

impl Sessions {
    /// The whole check; the session's new deadline.
    fn check(&self, headers: &HeaderMap) -> Option<Deadline> {
        let key: Key = Sha256::digest(token(headers)?).into();
        let map = self.0.map.pin();
        let last = map.get(&key)?;
        let now = self.now();
        if now >= last.load(Ordering::Relaxed) + IDLE {
            return None;
        }
        last.store(now, Ordering::Relaxed);
        Some(Deadline(now + IDLE))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';');
    let value = pairs.find_map(|pair| pair.trim_start().strip_prefix(NAME))?;
    value.strip_prefix('=')
}

/// An axum router behind the check.
pub fn router() -> Router {
    let sessions = Sessions(Arc::new(Inner {
        map: HashMap::default(),
        started: Instant::now(),
        logins: AtomicU64::new(1),
    }));
    Router::new()
        .route("/", get(page))
        .layer(FloorLayer(sessions.clone()))
        .route("/login", get(login))
        .with_state(sessions)
}

async fn page(session: Option<Extension<Deadline>>) -> Result<&'static str, StatusCode> {
    session.map(|_| "ok").ok_or(StatusCode::UNAUTHORIZED)
}

async fn login(State(sessions): State<Sessions>) -> [(HeaderName, String); 1] {
    // As long as Dwell's.
    let token = format!("{:044}", sessions.0.logins.fetch_add(1, Ordering::Relaxed));
    let last = AtomicU64::new(sessions.now());
    let key: Key = Sha256::digest(&token).into();
    sessions.0.map.pin().insert(key, last);
    [(header::SET_COOKIE, format!("{NAME}={token}"))]
}

/// The one extension: until when the session goes on.
#[derive(Clone, Copy)]
struct Deadline(#[allow(dead_code, reason = "its presence is what counts")] u64);

/// The least possible layer around the check.
#[derive(Clone)]
struct FloorLayer(Sessions);

/// The service of [`FloorLayer`].
#[derive(Clone)]
struct Floor<S> {
    inner: S,
    sessions: Sessions,
}

impl<S> Layer<S> for FloorLayer {
    type Service = Floor<S>;

    fn layer(&self, inner: S) -> Floor<S> {
        Floor {
            inner,
            sessions: self.0.clone(),
        }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Floor<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some(deadline) = self.sessions.check(request.headers()) {
            request.extensions_mut().insert(deadline);
        }
        self.inner.call(request)
    }
}
