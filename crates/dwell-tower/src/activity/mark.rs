//! The layer that writes what a route says of its requests.

use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{RouteMark, SessionHandle};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::rejection::miswired;

/// Marks a route's requests; passive beats active wherever both stand.
#[derive(Clone, Copy, Debug)]
pub struct MarkLayer(RouteMark);

impl MarkLayer {
    /// Requests of the route are never activity.
    #[must_use]
    pub const fn passive() -> Self {
        Self(RouteMark::Passive)
    }

    /// Requests of the route are activity, also under a policy whose unmarked
    /// requests are passive.
    #[must_use]
    pub const fn active() -> Self {
        Self(RouteMark::Active)
    }
}

impl<S> Layer<S> for MarkLayer {
    type Service = MarkService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MarkService {
            inner,
            mark: self.0,
        }
    }
}

/// The service of [`MarkLayer`].
#[derive(Clone, Copy, Debug)]
pub struct MarkService<S> {
    inner: S,
    mark: RouteMark,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for MarkService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Some(handle) = request.extensions().get::<SessionHandle>() else {
            return ResponseFuture::refused(miswired("the session layer, outside a marked route"));
        };
        handle.mark_route(self.mark);
        ResponseFuture::inner(self.inner.call(request))
    }
}
