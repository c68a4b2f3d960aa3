//! The states of a request on its way through the session layer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use dwell_core::store::StoreError;
use dwell_core::{Outcome, SessionHandle, Settlement, Timestamp, Touch};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::commit::write_headers;
use super::layer::SessionLayer;
use super::resolve::report_unavailable;
use crate::gate::RequestHead;
use crate::rejection::{Refusal, miswired};
use crate::shared::Shared;

/// A look-up that has to be waited for.
pub(super) type Finding = Pin<Box<dyn Future<Output = Result<SessionHandle, StoreError>> + Send>>;
type Chores = Pin<Box<dyn Future<Output = Result<Option<Touch>, StoreError>> + Send>>;

pin_project! {
    /// The answer of a [`SessionService`](super::SessionService).
    pub struct SessionFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F, R> {
        /// Waiting for the store.
        Finding { waiting: Box<Waiting<S, B>> },
        /// Waiting for the inner service.
        Calling {
            #[pin]
            future: F,
            guard: Guard,
        },
        /// Refused by the stack's gate.
        Refused {
            response: Option<Box<Response<Bytes>>>,
            guard: Guard,
        },
        /// The answer is there; the store must hear of something first.
        Committing {
            committing: Committing,
            response: Option<Box<R>>,
        },
        /// Refused before the inner service was called.
        Answered { response: Option<Box<Response<Bytes>>> },
    }
}

impl<S, B> SessionFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn finding(
        found: Finding,
        inner: S,
        request: Request<B>,
        layer: Arc<SessionLayer>,
    ) -> Self {
        let waiting = Box::new(Waiting {
            found,
            inner,
            request: Some(request),
            layer,
        });
        Self {
            state: State::Finding { waiting },
        }
    }

    /// Puts the handle into the request, asks the stack's gate, and calls the
    /// inner service, or answers in its place.
    pub(super) fn go_on(
        inner: &mut S,
        handle: SessionHandle,
        mut request: Request<B>,
        layer: &Arc<SessionLayer>,
    ) -> Self {
        request.extensions_mut().insert(handle.clone());
        let refusal = layer.gate().and_then(|gate| {
            let admitted = gate.admit(&handle, &RequestHead::of(&request));
            admitted.err()
        });
        let guard = Guard {
            handle,
            layer: Arc::clone(layer),
            armed: true,
            waited: false,
            arrival: layer.arrival(),
        };
        let state = match refusal {
            None => State::Calling {
                future: inner.call(request),
                guard,
            },
            Some(refusal) => {
                let (parts, _) = request.into_parts();
                let response = Shared::reject(None, refusal, &parts);
                State::Refused {
                    response: Some(Box::new(response)),
                    guard,
                }
            }
        };
        Self { state }
    }

    pub(super) fn answered(response: Response<Bytes>) -> Self {
        let response = Some(Box::new(response));
        Self {
            state: State::Answered { response },
        }
    }
}

impl<S, B, ResBody> Future for SessionFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Finding { waiting } => {
                    let found = ready!(waiting.found.as_mut().poll(cx));
                    let Some(request) = waiting.request.take() else {
                        return Poll::Pending;
                    };
                    match found {
                        Ok(handle) => {
                            let (inner, layer) = (&mut waiting.inner, &waiting.layer);
                            SessionFuture::go_on(inner, handle, request, layer).state
                        }
                        Err(error) => {
                            report_unavailable(waiting.layer.manager(), &error);
                            let refusal = Refusal::StoreUnavailable;
                            let response = waiting.layer.refuse(refusal, request);
                            SessionFuture::<S, B>::answered(response).state
                        }
                    }
                }
                StateProj::Calling { future, guard } => {
                    // Disarmed meanwhile: a panic is nobody's activity, also
                    // when an outer layer catches it.
                    guard.armed = false;
                    let polled = future.poll(cx);
                    guard.armed = polled.is_pending();
                    guard.waited |= polled.is_pending();
                    let mut response = match ready!(polled) {
                        Ok(response) => response,
                        Err(error) => return Poll::Ready(Err(error)),
                    };
                    match guard.finish(&mut response) {
                        None => return Poll::Ready(Ok(response)),
                        Some(chores) => guard.wait_for(chores, response),
                    }
                }
                StateProj::Refused { response, guard } => {
                    let Some(response) = response.take() else {
                        return Poll::Pending;
                    };
                    let mut response = response.map(ResBody::from);
                    match guard.finish(&mut response) {
                        None => return Poll::Ready(Ok(response)),
                        Some(chores) => guard.wait_for(chores, response),
                    }
                }
                StateProj::Committing {
                    committing,
                    response,
                } => {
                    let Some(chores) = &mut committing.chores else {
                        return Poll::Pending;
                    };
                    let done = ready!(chores.as_mut().poll(cx));
                    committing.chores = None;
                    let guard = &committing.guard;
                    let touch = match done {
                        Ok(touch) => touch,
                        // The verdict stands; the next request or the reaper
                        // finds again what could not be written.
                        Err(error) => {
                            report_unavailable(guard.layer.manager(), &error);
                            None
                        }
                    };
                    let Some(mut response) = response.take() else {
                        return Poll::Pending;
                    };
                    guard.record(touch.as_ref());
                    guard.close(&mut response, touch);
                    return Poll::Ready(Ok(*response));
                }
                StateProj::Answered { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response.map(ResBody::from))),
                        None => Poll::Pending,
                    };
                }
            };
            this.state.set(next);
        }
    }
}

