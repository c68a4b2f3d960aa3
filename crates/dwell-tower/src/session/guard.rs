//! The end of a request: its touch, its store writes, and what goes back with
//! the answer.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use dwell_core::{Deadlines, DueTouch, Outcome, SessionState, Settlement, Timestamp};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use tokio::time::Instant;

use super::cache::is_kept_by_default;
use super::context::Context;
use super::find::report_unavailable;
use super::source::{Field, GiveBack, SourceFuture};
use crate::grpc::{http_status, is_grpc};
use crate::head::reads;
use crate::open::Drain;
use crate::task::spawn;
use crate::timer::timer_now;

/// Hands over a request's touch exactly once: when the answer is there, or when
/// the client leaves before.
#[derive(Clone)]
pub(super) struct Guard {
    state: SessionState,
    armed: bool,
    /// When the service was first pending, if it was: then the answer took time,
    /// and less time is left than at arrival.
    waits_since: Option<Instant>,
    /// The arrival by this machine's clock, if the store's can't be read without
    /// waiting.
    arrival: Option<Timestamp>,
    /// Whether the method was `CONNECT`.
    connect: bool,
    /// Whether the method was `GET` or `HEAD`, whose answers caches may keep.
    reads: bool,
    safe: bool,
    /// Whether it is a call of gRPC.
    grpc: bool,
    /// Whether the client speaks HTTP/1.0, which can't tell a part of an answer from
    /// the whole.
    pub(super) http10: bool,
    /// How the request's body is read on if it is refused.
    pub(super) drain: Drain,
    /// Whether personal answers get `no-store`.
    no_store: bool,
}

/// What a settled request's answer carries.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) deadlines: Option<Deadlines>,
    pub(super) fields: Vec<Field>,
}

impl Guard {
    #[inline]
    pub(super) fn new<B: Body>(
        state: SessionState,
        context: &Context,
        request: &Request<B>,
    ) -> Self {
        let method = request.method();
        Self {
            state,
            armed: true,
            waits_since: None,
            arrival: context.arrival(),
            no_store: context.no_store,
            connect: *method == Method::CONNECT,
            reads: reads(method),
            safe: method.is_safe(),
            grpc: *method == Method::POST && is_grpc(request.headers()),
            http10: request.version() == Version::HTTP_10,
            drain: match request.body().is_end_stream() {
                true => Drain::default(),
                false => Drain::of(request.version(), request.headers()),
            },
        }
    }

    pub(super) const fn state(&self) -> &SessionState {
        &self.state
    }

    /// Whether the answer depends on the session, so that it gets `no-store` if its
    /// handler does not say otherwise.
    #[inline]
    pub(super) fn is_personal(&self) -> bool {
        self.no_store && self.state.is_personal()
    }

    /// Whether caches may keep an answer with this status without its saying so.
    #[inline]
    pub(super) fn is_kept_by_default(&self, status: StatusCode) -> bool {
        self.reads && is_kept_by_default(status)
    }

    /// Whether the answer hands the connection over (RFC 9110 §9.3.6, §15.2.2).
    #[inline]
    pub(super) fn is_upgrade(&self, status: StatusCode) -> bool {
        status == StatusCode::SWITCHING_PROTOCOLS || (self.connect && status.is_success())
    }

