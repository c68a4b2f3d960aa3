//! A request's states in the session layer.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts as Head;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::find::Finding;
use super::guard::{Guard, Settling};
use super::long::LongRequest;
use super::parts::Parts;
use crate::gate::Gate;
use crate::head::RequestHead;
use crate::open::{AnyBodyFactory, BodyFactory, BytesBody, Drain};
use crate::rejection::reject;

/// The body that the inner service gets.
type InnerBody<F, B> = <F as BodyFactory<B>>::Body;

pin_project! {
    /// Resolves to the answer of a [`SessionService`](super::SessionService).
    pub struct SessionFuture<S, B, G = (), F = AnyBodyFactory>
    where
        B: BytesBody,
        F: BodyFactory<B>,
        S: Service<Request<InnerBody<F, B>>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response, G, F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, Fut, R, G, F> {
        /// Waiting for the source or the store.
        Finding { waiting: Box<Waiting<S, B, G, F>> },
        /// Waiting for the inner service.
        Calling {
            #[pin]
            future: Fut,
            guard: Guard,
            long: LongRequest,
        },
        /// Writing to the store or the source before the answer goes out.
        Settling {
            settling: Settling,
            response: Option<Kept<R>>,
        },
        /// Ready.
        Answered { response: Option<Box<Response<Bytes>>> },
    }
}

/// A request that waits for its session. Boxed, so that requests which need not
/// wait stay small.
struct Waiting<S, B, G, F> {
    finding: Pin<Box<dyn Future<Output = (Head, Finding)> + Send>>,
    inner: S,
    body: Option<B>,
    parts: Arc<Parts<G>>,
    bodies: PhantomData<fn() -> F>,
}

/// An answer that waits to be settled.
enum Kept<R> {
    /// The layer's own.
    Own(Box<Response<Bytes>>),
    /// The service's.
    Inner(Box<R>),
}

impl<S, B, G, F> SessionFuture<S, B, G, F>
where
    B: BytesBody,
    F: BodyFactory<B>,
    S: Service<Request<InnerBody<F, B>>>,
{
    /// Asks the gates, and calls the inner service or refuses.
    pub(super) fn admit(
        parts: &Parts<G>,
        found: Finding,
        mut request: Request<B>,
        call: impl FnOnce(Request<InnerBody<F, B>>) -> S::Future,
    ) -> Self
    where
        G: Gate,
    {
        let state = match found {
            Ok(state) => state,
            Err(refusal) => {
                let (head, drain) = drained(request);
                let mut answer = parts.rejection.reject_early(refusal, &head);
                drain.announce(answer.headers_mut());
                return Self::answered(answer);
            }
        };
        let admitted = parts.gates.admit(&state, RequestHead::of(&request));
        request.extensions_mut().insert(state.clone());
        let guard = Guard::new(state, &parts.context, &request);
        match admitted {
            Ok(()) => {
                let request = guard.bind_request::<B, F>(request);
                Self::calling(call(request), guard)
            }
            Err(refusal) => {
                guard.state().mark_refused();
                let (head, _) = drained(request);
                Self::refused(reject(None, refusal, &head), guard)
            }
        }
    }

    pub(super) fn finding(
        finding: Pin<Box<dyn Future<Output = (Head, Finding)> + Send>>,
        inner: S,
        body: B,
        parts: Arc<Parts<G>>,
    ) -> Self {
        let waiting = Box::new(Waiting {
            finding,
            inner,
            body: Some(body),
            parts,
            bodies: PhantomData,
        });
        Self {
            state: State::Finding { waiting },
        }
    }

    fn calling(future: S::Future, guard: Guard) -> Self {
        Self {
            state: State::Calling {
                future,
                guard,
                long: LongRequest::New,
            },
        }
    }

    /// Answers a refused request that has session state.
    fn refused(response: Response<Bytes>, mut guard: Guard) -> Self {
        match guard.settle(&response) {
            Ok(settled) => Self::answered(guard.close_own(response, settled)),
            Err(settling) => Self {
                state: State::Settling {
                    settling,
                    response: Some(Kept::Own(Box::new(response))),
                },
            },
        }
    }

    fn answered(response: Response<Bytes>) -> Self {
        let response = Some(Box::new(response));
        Self {
            state: State::Answered { response },
        }
    }
}

/// Takes a refused request's body off, and reads on what it still sends.
fn drained<B: BytesBody>(request: Request<B>) -> (Head, Drain) {
    let (head, body) = request.into_parts();
    let drain = Drain::of(head.version, &head.headers);
    drain.start(body);
    (head, drain)
}

impl<S, B, ResBody, G, F> Future for SessionFuture<S, B, G, F>
where
    B: BytesBody,
    ResBody: BytesBody,
    F: BodyFactory<B> + BodyFactory<ResBody>,
    S: Service<Request<InnerBody<F, B>>, Response = Response<ResBody>>,
    G: Gate,
{
    type Output = Result<Response<<F as BodyFactory<ResBody>>::Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Finding { waiting } => {
                    let (head, found) = ready!(waiting.finding.as_mut().poll(cx));
                    let Some(body) = waiting.body.take() else {
                        return Poll::Pending;
                    };
                    let Waiting { inner, parts, .. } = &mut **waiting;
                    let request = Request::from_parts(head, body);
                    let call = |request| inner.call(request);
                    Self::admit(parts, found, request, call).state
                }
                StateProj::Calling {
                    future,
                    guard,
                    long,
                } => {
                    match guard.watch(|| future.poll(cx)) {
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => match long.poll(guard, cx) {
                            None => return Poll::Pending,
                            // The service is stopped.
                            Some(reason) => {
                                Self::refused(guard.stopped(reason), guard.clone()).state
                            }
                        },
                        Poll::Ready(Ok(mut response)) => match guard.count_stream(&mut response) {
                            Err(refused) => Self::refused(refused, guard.clone()).state,
                            Ok(()) => match guard.settle(&response) {
                                Ok(settled) => {
                                    let closed = guard.close::<ResBody, F>(response, settled);
                                    return Poll::Ready(Ok(closed));
                                }
                                Err(settling) => State::Settling {
                                    settling,
                                    response: Some(Kept::Inner(Box::new(response))),
                                },
                            },
                        },
                    }
                }
                StateProj::Settling { settling, response } => {
                    let settled = ready!(settling.poll(cx));
                    let guard = settling.guard();
                    return match response.take() {
                        Some(Kept::Own(response)) => {
                            let response = guard.close_own(*response, settled);
                            Poll::Ready(Ok(response.map(<F as BodyFactory<ResBody>>::own)))
                        }
                        Some(Kept::Inner(response)) => {
                            Poll::Ready(Ok(guard.close::<ResBody, F>(*response, settled)))
                        }
                        None => Poll::Pending,
                    };
                }
                StateProj::Answered { response } => {
                    return match response.take() {
                        Some(response) => {
                            Poll::Ready(Ok(response.map(<F as BodyFactory<ResBody>>::own)))
                        }
                        None => Poll::Pending,
                    };
                }
            };
            this.state.set(next);
        }
    }
}
