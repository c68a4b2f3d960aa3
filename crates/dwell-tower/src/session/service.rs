//! The session layer's service.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::find::{find, find_at_once};
use super::future::SessionFuture;
use super::parts::Parts;
use crate::gate::Gate;
use crate::head::RequestHead;
use crate::open::{AnyBodyFactory, BodyFactory, BytesBody};

/// Serves requests inside a [`SessionLayer`](super::SessionLayer).
pub struct SessionService<S, G = (), F = AnyBodyFactory> {
    inner: S,
    parts: Arc<Parts<G>>,
    bodies: PhantomData<fn() -> F>,
}

impl<S, G, F> SessionService<S, G, F> {
    pub(super) const fn new(inner: S, parts: Arc<Parts<G>>) -> Self {
        Self {
            inner,
            parts,
            bodies: PhantomData,
        }
    }
}

impl<S: Clone, G, F> Clone for SessionService<S, G, F> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.parts))
    }
}

impl<S: fmt::Debug, G, F> fmt::Debug for SessionService<S, G, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, G, F, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S, G, F>
where
    ReqBody: BytesBody,
    ResBody: BytesBody,
    F: BodyFactory<ReqBody> + BodyFactory<ResBody>,
    S: Service<Request<<F as BodyFactory<ReqBody>>::Body>, Response = Response<ResBody>> + Clone,
    G: Gate,
{
    type Response = Response<<F as BodyFactory<ResBody>>::Body>;
    type Error = S::Error;
    type Future = SessionFuture<S, ReqBody, G, F>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let parts = &self.parts;
        parts.start_reaper();
        let head = RequestHead::of(&request);
        if let Some(found) = find_at_once(&parts.manager, &parts.context, head) {
            let call = |request| self.inner.call(request);
            return SessionFuture::admit(parts, found, request, call);
        }
        // The instance that was made ready serves this request.
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