    /// Polls the inner service, disarmed meanwhile: a request that panics is no
    /// activity, also if an outer layer catches the panic.
    #[inline]
    pub(super) fn watch<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        self.armed = false;
        let polled = poll();
        self.armed = polled.is_pending();
        if self.armed {
            self.waits_since.get_or_insert_with(timer_now);
        }
        polled
    }

    /// Settles the request: hands over the touch that it earned, and asks the
    /// source what goes back. Returns `Err` if the store or the source must be
    /// written to first.
    pub(super) fn settle<B>(&mut self, response: &Response<B>) -> Result<Settled, Settling> {
        self.armed = false;
        self.hold();
        let grpc = self.grpc.then(|| http_status(response.headers())).flatten();
        let status = grpc.unwrap_or_else(|| response.status());
        let outcome = Outcome::Answered(status.as_u16());
        let touch = match self.state.settle(outcome) {
            Settlement::Nothing => None,
            Settlement::Touch(touch) => Some(touch),
            Settlement::StoreWrites => {
                let guard = self.while_waiting();
                return Err(Settling::new(self, guard.commit(outcome, status)));
            }
        };
        self.record(touch);
        let (deadlines, fields) = self.give_back(touch, status);
        match fields.into_ready() {
            Ok(fields) => Ok(Settled {
                deadlines,
                fields: given(fields),
            }),
            Err(fields) => Err(Settling::new(self, async move {
                let fields = given(fields.await);
                Settled { deadlines, fields }
            })),
        }
    }

    /// Performs the store writes, then settles the rest.
    async fn commit(self, outcome: Outcome, status: StatusCode) -> Settled {
        let touch = match self.state.commit(outcome).await {
            Ok(touch) => touch,
            // The verdict stands. The next request or the reaper repeats the
            // write.
            Err(error) => {
                report_unavailable(self.state.manager(), &error);
                None
            }
        };
        self.record(touch);
        let (deadlines, fields) = self.give_back(touch, status);
        Settled {
            deadlines,
            fields: given(fields.await),
        }
    }

    /// Returns the deadlines after the request, and what goes back with its
    /// answer.
    fn give_back(
        &self,
        touch: Option<DueTouch>,
        status: StatusCode,
    ) -> (Option<Deadlines>, SourceFuture<'static, Vec<Field>>) {
        let state = &self.state;
        let Some(context) = Context::of(state) else {
            return (None, SourceFuture::ready(Ok(Vec::new())));
        };
        let waited = self.waits_since;
        let now = waited.and_then(|_| context.now(state, self.arrival));
        let deadlines = state.closing_deadlines(touch.as_ref(), now);
        if state.has_touched()
            && let Some(session) = state.found()
        {
            context.open.touched(session.record.key);
        }
        let fields = context.source.give_back(&GiveBack {
            state,
            touch: touch.as_ref(),
            deadlines: deadlines.as_ref(),
            now,
            status,
        });
        (deadlines, fields)
    }

    /// Returns the guard of an answer that waits. No touch is left to hand over.
    fn while_waiting(&self) -> Self {
        Self {
            state: self.state.clone(),
            armed: false,
            waits_since: self.waits_since.or_else(|| Some(timer_now())),
            ..*self
        }
    }

    /// Whether the method promises to change nothing (RFC 9110 §9.2.1), so that the
    /// request can be stopped anywhere.
    pub(super) const fn is_safe(&self) -> bool {
        self.safe
    }

    /// Records the touch that the request has earned by now, without waiting for a
    /// look-up that carries it. Returns how long that keeps the session, if the
    /// request holds it.
    pub(super) fn touch_in_flight(&self) -> Option<Duration> {
        let left = self.hold();
        if let Some(touch) = self.state.touch_due(Outcome::Disconnected)
            && let Some(context) = Context::of(&self.state)
        {
            context.touches.record(touch, &self.state, || None);
        }
        left
    }

    /// Lets the request hold its session, if it waits and its policy says so.
    fn hold(&self) -> Option<Duration> {
        let since = self.waits_since?;
        self.state.hold(timer_now() - since)
    }

    fn record(&self, touch: Option<DueTouch>) {
        if let Some(touch) = touch
            && let Some(context) = Context::of(&self.state)
        {
            context.record(touch, &self.state, self.arrival);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A request that panics is no activity.
        if self.armed && !std::thread::panicking() {
            self.record(self.state.touch_due(Outcome::Disconnected));
        }
    }
}

/// Returns no fields if the source failed: the answer still goes out.
fn given(fields: Result<Vec<Field>, super::source::SourceError>) -> Vec<Field> {
    fields.unwrap_or_else(|error| {
        crate::log::error(
            "session source failed after a request; the answer was sent without the token",
            Some(&crate::log::Causes(&error)),
        );
        Vec::new()
    })
}

/// A request that is being settled. The work continues if the client leaves: the
/// store may have ended the session, and only this node would report the end.
pub(super) struct Settling {
    work: Option<Pin<Box<dyn Future<Output = Settled> + Send>>>,
    guard: Guard,
}

impl Settling {
    fn new(guard: &Guard, work: impl Future<Output = Settled> + Send + 'static) -> Self {
        Self {
            work: Some(Box::pin(work)),
            guard: guard.while_waiting(),
        }
    }

    pub(super) const fn guard(&self) -> &Guard {
        &self.guard
    }

    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<Settled> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let settled = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(settled)
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            spawn(Box::pin(async move { drop(work.await) }));
        }
    }
}
