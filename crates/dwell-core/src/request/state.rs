//! The request extension that all layers share.

use std::any::Any;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::slots::Slots;
use super::{Resolved, ResolvedSession, SessionHandle};
use crate::engine::{RequestEvidence, RouteMark, TokenState, Verdict};
use crate::manager::SessionManager;
use crate::policy::{NetworkMatch, PoliciesInForce};
use crate::session::Token;
use crate::store::Loaded;

/// The session state of one request, for layers. The session layer puts it into
/// the request's extensions. Clones share it. It derefs to the
/// [`SessionHandle`] that handlers use.
///
/// Layers communicate only through it. Each has a slot, and slots merge, so
/// neither the order of layers nor repetition matters.
///
/// ```
/// use dwell_core::{RouteMark, SessionState};
///
/// /// What a layer around a polling route does.
/// fn mark_passive(extensions: Option<&SessionState>) {
///     if let Some(state) = extensions {
///         state.mark_route(RouteMark::Passive);
///     }
/// }
/// # mark_passive(None);
/// ```
#[derive(Clone, Debug)]
pub struct SessionState(SessionHandle);

impl SessionState {
    /// Creates the state of one request. The session layer calls it.
    #[must_use]
    pub fn new(
        manager: SessionManager,
        policies: impl Into<PoliciesInForce>,
        resolved: Resolved,
    ) -> Self {
        let slots = Slots::new(manager, policies.into(), resolved);
        Self(SessionHandle(Arc::new(slots)))
    }

    /// Returns the state that a handle belongs to.
    pub(super) fn of(handle: &SessionHandle) -> Self {
        Self(handle.clone())
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

    /// Sets what the request's token resolved to, while nothing shares the state
    /// yet; later calls are ignored. Moving a session copies it, so it is
    /// written here at once.
    #[inline]
    pub fn resolve(&mut self, resolved: Resolved) {
        if let Some(slots) = Arc::get_mut(&mut self.0.0) {
            slots.resolved = resolved;
        }
    }

    /// Tries a token, by what the store has under its key, and keeps the best of
    /// those tried: a live session before one that has run out, before a tombstone,
    /// before nothing. Returns how the token relates to its session. `grace` is how
    /// long a superseded token stays valid. Does nothing once the state is shared.
    ///
    /// Only the holder of the right token learns that a session has ended. The
    /// caller must end a session whose token was [`Reused`](TokenState::Reused).
    #[inline]
    pub fn try_token(&mut self, token: &Token, loaded: &Loaded, grace: Duration) -> TokenState {
        match Arc::get_mut(&mut self.0.0) {
            Some(slots) => slots.resolved.try_token(token, loaded, grace),
            None => TokenState::Unknown,
        }
    }

    /// Returns what the request's token, or its adopted session, resolved to.
    #[inline]
    #[must_use]
    pub fn resolved(&self) -> &Resolved {
        &self.slots().resolved
    }

    /// Returns the session that the request came with, live or over. Handlers get
    /// live ones only, by [`session`](SessionHandle::session).
    #[inline]
    #[must_use]
    pub fn found(&self) -> Option<&ResolvedSession> {
        self.slots().found()
    }

    /// Notes that another middleware owns the sessions of the request's source: a
    /// session that a handler starts would have no owner, so
    /// [`start`](SessionHandle::start) fails.
    pub fn mark_foreign(&self) {
        self.slots().foreign.set();
    }

    /// Notes that the owner has proved a session that was not adopted. The request
    /// is anonymous here and is not to its owner, so it must be refused.
    pub fn mark_unadopted(&self) {
        self.slots().unadopted.set();
    }

    /// Returns `true` if another middleware owns the request's session.
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.slots().linked.is_set()
            || match self.resolved() {
                Resolved::Nothing => self.slots().unadopted.is_set(),
                Resolved::Tombstone(ended, _) => ended.record.credential.is_adopted(),
                Resolved::Session(session) => session.record.credential.is_adopted(),
            }
    }

