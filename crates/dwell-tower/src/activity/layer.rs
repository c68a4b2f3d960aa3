//! The layer that writes what a request says of itself.

use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::SessionHandle;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::classify::{ClassifyActivity, DefaultClassifier};
use crate::future::ResponseFuture;
use crate::rejection::miswired;

/// Writes what a request says of itself; see the [module docs](super).
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivityLayer<C = DefaultClassifier> {
    classifier: C,
}

impl ActivityLayer {
    /// With the default classification.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C> ActivityLayer<C> {
    /// With a classification of your own.
    #[must_use]
    pub fn with_classifier<D: ClassifyActivity>(self, classifier: D) -> ActivityLayer<D> {
        ActivityLayer { classifier }
    }
}

impl<S, C: Clone> Layer<S> for ActivityLayer<C> {
    type Service = ActivityService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ActivityService {
            inner,
            classifier: self.classifier.clone(),
        }
    }
}

/// The service of [`ActivityLayer`].
#[derive(Clone, Copy, Debug)]
pub struct ActivityService<S, C = DefaultClassifier> {
    inner: S,
    classifier: C,
}

impl<S, C, ReqBody, ResBody> Service<Request<ReqBody>> for ActivityService<S, C>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    C: ClassifyActivity,
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
            return ResponseFuture::refused(miswired(
                "the session layer, outside the activity layer",
            ));
        };
        let evidence = self
            .classifier
            .classify(request.method(), request.headers());
        handle.add_evidence(evidence);
        ResponseFuture::inner(self.inner.call(request))
    }
}
