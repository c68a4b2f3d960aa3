//! The one extension that all layers share.

use std::any::Any;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::slots::Slots;
use super::{Resolved, SessionHandle};
use crate::engine::{RequestEvidence, RouteMark, Verdict};
use crate::manager::SessionManager;
use crate::policy::{NetworkMatch, PoliciesInForce};

/// The session state of one request, in the request's extensions: what layers
/// write, and a [`SessionHandle`] for handlers. Clones share it.
///
/// Layers never meet otherwise. Each has a slot, and slots merge so that
/// neither order nor repetition matters.
#[derive(Clone, Debug)]
pub struct SessionState(SessionHandle);

impl SessionState {
    /// Makes the state of one request. The session layer does it.
    #[must_use]
    pub fn new(
        manager: SessionManager,
        policies: impl Into<PoliciesInForce>,
        resolved: Resolved,
    ) -> Self {
        let slots = Slots::new(manager, policies.into(), resolved);
        Self(SessionHandle(Arc::new(slots)))
    }

    /// Returns the handle for the request's handler.
    #[inline]
    #[must_use]
    pub fn handle(&self) -> &SessionHandle {
        &self.0
    }

    #[inline]
    pub(super) fn slots(&self) -> &Slots {
        &self.0.0
    }

    /// Keeps what the session source found until the answer, once.
    pub fn set_carry(&self, carry: Arc<dyn Any + Send + Sync>) {
        self.slots().set_carry(carry);
    }

    /// Returns what [`set_carry`](Self::set_carry) kept, if it is a `T`.
    #[must_use]
    pub fn carry<T: Any>(&self) -> Option<&T> {
        self.slots().carry()
    }

    /// Writes the client's address, once; later writes are ignored. What has
    /// been decided without its network stays decided.
    pub fn locate(&self, address: Option<IpAddr>) {
        let address = address.map(|address| address.to_canonical());
        let network = match self.is_decided() {
            false => self.slots().policies.find_network(address),
            true => NetworkMatch::default(),
        };
        self.slots().location.set(network, address);
    }

    /// Tells whether a network layer has run.
    #[must_use]
    pub fn is_located(&self) -> bool {
        self.slots().location.is_set()
    }

    /// Adds what the request says about itself.
    pub fn add_evidence(&self, evidence: RequestEvidence) {
        self.slots().add_evidence(evidence);
    }

    /// Adds what a route says about its requests.
    pub fn mark_route(&self, mark: RouteMark) {
        self.slots().mark_route(mark);
    }

    /// Tightens the limits by the policy of this name; `false` when there is
    /// no such policy.
    #[must_use]
    pub fn tighten(&self, policy: &str) -> bool {
        let bit = self.slots().policies.overlay(policy);
        self.slots().add_overlay(bit.unwrap_or(0));
        bit.is_some()
    }

    /// Names the route for events; the first name stays.
    pub fn label_route(&self, route: impl FnOnce() -> Box<str>) {
        self.slots().label_route(route);
    }

    /// Decides by all that has been written so far. What is written later only
    /// makes the verdict stricter.
    pub fn decide(&self) -> Verdict {
        self.slots().decide()
    }

    /// Tells whether an enforcing layer has decided.
    #[inline]
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.slots().is_decided()
    }

    /// Tells whether a command recorded the request's activity.
    #[must_use]
    pub fn has_touched(&self) -> bool {
        self.is_changed() && self.changes(|changes| changes.touched)
    }
}

/// Layers read what handlers read.
impl Deref for SessionState {
    type Target = SessionHandle;

    #[inline]
    fn deref(&self) -> &SessionHandle {
        &self.0
    }
}
