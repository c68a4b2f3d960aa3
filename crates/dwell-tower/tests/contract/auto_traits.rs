//! Layers, services and futures are `Send`, `Sync` and `Clone` if what they wrap
//! is. Compiling is the test.

use dwell_tower::activity::{ActivityLayer, ActivityService, MarkLayer, MarkService};
use dwell_tower::gate::Gated;
use dwell_tower::idle::{IdleTimeout, IdleTimeoutLayer, PolicyLayer, PolicyService};
use dwell_tower::network::{NetworkLayer, NetworkService};
use dwell_tower::open::{ActivityRecorder, Lifeline, SessionBody, SessionBoundBody};
use dwell_tower::session::{SessionFuture, SessionLayer, SessionService};
use dwell_tower::step_up::{StepUp, StepUpLayer};
use dwell_tower::{BoundedStore, Reaper, ResponseFuture, SessionTimeout, SessionTimeoutLayer};

use crate::support::{Body, Probe};

fn shared_and_cloned<T: Send + Sync + Clone + 'static>() {}
fn shared<T: Send + Sync + 'static>() {}
fn sent<T: Send + 'static>() {}

/// A future that is `Sync` too, which most are not.
type Ready = std::future::Ready<()>;

#[test]
fn layers_are_send_sync_and_clone() {
    shared_and_cloned::<SessionTimeoutLayer>();
    shared_and_cloned::<SessionLayer>();
    shared_and_cloned::<NetworkLayer>();
    shared_and_cloned::<ActivityLayer>();
    shared_and_cloned::<MarkLayer>();
    shared_and_cloned::<IdleTimeoutLayer>();
    shared_and_cloned::<PolicyLayer>();
    shared_and_cloned::<StepUpLayer>();
    shared_and_cloned::<Reaper>();
    shared::<BoundedStore>();
}

#[test]
fn services_are_send_sync_and_clone_like_inner_service() {
    shared_and_cloned::<SessionTimeout<Probe>>();
    shared_and_cloned::<SessionService<Probe>>();
    shared_and_cloned::<NetworkService<Probe>>();
    shared_and_cloned::<ActivityService<Probe>>();
    shared_and_cloned::<MarkService<Probe>>();
    shared_and_cloned::<IdleTimeout<Probe>>();
    shared_and_cloned::<PolicyService<Probe>>();
    shared_and_cloned::<StepUp<Probe>>();
    shared_and_cloned::<Gated<Probe, MarkLayer>>();
}

#[test]
fn futures_are_send() {
    shared::<ResponseFuture<Ready>>();
    // It may hold a store's answer, which need not be `Sync`.
    sent::<SessionFuture<Probe, Body>>();
}

#[test]
fn bodies_are_send_and_unpin() {
    fn movable<T: Unpin>() {}
    sent::<SessionBody<Body>>();
    sent::<SessionBoundBody<Body>>();
    sent::<Lifeline>();
    sent::<ActivityRecorder>();
    movable::<SessionBody<Body>>();
    movable::<SessionBoundBody<Body>>();
    movable::<Lifeline>();
    movable::<ActivityRecorder>();
}

#[test]
fn futures_are_unpin_like_inner_future() {
    fn movable<T: Unpin>() {}
    movable::<ResponseFuture<Ready>>();
    movable::<SessionFuture<Probe, Body>>();
}
