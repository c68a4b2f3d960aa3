//! What is measured: a router behind a session layer, and a request that is
//! logged in.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, StatusCode, header};
use std::net::SocketAddr;
use tower::ServiceExt;
use tower_service::Service;

use crate::contenders;

/// A router and the cookie of its session.
pub struct Contender {
    /// The router, layered.
    pub router: Router,
    /// The session cookie, where there is a session.
    pub cookie: Option<String>,
}

/// A contender's name, what it is set up to do, and how it is made.
pub struct Entry {
    /// Its row.
    pub name: &'static str,
    /// Its set-up, in words.
    pub about: &'static str,
    /// Makes it, logging in through its own interface.
    pub make: fn() -> Contender,
}

/// Every row, in order.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "bare",
        about: "an axum router and nothing else",
        make: contenders::floor::bare,
    },
    Entry {
        name: "no-op",
        about: "a layer that does nothing",
        make: contenders::floor::noop,
    },
    Entry {
        name: "floor",
        about: "find the cookie, SHA-256, concurrent map, clock, compare, store, one extension",
        make: contenders::floor::floor,
    },
    Entry {
        name: "dwell",
        about: "the full stack: cookie, 100 networks, activity, idle, step-up, Session-Timeout",
        make: contenders::dwell::full,
    },
    Entry {
        name: "dwell-touch",
        about: "the same, with a touch recorded by every request",
        make: contenders::dwell::touching,
    },
    Entry {
        name: "tower-sessions",
        about: "MemoryStore, OnInactivity, the handler reads the session",
        make: contenders::tower_sessions::reading,
    },
    Entry {
        name: "tower-sessions-save",
        about: "the same with always_save: the idle timeout slides",
        make: contenders::tower_sessions::saving,
    },
    Entry {
        name: "session-guard",
        about: "MemoryStore, defaults, the handler extracts the session",
        make: contenders::session_guard::guard,
    },
];

impl Contender {
    /// Logs in at `/login` and keeps the cookie.
    pub fn log_in(router: Router) -> Self {
        let mut router = served(router);
        let request = request("/login", None);
        let response = block_on(async { router.as_service::<Body>().oneshot(request).await });
        let response = response.unwrap_or_else(|e| match e {});
        assert_eq!(response.status(), StatusCode::OK, "the login works");
        let cookie = response.headers()[header::SET_COOKIE].to_str();
        let cookie = cookie.expect("a cookie is ASCII").split(';').next();
        Self {
            router,
            cookie: cookie.map(str::to_owned),
        }
    }

    /// The measured request.
    pub fn request(&self) -> Request<Body> {
        request("/", self.cookie.as_deref())
    }

    /// Sends one request and drops the answer.
    pub async fn send(&mut self, request: Request<Body>) -> Response<Body> {
        let service = &mut self.router;
        let ready = std::future::poll_fn(|cx| Service::<Request<Body>>::poll_ready(service, cx));
        ready.await.unwrap_or_else(|e| match e {});
        let response = Service::call(service, request).await;
        response.unwrap_or_else(|e| match e {})
    }

    /// Refuses to measure what does not work: the request is answered 200,
    /// and without its cookie it is not, where there is a session.
    pub async fn check(&mut self) {
        let good = self.request();
        assert_eq!(self.send(good).await.status(), StatusCode::OK);
        if self.cookie.is_some() {
            let bad = request("/", Some("__Host-session=nobody"));
            assert_ne!(self.send(bad).await.status(), StatusCode::OK);
        }
    }
}

/// The router as a server would have it: with its layers applied once, not
/// for every request.
pub fn served(router: Router) -> Router {
    router.with_state(())
}

fn request(path: &str, cookie: Option<&str>) -> Request<Body> {
    let peer = SocketAddr::from(([10, 50, 1, 1], 40_000));
    let mut request = Request::builder()
        .uri(path)
        .header(header::HOST, "bank.example")
        .header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64)")
        .header("sec-fetch-site", "same-origin")
        .extension(ConnectInfo(peer));
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    request.body(Body::empty()).expect("a good request")
}

/// Runs a future on a runtime of one thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime starts").block_on(future)
}
