//! Bodies that take no time to send pass unchanged, without timer and runtime.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use dwell_core::{ManualClock, PolicySet, SessionManager, Timeouts, Token, hours, minutes};
use dwell_core::{NewSession, Resolved, SessionState};
use dwell_memory::MemoryStore;
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::open::SessionBody;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::get;

/// A body of ready frames.
#[derive(Clone, Debug, Default)]
struct Frames {
    left: Vec<Part>,
    hint: SizeHint,
    /// Whether it reports its end as soon as it is reached.
    knows_its_end: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl Frames {
    fn of(left: impl IntoIterator<Item = Part>) -> Self {
        let mut left: Vec<_> = left.into_iter().collect();
        left.reverse();
        Self {
            left,
            ..Self::default()
        }
    }

    fn with_exact(mut self, length: u64) -> Self {
        self.hint = SizeHint::with_exact(length);
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.left.pop().map(|part| {
            Ok(match part {
                Part::Data(data) => Frame::data(data),
                Part::Trailers(trailers) => Frame::trailers(trailers),
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Runs a future that never waits, without a runtime.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn sign_in(manager: &SessionManager) -> Token {
    let policies = manager.policies().current();
    let request = SessionState::new(manager.clone(), policies, Resolved::Nothing);
    at_once(request.start(NewSession::new("alice"))).unwrap()
}

/// Sends a body as a handler's answer in a session.
fn answered(body: Frames) -> SessionBody<Frames> {
    let store = MemoryStore::with_clock(ManualClock::new());
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })
    .unwrap();
    let manager = SessionManager::builder(store, policies).build();
    let stack = SessionTimeoutLayer::new(&manager).without_reaper();
    let service = stack.layer(service_fn(move |_: Request<_>| {
        let mut answer = Response::new(body.clone());
        let no_store = HeaderValue::from_static("no-store");
        answer.headers_mut().insert("cache-control", no_store);
        std::future::ready(Ok::<_, Infallible>(answer))
    }));
    let token = sign_in(&manager);
    let answer = at_once(service.oneshot(get("/", Some(&token)))).unwrap();
    assert!(
        answer.headers().contains_key("session-timeout"),
        "in a session"
    );
    answer.into_body()
}

fn data(text: &'static str) -> Part {
    Part::Data(text.into())
}

fn trailers() -> Part {
    let mut trailers = HeaderMap::new();
    trailers.insert("digest", HeaderValue::from_static("abc"));
    Part::Trailers(trailers)
}

/// Returns every frame, with the body's hints before each and at the end.
fn watched<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Vec<(Option<Part>, bool, String)>
where
    B::Error: std::fmt::Debug,
{
    let mut seen = Vec::new();
    loop {
        let (over, hint) = (body.is_end_stream(), format!("{:?}", body.size_hint()));
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(&mut cx) else {
            panic!("it waits");
        };
        let part = frame.map(|frame| match frame.unwrap().into_data() {
            Ok(data) => Part::Data(data),
            Err(other) => Part::Trailers(other.into_trailers().unwrap()),
        });
        let done = part.is_none();
        seen.push((part, over, hint));
        if done {
            return seen;
        }
    }
}

#[test]
fn short_empty_and_finished_bodies_pass_unchanged() {
    let finished = Frames {
        knows_its_end: true,
        ..Frames::default()
    };
    let mut says_so = Frames::of([data("a"), data("b"), trailers()]).with_exact(2);
    says_so.knows_its_end = true;
    let nothing = watched(answered(Frames::of([]).with_exact(0)));
    let hint = format!("{:?}", SizeHint::with_exact(0));
    assert_eq!(nothing, [(None, true, hint)], "its end is known now");
    for body in [
        finished,
        Frames::of([data("served")]).with_exact(6),
        Frames::of([data("a"), data(""), data("b"), trailers()]).with_exact(2),
        says_so,
        Frames::of([data("as long as a short one may be")]).with_exact(64 * 1_024),
    ] {
        assert_eq!(watched(answered(body.clone())), watched(body));
    }
}

#[test]
fn long_body_in_few_ready_frames_needs_no_timer() {
    let parts = || (0..14).map(|_| data("some")).chain([trailers()]);
    for body in [
        Frames::of(parts()),
        Frames::of(parts()).with_exact(1_000_000),
        Frames::of([data("whole")]).with_exact(64 * 1_024 + 1),
    ] {
        let (frames, plain) = (watched(answered(body.clone())), watched(body));
        assert_eq!(frames, plain);
    }
}

#[test]
fn refusal_is_body_of_its_length() {
    let store = MemoryStore::with_clock(ManualClock::new());
    let policies = PolicySet::simple(Timeouts {
        idle: minutes(15),
        absolute: hours(8),
    })
    .unwrap();
    let manager = SessionManager::builder(store, policies).build();
    let stack = SessionTimeoutLayer::new(&manager).without_reaper();
    let stack = stack.with_requirement(dwell_tower::idle::SessionRequirement::Required);
    let service = stack.layer(service_fn(async |_: Request<_>| {
        Ok::<_, Infallible>(Response::new(Frames::default()))
    }));
    let refused = at_once(service.oneshot(get("/", None))).unwrap();
    assert_eq!(refused.status(), 401);
    let body = refused.into_body();
    let length = body.size_hint().exact().unwrap();
    let frames = watched(body);
    let [(Some(Part::Data(text)), false, _), (None, true, none)] = &frames[..] else {
        panic!("{frames:?}");
    };
    assert_eq!(text.len() as u64, length);
    assert_eq!(*none, format!("{:?}", SizeHint::with_exact(0)));
}