/// What the wait for the store needs: boxed, so that requests which need not
/// wait do not carry room for it.
struct Waiting<S, B> {
    found: Finding,
    inner: S,
    request: Option<Request<B>>,
    layer: Arc<SessionLayer>,
}

/// Hands over the touch exactly once: when the answer is there, or when the
/// client goes away before.
struct Guard {
    handle: SessionHandle,
    layer: Arc<SessionLayer>,
    armed: bool,
    /// Whether the answer took time, so that less is left than at the arrival.
    waited: bool,
    arrival: Option<Timestamp>,
}

impl Guard {
    /// Settles the request and finishes its answer, in place. `Some` when the
    /// store has to hear of something first.
    fn finish<B: From<Bytes>>(&mut self, response: &mut Response<B>) -> Option<Chores> {
        self.armed = false;
        let outcome = Outcome::Answered(response.status().as_u16());
        match self.handle.settle(outcome) {
            Settlement::Nothing => self.close(response, None),
            Settlement::Touch(touch) => {
                self.record(Some(&touch));
                self.close(response, Some(touch));
            }
            Settlement::Chores => {
                let handle = self.handle.clone();
                return Some(Box::pin(async move { handle.do_chores(outcome).await }));
            }
        }
        None
    }

    fn wait_for<S, B, F, R>(&self, chores: Chores, response: R) -> State<S, B, F, R> {
        State::Committing {
            committing: Committing {
                chores: Some(chores),
                guard: Self {
                    handle: self.handle.clone(),
                    layer: Arc::clone(&self.layer),
                    armed: false,
                    waited: true,
                    arrival: self.arrival,
                },
            },
            response: Some(Box::new(response)),
        }
    }

    fn record(&self, touch: Option<&Touch>) {
        if let Some(touch) = touch {
            self.layer.touches().record(*touch, &self.handle);
        }
    }

    /// Makes the answer what the client gets.
    fn close<B: From<Bytes>>(&self, response: &mut Response<B>, touch: Option<Touch>) {
        let refused = response.extensions().get::<Refusal>().is_some();
        if self.handle.admission().is_none() && !refused {
            // A tripwire, not a guard: the handler has run, and the first
            // test of such a stack fails.
            let missing = "the idle timeout layer, inside the session layer";
            *response = miswired(missing).map(B::from);
            return;
        }
        let now = match self.waited {
            true => self.layer.now(&self.handle, self.arrival),
            false => None,
        };
        let deadlines = self.handle.closing_deadlines(touch.as_ref(), now);
        let source = self.layer.source();
        write_headers(
            response.headers_mut(),
            &self.handle,
            source,
            deadlines.as_ref(),
        );
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A panic on its way up is a failure of ours, not somebody's activity.
        if !self.armed || std::thread::panicking() {
            return;
        }
        self.record(self.handle.touch_due(Outcome::Disconnected).as_ref());
    }
}

/// Chores that go on when the client goes away: the store may have done them
/// already, and nobody else will be told.
struct Committing {
    chores: Option<Chores>,
    guard: Guard,
}

impl Drop for Committing {
    fn drop(&mut self) {
        let Some(chores) = self.chores.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (handle, layer) = (self.guard.handle.clone(), Arc::clone(&self.guard.layer));
        runtime.spawn(async move {
            match chores.await {
                Ok(Some(touch)) => layer.touches().record(touch, &handle),
                Ok(None) => {}
                Err(error) => report_unavailable(layer.manager(), &error),
            }
        });
    }
}
