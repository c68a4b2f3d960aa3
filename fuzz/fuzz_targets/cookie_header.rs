//! No cookie header opens a session without its token, and none hides a token
//! that comes first.
#![no_main]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use dwell_core::{NewSession, PolicySet, SessionManager, SessionState, Timeouts, hours, minutes};
use dwell_memory::MemoryStore;
use dwell_tower::open::{BodyFactory, SessionBoundBody};
use dwell_tower::{SessionTimeout, SessionTimeoutLayer};
use http::{HeaderValue, Request, Response, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use tower_layer::Layer;
use tower_service::Service;

/// Answers 200 to requests with a session, 204 to those without.
#[derive(Clone)]
struct Inner;

impl Service<Request<String>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let state = request.extensions().get::<SessionState>();
        let state = state.expect("the session layer ran");
        if request.uri().path() == "/login" {
            let _ = now(state.start(NewSession::new("alice")));
        }
        let mut response = Response::new(String::new());
        if state.subject().is_none() {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        ready(Ok(response))
    }
}

/// Bodies that are complete at once.
struct Whole;

impl BodyFactory<String> for Whole {
    type Body = String;

    fn own(bytes: Bytes) -> String {
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn pass(body: String) -> String {
        body
    }

    fn bind(_: SessionBoundBody<String>) -> String {
        unreachable!("every body is empty")
    }
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}

fn app() -> &'static (SessionTimeout<Inner, Whole>, String) {
    static APP: OnceLock<(SessionTimeout<Inner, Whole>, String)> = OnceLock::new();
    APP.get_or_init(|| {
        let policies = PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .expect("a good policy");
        let manager = SessionManager::builder(MemoryStore::new(), policies).build();
        let app = SessionTimeoutLayer::new(&manager)
            .with_body_factory()
            .without_reaper()
            .layer(Inner);
        let answer = send(&app, "/login", None);
        let cookie = answer.headers()[header::SET_COOKIE]
            .to_str()
            .expect("ASCII");
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        (app, cookie)
    })
}

fn send(
    app: &SessionTimeout<Inner, Whole>,
    path: &str,
    cookie: Option<HeaderValue>,
) -> Response<String> {
    let mut request = Request::builder().uri(path);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let request = request.body(String::new()).expect("a good request");
    now(app.clone().call(request)).expect("infallible")
}

/// The characters of a token that find its session, but do not open it.
const SELECTOR: usize = 22;

fuzz_target!(|data: &[u8]| {
    let (app, good) = app();
    let token = good.split_once('=').expect("a pair").1;
    // The fuzzer learns the token by observing comparisons. Its first half is
    // enough to end the session, as a superseded token is. That is intended.
    let selector = &token.as_bytes()[..SELECTOR];
    if data.windows(SELECTOR).any(|w| w == selector) {
        return;
    }
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let answer = send(app, "/", Some(value));
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    let mut after = format!("{good}; ").into_bytes();
    after.extend_from_slice(data);
    // A header that is not ASCII text is no cookie header.
    if data.is_ascii()
        && let Ok(value) = HeaderValue::from_bytes(&after)
    {
        let answer = send(app, "/", Some(value));
        assert_eq!(answer.status(), StatusCode::OK);
    }
});
