//! What is measured: something that answers requests, and that is known to do
//! its job.

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::traffic::{COOKIE, Kind, Traffic, request};

/// Sees the requests of a batch begin and end, and nothing beside them.
pub trait Meter {
    /// How many of the batch's requests are sent; the others are only made.
    fn sends(&self) -> usize {
        usize::MAX
    }

    /// All requests are made; the first one is about to be sent.
    fn start(&mut self);
    /// The last answer has been dropped.
    fn stop(&mut self);
}

/// Measures nothing: to warm up, and to be counted from outside.
pub struct Unmetered;

impl Meter for Unmetered {
    fn start(&mut self) {}
    fn stop(&mut self) {}
}

/// Something that answers requests.
pub trait Contender {
    /// Makes `requests` requests, then sends them one by one inside the meter
    /// and drops each answer.
    fn batch(&mut self, requests: usize, meter: &mut dyn Meter);

    /// Refuses to be measured when it does not work.
    fn check(&mut self) -> Result<(), String>;
}

/// What the measured route does about sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// There are none.
    None,
    /// Requests bring one, and the route does not look.
    Ignored,
    /// The route answers nobody without one.
    Required,
}

/// A tower service, called on a runtime of one thread.
pub struct Tower<S, B> {
    service: S,
    runtime: Runtime,
    traffic: Traffic,
    session: Session,
    body: std::marker::PhantomData<fn(B)>,
}

impl Tower<Router, Body> {
    /// A router as a server would have it: with its layers applied once, not
    /// for every request.
    pub fn axum(make: impl FnOnce() -> Router, session: Session, kind: Kind) -> Self {
        Self::new(|| make().with_state(()), session, kind)
    }
}

impl<S, B, R> Tower<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    B: Default,
{
    /// Sets it up on its runtime.
    pub fn new(make: impl FnOnce() -> S, session: Session, kind: Kind) -> Self {
        let runtime = runtime();
        let service = {
            let _context = runtime.enter();
            make()
        };
        let traffic = match session {
            Session::None => Traffic::new(kind).with_cookies(vec![COOKIE.to_owned()]),
            Session::Ignored | Session::Required => Traffic::new(kind),
        };
        Self {
            service,
            runtime,
            traffic,
            session,
            body: std::marker::PhantomData,
        }
    }

    /// With so many sessions, by as many logins at `/login`.
    pub fn logged_in(mut self, sessions: usize) -> Self {
        let cookies = (0..sessions).map(|_| self.log_in()).collect();
        self.with_cookies(cookies)
    }

    /// With sessions that exist already, by their cookies.
    pub fn with_cookies(mut self, cookies: Vec<String>) -> Self {
        self.traffic = self.traffic.with_cookies(cookies);
        self
    }

    /// From now on sends requests of this kind.
    pub fn set_kind(&mut self, kind: Kind) {
        self.traffic = std::mem::take(&mut self.traffic).with_kind(kind);
    }

    /// Sends one request.
    pub fn send(&mut self, request: Request<B>) -> Response<R> {
        self.runtime.block_on(send(&mut self.service, request))
    }

    /// Sends the next request.
    pub fn send_next(&mut self) -> Response<R> {
        let request = self.traffic.next();
        self.send(request)
    }

    /// The status of the answer to the next request.
    pub fn status(&mut self) -> StatusCode {
        self.send_next().status()
    }

    /// The answer's status to this cookie.
    pub fn status_of(&mut self, cookie: Option<&str>) -> StatusCode {
        self.send(request("/", cookie.map(str::to_owned))).status()
    }

    /// Logs in at `/login` and gives the cookie.
    pub fn log_in(&mut self) -> String {
        let response = self.send(request("/login", None));
        assert_eq!(response.status(), StatusCode::OK, "the login works");
        cookie_of(&response).expect("a login sets a cookie")
    }

    /// The service itself.
    pub fn into_service(self) -> S {
        self.service
    }
}

impl<S, B, R> Contender for Tower<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    B: Default,
{
    fn batch(&mut self, requests: usize, meter: &mut dyn Meter) {
        let made: Vec<Request<B>> = (0..requests).map(|_| self.traffic.next()).collect();
        let (send_now, unsent) = split(made, meter);
        let service = &mut self.service;
        self.runtime.block_on(async {
            meter.start();
            for request in send_now {
                drop(send(service, request).await);
            }
            meter.stop();
        });
        std::mem::forget(unsent);
    }

    fn check(&mut self) -> Result<(), String> {
        // More than once: what a first request changes must not harm a later.
        for _ in 0..3 {
            expect("with its session", self.status(), true)?;
        }
        if self.session != Session::Required {
            return Ok(());
        }
        expect("without a session", self.status_of(None), false)?;
        let stranger = self.traffic.cookie().map(|cookie| {
            let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
            let value: String = value.chars().rev().collect();
            format!("{name}={value}")
        });
        let status = self.status_of(stranger.as_deref());
        expect("with an unknown session", status, false)?;
        expect("with its session again", self.status(), true)
    }
}

/// The cookie that an answer sets, as `name=value`; one that it removes does
/// not count.
pub fn cookie_of<R>(response: &Response<R>) -> Option<String> {
    let all = response.headers().get_all(header::SET_COOKIE).iter();
    all.filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .find(|cookie| !cookie.ends_with('='))
        .map(str::to_owned)
}

/// Those that the meter wants sent, and those that are to be forgotten: not
/// dropped, which would count.
pub fn split<R>(mut made: Vec<R>, meter: &dyn Meter) -> (Vec<R>, Vec<R>) {
    let unsent = made.split_off(made.len().min(meter.sends()));
    (made, unsent)
}

/// That a request was answered, or that it was not.
pub fn expect(what: &str, status: StatusCode, good: bool) -> Result<(), String> {
    if (status == StatusCode::OK) == good {
        return Ok(());
    }
    Err(format!("a request {what} was answered {status}"))
}

/// That a request moves a session's expiry where it is to slide, and only
/// there.
pub fn check_sliding<T: PartialOrd + std::fmt::Debug>(
    app: &mut Tower<Router, Body>,
    slides: bool,
    expiry: impl Fn() -> Option<T>,
) -> Result<(), String> {
    let before = expiry();
    expect("with its session", app.status(), true)?;
    let after = expiry();
    if before.is_none() || (after > before) != slides {
        return Err(format!(
            "always_save {slides}, but {before:?} and {after:?}"
        ));
    }
    Ok(())
}

async fn send<S, B, R>(service: &mut S, request: Request<B>) -> Response<R>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
{
    let ready = std::future::poll_fn(|cx| service.poll_ready(cx)).await;
    ready.expect("no service of ours fails");
    let response = service.call(request).await;
    response.expect("no service of ours fails")
}

/// A runtime of one thread.
pub fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts")
}

/// The value of a future that waits for nothing.
pub fn at_once<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits for something"),
    }
}

/// Runs a future on a runtime of its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}
