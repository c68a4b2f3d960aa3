//! The session of a request, for its handler.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::ResolvedSession;
use super::slots::{Changes, Slots};
use crate::engine::{
    Activity, AreaDeadline, Deadlines, Evidence, Fetch, Outcome, RouteMark, Verdict, classify,
};
use crate::manager::SessionManager;
use crate::policy::{NetworkMatch, PolicySet, Unmarked, Unprompted};
use crate::session::{EndReason, SessionRecord, SubjectId};
use crate::time::Timestamp;

/// The session of one request, for its handler: its subject, its deadlines, and
/// commands that act on it. Clones act on the same request.
///
/// Extractors of `dwell-axum` wrap it. Without them, take it from the
/// [`SessionState`](crate::SessionState) in the request's extensions.
///
/// | to | call |
/// |---|---|
/// | start a session after a login | [`start`](Self::start) |
/// | sign out | [`sign_out`](Self::sign_out) |
/// | record that the subject authenticated again | [`begin_reauthentication`](Self::begin_reauthentication), [`reauthenticated`](Self::reauthenticated), [`reauthentication_failed`](Self::reauthentication_failed) |
/// | stay signed in | [`extend`](Self::extend) |
/// | replace the token | [`rotate`](Self::rotate) |
/// | list and end the subject's sessions | [`list`](Self::list), [`revoke`](Self::revoke) |
///
/// ```
/// use dwell_core::{CommandError, SessionHandle, Which};
///
/// async fn sign_out_everywhere(session: &SessionHandle) -> Result<usize, CommandError> {
///     if let Some(subject) = session.subject() {
///         println!("{subject} signs out everywhere");
///     }
///     session.revoke(Which::All).await
/// }
/// # let _ = sign_out_everywhere;
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

    /// Returns the policies in force for this request. A reload does not change
    /// them.
    #[inline]
    #[must_use]
    pub fn policies(&self) -> &Arc<PolicySet> {
        &self.0.policies
    }

    /// Returns the live session that the request came with. Returns `None` if it
    /// has none, if the session has ended or is locked, or before a layer has
    /// decided.
    #[inline]
    #[must_use]
    pub fn session(&self) -> Option<&ResolvedSession> {
        match self.0.verdict()? {
            Verdict::Live(_) => self.0.found(),
            _ => None,
        }
    }

    /// Returns the subject of the live session that the request came with.
    #[inline]
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        self.session().map(|s| &s.record.subject)
    }

    /// Returns the session as the commands of this request left it, or the one
    /// that they started. Returns `None` if there is no live one.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        let resolved = || self.session().map(|s| s.record.clone());
        if !self.is_changed() {
            return resolved();
        }
        match self.changes(|c| (c.record.clone(), c.ended)) {
            (_, true) => None,
            (changed, false) => changed.or_else(resolved),
        }
    }

    /// Returns the client's address, or `None` if no network layer found one.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.0.location.address()
    }

    /// Returns the client's network. Without a network layer it is the match
    /// for no named network.
    #[must_use]
    pub fn network(&self) -> NetworkMatch {
        self.0.location.network()
    }

    /// Returns the verdict on the session. Returns `None` if no layer has decided
    /// yet: then the enforcing layer is missing.
    #[inline]
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.0.verdict().copied()
    }

    /// Returns why the request's session has ended, or `None` if it has not. A
    /// request whose session has ended is anonymous.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        match self.verdict()? {
            Verdict::Ended(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns the deadlines of a live session, as the request found them; see
    /// [`current_deadlines`](Self::current_deadlines) for those after commands.
    #[must_use]
    pub fn deadlines(&self) -> Option<Deadlines> {
        self.0.verdict()?.deadlines().copied()
    }

    /// Returns when a token that is issued now may expire: at `expires_at`, or at the
    /// session's nearest deadline if that is earlier. A service that checks the token
    /// alone then admits nobody whom this one refuses. Returns
    /// [`Timestamp::MIN`] without a live session: such a token has expired.
    ///
    /// ```
    /// use dwell_core::{SessionHandle, Timestamp};
    ///
    /// /// The `exp` of a token that is refreshed: five minutes, or less.
    /// fn exp(session: &SessionHandle, iat: u64) -> u64 {
    ///     session.clamp_expiry(Timestamp::from_seconds(iat + 300)).as_seconds()
    /// }
    /// # let _ = exp;
    /// ```
    #[must_use]
    pub fn clamp_expiry(&self, expires_at: Timestamp) -> Timestamp {
        match self.current_deadlines() {
            Some(deadlines) => deadlines.nearest.min(expires_at),
            None => Timestamp::MIN,
        }
    }

    /// Returns until when the policies of the request's route admit the session,
    /// as the request found it. Returns `None` if the route has no policy, or
    /// without a session.
    #[must_use]
    pub fn area_deadline(&self) -> Option<AreaDeadline> {
        self.0.area_deadline()
    }

    /// Returns whether the request counts as activity with this outcome, and
    /// the piece of evidence that decided.
    #[must_use]
    pub fn activity(&self, outcome: Outcome) -> (Activity, Evidence) {
        let outcome = match self.0.refused.is_set() {
            // An answer of a refusal may be a redirect, which would count.
            true => Outcome::Answered(401),
            false => outcome,
        };
        self.classify(outcome)
    }

    /// Returns `true` if someone is there: the request would be activity, were it
    /// not refused.
    pub(super) fn is_attended(&self) -> bool {
        self.classify(Outcome::Answered(200)).0 == Activity::Active
    }

    fn classify(&self, outcome: Outcome) -> (Activity, Evidence) {
        let policy = self.0.policy();
        let mut evidence = self.0.evidence();
        let is_passive = policy.unprompted_navigations() == Unprompted::Passive;
        if evidence.fetch == Fetch::Unprompted && is_passive {
            evidence.fetch = Fetch::Background;
        }
        classify(policy.unmarked(), self.0.route_mark(), evidence, outcome)
    }

    /// Returns `true` if fetch metadata says that no page of this site made the
    /// request (law L2). Its statements do not count then.
    pub(super) fn is_prefetch_or_cross_site(&self) -> bool {
        self.0.evidence().fetch.is_background()
    }

    /// Returns `true` if an explicit extension counts, regardless of the
    /// route's mark. It does not in a prefetch, and not in a request that
    /// declares itself passive.
    pub(super) fn counts_as_extension(&self) -> bool {
        let ok = Outcome::Answered(200);
        let (activity, _) = classify(Unmarked::Active, RouteMark::Active, self.0.evidence(), ok);
        activity == Activity::Active
    }

    pub(super) fn changes<T>(&self, change: impl FnOnce(&mut Changes) -> T) -> T {
        self.0.changes(change)
    }

    /// Returns `true` if a command of this request did anything.
    #[inline]
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.0.is_changed()
    }

    /// Returns the session as the last command left it.
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