    /// Notes that another middleware knows the request's user, and that Dwell's
    /// session is linked to that. Without a live session the request is refused, since
    /// handlers may ask the other middleware.
    pub fn mark_linked(&self) {
        self.slots().linked.set();
    }

    /// Notes that the request is refused: it is no activity, whatever the status
    /// of the answer, and a session that is over loses its token if someone is
    /// there to sign in again.
    pub fn mark_refused(&self) {
        self.slots().refused.set();
    }

    /// Returns whether the request was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.slots().refused.is_set()
    }

    /// Notes that the request is stopped, since its session is over by now.
    pub fn mark_stopped(&self) {
        self.mark_refused();
        self.changes(|changes| changes.ended = true);
    }

    /// Keeps a value of the session source until the answer. Later calls are
    /// ignored.
    pub fn set_carry(&self, carry: Arc<dyn Any + Send + Sync>) {
        self.slots().set_carry(carry);
    }

    /// Returns the value that [`set_carry`](Self::set_carry) kept, if it is a
    /// `T`.
    #[must_use]
    pub fn carry<T: Any>(&self) -> Option<&T> {
        self.slots().carry()
    }

    /// Sets the client's address. Later calls are ignored. After a decision the
    /// address has no network any more.
    #[inline]
    pub fn locate(&self, address: Option<IpAddr>) {
        let address = address.map(|address| address.to_canonical());
        let network = match self.is_decided() {
            false => self.slots().policies.find_network(address),
            true => NetworkMatch::default(),
        };
        self.slots().location.set(network, address);
    }

    /// Returns `true` if a network layer has run.
    #[must_use]
    pub fn is_located(&self) -> bool {
        self.slots().location.is_set()
    }

    /// Adds evidence that the request carries.
    #[inline]
    pub fn add_evidence(&self, evidence: RequestEvidence) {
        self.slots().add_evidence(evidence);
    }

    /// Notes that the request has reached its route: from now on its client may
    /// leave without taking the activity back. Before, middleware may still
    /// be waiting, and the route's mark is not known (N65).
    #[inline]
    pub fn reach_route(&self) {
        self.slots().routed.set();
    }

    /// Returns `true` if a command of this request ends or replaces its session, so
    /// that the end is no reason to stop the request.
    #[must_use]
    pub fn ends_itself(&self) -> bool {
        self.slots().ending.is_set()
    }

    /// Notes that the answer depends on the session, so that no cache may keep it
    /// for others.
    #[inline]
    pub fn mark_personal(&self) {
        self.slots().personal.set();
    }

    /// Returns `true` if the answer depends on the session.
    #[inline]
    #[must_use]
    pub fn is_personal(&self) -> bool {
        self.slots().personal.is_set()
    }

    /// Adds a route's mark.
    pub fn mark_route(&self, mark: RouteMark) {
        self.slots().mark_route(mark);
    }

    /// Puts the route under the policy with this name. Returns `false` if there is
    /// no such policy. The session ends by its own policy only; read the route's
    /// demand by [`area_deadline`](crate::SessionHandle::area_deadline).
    #[must_use]
    pub fn enter_area(&self, policy: &str) -> bool {
        let bit = self.slots().policies.area_bit(policy);
        self.slots().enter_area(bit.unwrap_or(0));
        bit.is_some()
    }

    /// Sets the route's name for events. Later calls are ignored.
    pub fn label_route(&self, route: impl FnOnce() -> Box<str>) {
        self.slots().label_route(route);
    }

    /// Decides by all that has been written so far, at the first call. Later
    /// writes do not change the verdict.
    #[inline]
    pub fn decide(&self) -> Verdict {
        self.slots().decide()
    }

    /// Returns `true` if an enforcing layer has decided.
    #[inline]
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.slots().is_decided()
    }

    /// Returns `true` if a command recorded the request's activity.
    #[inline]
    #[must_use]
    pub fn has_touched(&self) -> bool {
        self.is_changed() && self.changes(|changes| changes.touched)
    }
}

/// Layers can read what handlers read.
impl Deref for SessionState {
    type Target = SessionHandle;

    #[inline]
    fn deref(&self) -> &SessionHandle {
        &self.0
    }
}
