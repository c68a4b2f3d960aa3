//! The session layer's service: a request from its arrival to its answer.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use http::Response;
use tower_service::Service;

use super::find::{Finding, find, find_at_once};
use super::future::SessionFuture;
use super::guard::Guard;
use super::layer::{Parts, SessionLayer};
use crate::gate::Gate;
use crate::head::RequestHead;
use crate::open::{AnyBodyFactory, BodyFactory};
use crate::rejection::{Refusal, reject};
use dwell_core::SessionState;

/// The service of [`SessionLayer`].
pub struct SessionService<S, G = (), F = AnyBodyFactory> {
    inner: S,
    layer: SessionLayer<G, F>,
}

impl<S, G, F> SessionService<S, G, F> {
    pub(super) const fn new(inner: S, layer: SessionLayer<G, F>) -> Self {
        Self { inner, layer }
    }
}

impl<S: Clone, G, F> Clone for SessionService<S, G, F> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.layer.clone())
    }
}

impl<S: fmt::Debug, G, F> fmt::Debug for SessionService<S, G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<S, G, F, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S, G, F>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    G: Gate,
    F: BodyFactory<ResBody>,
{
    type Response = Response<F::Body>;
    type Error = S::Error;
    type Future = SessionFuture<S, ReqBody, G, F>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let parts = self.layer.parts();
        parts.start_reaper();
        let head = RequestHead::of(&request);
        if let Some(found) = find_at_once(&parts.manager, &parts.context, head) {
            return admit(parts, found, request, |request| self.inner.call(request));
        }
        // The service that was made ready goes along; its clone need not be.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let (head, body) = request.into_parts();
        let waiting = Arc::clone(parts);
        let finding = Box::pin(async move {
            let request = RequestHead::of_parts(&head);
            let found = find(&waiting.manager, &waiting.context, request).await;
            (head, found)
        });
        SessionFuture::finding(finding, inner, body, Arc::clone(parts))
    }
}

/// Asks the gates, and calls the inner service or refuses.
pub(super) fn admit<S, G, F, ReqBody>(
    parts: &Parts<G>,
    found: Finding,
    mut request: Request<ReqBody>,
    call: impl FnOnce(Request<ReqBody>) -> S::Future,
) -> SessionFuture<S, ReqBody, G, F>
where
    S: Service<Request<ReqBody>>,
    G: Gate,
{
    let (resolved, carry) = match found {
        Ok(found) => found,
        Err(refusal) => {
            let (head, _) = request.into_parts();
            return SessionFuture::answered(parts.rejection.reject_early(refusal, &head));
        }
    };
    let manager = parts.manager.clone();
    let policies = manager.policies().borrow();
    let state = SessionState::new(manager, policies, resolved);
    if let Some(carry) = carry {
        state.set_carry(carry);
    }
    let admitted = parts.gates.admit(&state, RequestHead::of(&request));
    request.extensions_mut().insert(state.clone());
    let guard = Guard::new(state, parts.context.arrival(), request.method());
    match admitted {
        Ok(()) => SessionFuture::calling(call(request), guard),
        Err(refusal) => SessionFuture::refused(respond(refusal, request), guard),
    }
}

fn respond<B>(refusal: Refusal, request: Request<B>) -> Response<bytes::Bytes> {
    let (head, _) = request.into_parts();
    reject(None, refusal, &head)
}
