//! The layer by which a route or a group of routes opts in to a policy.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{Admission, EventKind, PolicySet, SessionHandle, Verdict};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::rejection::{Challenge, MakeRejection, Refusal, Rejections, miswired};

/// Tightens the limits by a named policy; see the [module docs](super).
///
/// Without a rejection of its own it answers like the stack around it.
#[derive(Clone, Debug)]
pub struct PolicyLayer {
    policy: Arc<str>,
    rejections: Option<Rejections>,
}

impl PolicyLayer {
    /// Tightens by the policy of this name. Requests are refused with 500
    /// while no policy has this name.
    #[must_use]
    pub fn new(policy: &str) -> Self {
        Self {
            policy: policy.into(),
            rejections: None,
        }
    }

    /// Refuses in a way of your own.
    #[must_use]
    pub fn with_rejection(mut self, rejection: impl MakeRejection) -> Self {
        self.rejections = Some(Rejections::new(rejection));
        self
    }
}

impl<S> Layer<S> for PolicyLayer {
    type Service = PolicyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PolicyService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of [`PolicyLayer`].
#[derive(Clone, Debug)]
pub struct PolicyService<S> {
    inner: S,
    layer: PolicyLayer,
}

fn refusal(admission: Admission, policies: &PolicySet) -> Option<Refusal> {
    match admission {
        Admission::Anonymous | Admission::Session(Verdict::Live(_)) => None,
        Admission::Session(Verdict::Stale { policy, .. }) => Some(Refusal::StepUp(Challenge {
            max_age: policies.policy_or_default(policy).idle(),
            acr_values: Vec::new(),
        })),
        Admission::Session(Verdict::Locked { .. }) => Some(Refusal::Locked),
        Admission::Session(Verdict::Ended(reason)) => Some(Refusal::Ended(reason)),
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for PolicyService<S>
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
            let missing = "the session layer, outside a route with a policy";
            return ResponseFuture::refused(miswired(missing));
        };
        if handle.admission().is_none() {
            let missing = "the idle timeout layer, outside a route with a policy";
            return ResponseFuture::refused(miswired(missing));
        }
        if !handle.tighten(&self.layer.policy) {
            let missing = format!("the policy {:?}, which a route names", self.layer.policy);
            return ResponseFuture::refused(miswired(&missing));
        }
        let Some(refusal) = refusal(handle.decide(), handle.policies()) else {
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
