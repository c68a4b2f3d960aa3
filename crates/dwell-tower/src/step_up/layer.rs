//! The step-up layer.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::engine::FreshnessVerdict;
use dwell_core::{Admission, EventKind, Freshness, SessionHandle, Verdict};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::rejection::{Challenge, MakeRejection, Refusal, Rejections, miswired};

/// Demands a recent and strong enough authentication; see the
/// [module docs](super).
///
/// Without a rejection of its own it answers like the stack around it.
#[derive(Clone, Debug)]
pub struct StepUpLayer {
    demand: Arc<Freshness>,
    rejections: Option<Rejections>,
}

impl StepUpLayer {
    /// Demands this much.
    #[must_use]
    pub fn new(demand: Freshness) -> Self {
        Self {
            demand: Arc::new(demand),
            rejections: None,
        }
    }

    /// Refuses in a way of your own.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.rejections = Some(Rejections::new(rejection));
        self
    }

    fn refusal(&self, handle: &SessionHandle) -> Option<Refusal> {
        match handle.admission() {
            None => {
                let missing = "the idle timeout layer, outside a privileged route";
                return Some(Refusal::Miswired(missing.to_owned()));
            }
            Some(Admission::Anonymous) => return Some(Refusal::SessionRequired),
            Some(Admission::Session(Verdict::Locked { .. })) => return Some(Refusal::Locked),
            Some(Admission::Session(Verdict::Ended(reason))) => {
                return Some(Refusal::Ended(reason));
            }
            Some(Admission::Session(Verdict::Live(_) | Verdict::Stale { .. })) => {}
        }
        match handle.check_freshness(&self.demand) {
            Some(FreshnessVerdict::Fresh) => None,
            _ => Some(Refusal::StepUp(Challenge {
                max_age: handle.max_age(&self.demand),
                acr_values: self.demand.acr().to_vec(),
            })),
        }
    }
}

impl<S> Layer<S> for StepUpLayer {
    type Service = StepUp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        StepUp {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of [`StepUpLayer`].
#[derive(Clone, Debug)]
pub struct StepUp<S> {
    inner: S,
    layer: StepUpLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for StepUp<S>
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
            let missing = "the session layer, outside a privileged route";
            return ResponseFuture::refused(miswired(missing));
        };
        let Some(refusal) = self.layer.refusal(handle) else {
            return ResponseFuture::inner(self.inner.call(request));
        };
        handle.label_route(|| request.uri().path().into());
        if let Refusal::StepUp(_) = refusal {
            handle.report(EventKind::StepUpRequired);
        }
        let (parts, _) = request.into_parts();
        let rejections = Rejections::choose(self.layer.rejections.as_ref(), &parts);
        ResponseFuture::refused(rejections.reject(refusal, &parts))
    }
}
