//! An application as it is measured: called as axum's server calls it, on a
//! runtime of one thread.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::row::Row;
use crate::traffic::{self, COOKIE, Kind, client};

/// Requests that [`to_be_counted`] sends at last.
pub const COUNTED_REQUESTS: usize = 1_000;

/// An application with its sessions.
pub struct App {
    router: Router,
    runtime: Runtime,
    cookies: Vec<String>,
    kind: Kind,
    next: usize,
    has_sessions: bool,
}

impl App {
    /// Sets it up on its runtime; logged in, where it has sessions.
    ///
    /// # Errors
    /// When a login fails.
    pub fn of(row: &Row) -> Result<Self, String> {
        let mut app = Self::new(row.make);
        app.kind = row.kind;
        app.has_sessions = row.has_sessions;
        app.cookies = match row.has_sessions {
            true => vec![app.log_in("subject1")?],
            false => vec![COOKIE.to_owned()],
        };
        Ok(app)
    }

    /// Sets up a router that has sessions, without logging in.
    pub fn new(make: impl FnOnce() -> Router) -> Self {
        let runtime = runtime();
        let router = {
            let _context = runtime.enter();
            // A server has the layers applied once, not for every request.
            make().with_state(())
        };
        Self {
            router,
            runtime,
            cookies: Vec::new(),
            kind: Kind::BROWSER,
            next: 0,
            has_sessions: true,
        }
    }

    /// Sends requests with these sessions in turn.
    #[must_use]
    pub fn with_cookies(self, cookies: Vec<String>) -> Self {
        Self { cookies, ..self }
    }

    /// Logs a subject in; the session's cookie, as `name=value`.
    ///
    /// # Errors
    /// When the login fails.
    pub fn log_in(&mut self, subject: &str) -> Result<String, String> {
        let path = format!("/login?{subject}");
        let answer = self.send(traffic::request(&path, None, Kind::BROWSER));
        let cookie = cookie_of(&answer).filter(|_| answer.status() == StatusCode::OK);
        cookie.ok_or_else(|| format!("a login was answered {}", answer.status()))
    }

    /// Sends so many requests, which are made before; how long the answers
    /// took, until each was dropped.
    pub fn batch(&mut self, requests: usize) -> Duration {
        let made: Vec<Request<Body>> = (0..requests).map(|_| self.request()).collect();
        self.send_all(made)
    }

    /// What is timed, and what callgrind counts by this function's name.
    #[inline(never)]
    fn send_all(&mut self, requests: Vec<Request<Body>>) -> Duration {
        let router = &mut self.router;
        self.runtime.block_on(async {
            let started = Instant::now();
            for request in requests {
                drop(answer(router, request).await);
            }
            started.elapsed()
        })
    }

    fn send(&mut self, request: Request<Body>) -> Response<Body> {
        self.runtime.block_on(answer(&mut self.router, request))
    }

    /// The next request.
    fn request(&mut self) -> Request<Body> {
        // A stride that shares no factor with any power of ten, so that
        // neighbours in the store are not neighbours in time.
        const STRIDE: usize = 7_919;
        self.next = self.next.wrapping_add(STRIDE);
        let session = match self.cookies.len() {
            0 => None,
            many => self.cookies.get(self.next % many),
        };
        traffic::request("/", session.map(String::as_str), self.kind)
    }

    /// That requests with their sessions are answered, and no others.
    ///
    /// # Errors
    /// When it is not so.
    pub fn check(&mut self) -> Result<(), String> {
        // More than once: what a first request changes must not harm a later.
        for _ in 0..3 {
            let request = self.request();
            self.expect("with its session", request, true)?;
        }
        if !self.has_sessions {
            return Ok(());
        }
        let unknown = self.cookies.first().map(|cookie| {
            let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
            let value: String = value.chars().rev().collect();
            format!("{name}={value}")
        });
        let of = |cookie: Option<&str>| traffic::request("/", cookie, Kind::BROWSER);
        self.expect("without a session", of(None), false)?;
        self.expect("with an unknown session", of(unknown.as_deref()), false)?;
        let request = self.request();
        self.expect("with its session again", request, true)
    }

    fn expect(&mut self, what: &str, request: Request<Body>, good: bool) -> Result<(), String> {
        let status = self.send(request).status();
        match (status == StatusCode::OK) == good {
            true => Ok(()),
            false => Err(format!("a request {what} was answered {status}")),
        }
    }
}

/// What the child process does that callgrind counts.
///
/// # Errors
/// When the application does not do its job.
pub fn to_be_counted(row: &Row) -> Result<(), String> {
    let mut app = App::of(row)?;
    app.check()?;
    // What is allocated once is allocated now.
    app.batch(100);
    app.batch(COUNTED_REQUESTS);
    Ok(())
}

/// As axum's server does it: with the client's address put in first.
pub async fn answer(router: &mut Router, mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().insert(client());
    let answer =
        match std::future::poll_fn(|cx| Service::<Request<Body>>::poll_ready(router, cx)).await {
            Ok(()) => router.call(request).await,
            Err(never) => match never {},
        };
    answer.unwrap_or_else(|never| match never {})
}

/// The cookie that an answer sets, as `name=value`; one that it removes does
/// not count.
pub fn cookie_of<R>(response: &Response<R>) -> Option<String> {
    let all = response.headers().get_all(header::SET_COOKIE).iter();
    all.filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .find(|cookie| !cookie.ends_with('='))
        .map(str::to_owned)
}

/// A runtime of one thread.
///
/// # Panics
/// When the system has no more to give.
pub fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts")
}
