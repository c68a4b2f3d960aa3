//! The states of a request on its way through the session layer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::guard::{Chores, Guard, record};
use super::layer::{SessionLayer, enter};
use super::resolve::{Finding, report_unavailable};
use crate::gate::RequestHead;
use crate::open::{AnyBodyFactory, BodyFactory};
use crate::reaper::Task;
use crate::rejection::Refusal;
use crate::shared::Shared;

pin_project! {
    /// The answer of a [`SessionService`](super::SessionService).
    pub struct SessionFuture<S, B, K = AnyBodyFactory>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response, K>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F, R, K> {
        /// Waiting for the store.
        Finding { waiting: Box<Waiting<S, B, K>> },
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
            response: Option<Kept<R>>,
        },
        /// Refused before the inner service was called.
        Answered { response: Option<Box<Response<Bytes>>> },
    }
}

impl<S, B, K> SessionFuture<S, B, K>
where
    S: Service<Request<B>>,
{
    pub(super) fn finding(
        found: Finding,
        inner: S,
        request: Request<B>,
        layer: SessionLayer<K>,
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

    pub(super) fn calling(future: S::Future, guard: Guard) -> Self {
        Self {
            state: State::Calling { future, guard },
        }
    }

    pub(super) fn refused(refusal: Refusal, request: Request<B>, guard: Guard) -> Self {
        let (parts, _) = request.into_parts();
        let response = Some(Box::new(Shared::reject(None, refusal, &parts)));
        Self {
            state: State::Refused { response, guard },
        }
    }

    pub(super) fn answered(response: Response<Bytes>) -> Self {
        let response = Some(Box::new(response));
        Self {
            state: State::Answered { response },
        }
    }
}

impl<S, B, ResBody, K> Future for SessionFuture<S, B, K>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    K: BodyFactory<ResBody>,
{
    type Output = Result<Response<K::Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Finding { waiting } => {
                    let found = ready!(waiting.found.as_mut().poll(cx));
                    let Some(mut request) = waiting.request.take() else {
                        return Poll::Pending;
                    };
                    match found {
                        Ok(presented) => {
                            let head = RequestHead::of(&request);
                            let opened = waiting.layer.open(presented.as_shown(), &head);
                            let (handle, admitted) = enter(opened, &mut request);
                            let connect = request.method() == Method::CONNECT;
                            let guard = Guard::new(handle, waiting.layer.arrival(), connect);
                            let next: SessionFuture<S, B, K> = match admitted {
                                Ok(()) => {
                                    SessionFuture::calling(waiting.inner.call(request), guard)
                                }
                                Err(refusal) => SessionFuture::refused(refusal, request, guard),
                            };
                            next.state
                        }
                        Err(error) => {
                            report_unavailable(waiting.layer.manager(), &error);
                            let refusal = Refusal::StoreUnavailable;
                            let response = waiting.layer.refuse(refusal, request);
                            SessionFuture::<S, B, K>::answered(response).state
                        }
                    }
                }
                StateProj::Calling { future, guard } => {
                    let response = match ready!(guard.watch(|| future.poll(cx))) {
                        Ok(response) => response,
                        Err(error) => return Poll::Ready(Err(error)),
                    };
                    match guard.settle(response.status()) {
                        Ok(touch) => {
                            return Poll::Ready(Ok(guard.close::<_, K>(response, touch)));
                        }
                        Err(chores) => {
                            State::waiting(chores, guard, Kept::Inner(Box::new(response)))
                        }
                    }
                }
                StateProj::Refused { response, guard } => {
                    let Some(response) = response.take() else {
                        return Poll::Pending;
                    };
                    match guard.settle(response.status()) {
                        Ok(touch) => {
                            let response = guard.close_own(*response, touch);
                            return Poll::Ready(Ok(response.map(K::own)));
                        }
                        Err(chores) => State::waiting(chores, guard, Kept::Own(response)),
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
                            report_unavailable(guard.handle().manager(), &error);
                            None
                        }
                    };
                    let Some(response) = response.take() else {
                        return Poll::Pending;
                    };
                    guard.record(touch.as_ref());
                    return Poll::Ready(Ok(match response {
                        Kept::Own(response) => guard.close_own(*response, touch).map(K::own),
                        Kept::Inner(response) => guard.close::<_, K>(*response, touch),
                    }));
                }
                StateProj::Answered { response } => {
                    return match response.take() {
                        Some(response) => Poll::Ready(Ok(response.map(K::own))),
                        None => Poll::Pending,
                    };
                }
            };
            this.state.set(next);
        }
    }
}

/// An answer that waits for the store.
enum Kept<R> {
    /// The layer's own.
    Own(Box<Response<Bytes>>),
    /// The service's.
    Inner(Box<R>),
}

impl<S, B, F, R, K> State<S, B, F, R, K> {
    fn waiting(chores: Chores, guard: &Guard, response: Kept<R>) -> Self {
        Self::Committing {
            committing: Committing {
                chores: Some(chores),
                guard: guard.while_waiting(),
            },
            response: Some(response),
        }
    }
}

/// What the wait for the store needs: boxed, so that requests which need not
/// wait do not carry room for it.
struct Waiting<S, B, K> {
    found: Finding,
    inner: S,
    request: Option<Request<B>>,
    layer: SessionLayer<K>,
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
        let (handle, arrival) = (self.guard.handle().clone(), self.guard.arrival());
        let rest: Task = Box::pin(async move {
            match chores.await {
                Ok(Some(touch)) => record(touch, &handle, arrival),
                Ok(None) => {}
                Err(error) => report_unavailable(handle.manager(), &error),
            }
        });
        runtime.spawn(rest);
    }
}
