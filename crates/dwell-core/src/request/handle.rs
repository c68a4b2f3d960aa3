//! What a handler sees of its request's session.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::slots::{Changes, Slots};
use super::{Resolved, ResolvedSession};
use crate::engine::{Activity, Deadlines, Evidence, Fetch, Outcome, RouteMark, Verdict, classify};
use crate::manager::SessionManager;
use crate::policy::{NetworkMatch, PolicySet, Unmarked};
use crate::session::{PolicyId, SessionRecord, SubjectId};

/// The session of one request, for its handler: who it is, how long it lives,
/// and commands that act on it.
///
/// Clones act on the same request. Layers write through a
/// [`SessionState`](crate::SessionState), which leads here; there is no way
/// back.
///
/// ```
/// use dwell_core::{CommandError, SessionHandle};
///
/// async fn sign_out(session: &SessionHandle) -> Result<(), CommandError> {
///     session.sign_out().await.map(|_| ())
/// }
/// # let _ = sign_out;
/// ```
#[derive(Clone)]
pub struct SessionHandle(pub(super) Arc<Slots>);

impl SessionHandle {
    /// Returns the manager that keeps the session.
    #[inline]
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.0.manager
    }

    /// Returns the policies in force for this request, whole over a reload.
    #[inline]
    #[must_use]
    pub fn policies(&self) -> &Arc<PolicySet> {
        &self.0.policies
    }

    /// Returns what the request brought along.
    #[inline]
    #[must_use]
    pub fn resolved(&self) -> &Resolved {
        &self.0.resolved
    }

    /// Returns the session that the request brought along, unless it has been
    /// ended before.
    #[inline]
    #[must_use]
    pub fn session(&self) -> Option<&ResolvedSession> {
        self.0.session()
    }

    /// Returns whose session the request brought along.
    #[inline]
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        self.session().map(|s| &s.record.subject)
    }

    /// Returns the session as the commands of this request left it, or the one
    /// that they started; `None` when there is none, or it was ended.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        let presented = || self.session().map(|s| s.record.clone());
        if !self.is_changed() {
            return presented();
        }
        match self.changes(|c| (c.record.clone(), c.ended)) {
            (_, true) => None,
            (changed, false) => changed.or_else(presented),
        }
    }

    /// Returns the client's address, where a network layer found one.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.0.location.address()
    }

    /// Returns the client's network; none where no network layer ran.
    #[must_use]
    pub fn network(&self) -> NetworkMatch {
        self.0.location.network()
    }

    /// Returns the verdict on the session by all limits that apply so far;
    /// `None` when nothing has decided yet, which means that the enforcing
    /// layer is missing.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.0.verdict()
    }

    /// Returns the deadlines of a live session as the request found it.
    #[must_use]
    pub fn deadlines(&self) -> Option<Deadlines> {
        self.verdict()?.deadlines().copied()
    }

    /// Tells whether the request counts as activity with this outcome.
    #[must_use]
    pub fn activity(&self, outcome: Outcome) -> (Activity, Evidence) {
        let policy = self.session().map(|s| s.record.facts.policy);
        let policy = policy.unwrap_or(PolicyId::DEFAULT);
        let unmarked = self.policies().policy_or_default(policy).unmarked();
        classify(unmarked, self.0.route_mark(), self.0.evidence(), outcome)
    }

    /// Whether the browser says that no page of this site asked for it (law
    /// L2): whatever the request states then does not count.
    pub(super) fn is_prefetch_or_foreign(&self) -> bool {
        self.0.evidence().fetch != Fetch::Plain
    }

    /// Whether the request itself lets an explicit extension count, on a route
    /// with any mark: a prefetch or one that says it is passive does not.
    pub(super) fn counts_as_extension(&self) -> bool {
        let ok = Outcome::Answered(200);
        let (activity, _) = classify(Unmarked::Active, RouteMark::Active, self.0.evidence(), ok);
        activity == Activity::Active
    }

    pub(super) fn changes<T>(&self, change: impl FnOnce(&mut Changes) -> T) -> T {
        self.0.changes(change)
    }

    pub(super) fn is_changed(&self) -> bool {
        self.0.is_changed()
    }

    /// The session as the last command left it.
    pub(super) fn current_record(&self, session: &ResolvedSession) -> SessionRecord {
        let changed = self.changes(|c| c.record.clone());
        changed
            .filter(|record| record.key == session.record.key)
            .unwrap_or_else(|| session.record.clone())
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("subject", &self.subject())
            .field("verdict", &self.verdict())
            .finish_non_exhaustive()
    }
}
