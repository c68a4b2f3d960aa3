//! The least that a session check has to do: find the one cookie, hash its
//! text, look it up, read the clock, compare two instants, store one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Extensions, HeaderMap, Request, StatusCode, header};
use sha2::{Digest, Sha256};
use tower_layer::Layer;
use tower_service::Service;

use super::maps::{Key, Map, Papaya};
use crate::contender::{Contender, Meter};
use crate::traffic::{Kind, Traffic};

/// The fastest of the maps; the loops over each show it.
pub type Fastest = Papaya;

const NAME: &str = "__Host-session";
const IDLE: u64 = 900_000;

/// Sessions in a map, and the clock that judges them.
pub struct Sessions<M> {
    map: M,
    started: Instant,
}

impl<M: Map> Default for Sessions<M> {
    fn default() -> Self {
        Self {
            map: M::default(),
            started: Instant::now(),
        }
    }
}

impl<M: Map> Sessions<M> {
    /// With so many sessions.
    pub fn filled(count: u64) -> Self {
        let this = Self::default();
        for n in 0..count {
            this.map.insert(key(&token_of(n)), this.now());
        }
        this
    }

    /// The whole check; the session's new deadline.
    pub fn check(&self, headers: &HeaderMap) -> Option<u64> {
        let token = token(headers)?;
        self.map.read(&key(token), |last| {
            let now = self.now();
            let expired = now >= last.load(Ordering::Relaxed) + IDLE;
            if !expired {
                last.store(now, Ordering::Relaxed);
            }
            (!expired).then_some(now + IDLE)
        })?
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';');
    let value = pairs.find_map(|pair| pair.trim_start().strip_prefix(NAME))?;
    value.strip_prefix('=')
}

fn key(token: &str) -> Key {
    Sha256::digest(token).into()
}

/// A token as long as Dwell's.
pub fn token_of(n: u64) -> String {
    format!("{n:044}")
}

/// The cookie that carries a token.
pub fn cookie_of(token: &str) -> String {
    format!("{NAME}={token}")
}

/// The check in a loop: no service, no router.
pub struct Loop<M> {
    sessions: Sessions<M>,
    traffic: Traffic,
}

impl<M: Map> Loop<M> {
    /// Over so many sessions, of which requests come with `shown`.
    pub fn over(sessions: Sessions<M>, count: u64, shown: u64) -> Self {
        let step = (count / shown.max(1)).max(1);
        let cookies = (0..shown.min(count)).map(|n| cookie_of(&token_of(n * step)));
        Self {
            sessions,
            traffic: Traffic::new(Kind::default()).with_cookies(cookies.collect()),
        }
    }

    /// Over the one session.
    pub fn boxed() -> Box<dyn Contender> {
        Box::new(Self::over(Sessions::filled(1), 1, 1))
    }
}

impl<M: Map> Contender for Loop<M> {
    fn batch(&mut self, requests: usize, meter: &mut dyn Meter) {
        let made: Vec<Request<Body>> = (0..requests).map(|_| self.traffic.next()).collect();
        meter.start();
        for request in made.iter().take(meter.sends()) {
            std::hint::black_box(self.sessions.check(request.headers()));
        }
        meter.stop();
    }

    fn check(&mut self) -> Result<(), String> {
        let request: Request<Body> = self.traffic.next();
        let found = self.sessions.check(request.headers());
        found.ok_or("a session is not found in its map")?;
        let stranger = crate::traffic::request::<Body>("/", Some(cookie_of("nobody")));
        match self.sessions.check(stranger.headers()) {
            None => Ok(()),
            Some(_) => Err("an unknown session is found".to_owned()),
        }
    }
}

/// An axum router behind the floor layer.
pub fn router() -> Router {
    Router::new()
        .route("/", get(page))
        .layer(FloorLayer(sessions_with_login()))
        .route("/login", get(login))
}

async fn page(session: Option<axum::Extension<Deadline>>) -> Result<&'static str, StatusCode> {
    session.map(|_| "ok").ok_or(StatusCode::UNAUTHORIZED)
}

async fn login() -> [(header::HeaderName, String); 1] {
    [(header::SET_COOKIE, cookie_of(&token_of(1)))]
}

/// The map with the session that `/login` gives.
pub fn sessions_with_login() -> Arc<Sessions<Fastest>> {
    Arc::new(Sessions::filled(2))
}

/// The one extension: until when the session goes on.
#[derive(Clone, Copy)]
pub struct Deadline(#[allow(dead_code, reason = "its presence is what counts")] u64);

impl Deadline {
    /// Whether the floor layer found a session.
    pub fn is_in(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some()
    }
}

/// The least possible layer around the check.
#[derive(Clone)]
pub struct FloorLayer(pub Arc<Sessions<Fastest>>);

/// The service of [`FloorLayer`].
#[derive(Clone)]
pub struct Floor<S> {
    inner: S,
    sessions: Arc<Sessions<Fastest>>,
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
            request.extensions_mut().insert(Deadline(deadline));
        }
        self.inner.call(request)
    }
}
