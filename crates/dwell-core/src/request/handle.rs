//! The one extension that all layers share: a slot for every writer.
//!
//! Layers never meet otherwise. Each slot merges what is written into it so
//! that neither order nor repetition matters: facts never change, policies of
//! a route only tighten, marks and evidence only weaken, of two verdicts the
//! stricter stays.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::engine::{
    Activity, Deadlines, Evidence, Fetch, Outcome, RequestEvidence, RouteMark, classify,
};

use super::decision::Decided;
use super::location::Location;
use crate::manager::SessionManager;
use crate::policy::{NetworkMatch, PoliciesInForce, PolicySet, Unmarked};
use crate::request::{Admission, Decision, Resolved, ResolvedSession, Shown, TokenChange};
use crate::session::{SessionRecord, SubjectId};
use crate::sync::{Mutex, MutexGuard, lock};

/// The session state of one request, shared by all layers. Clones share it.
#[derive(Clone)]
pub struct SessionHandle(Arc<Inner>);

struct Inner {
    manager: SessionManager,
    policies: PoliciesInForce,
    presented: Resolved,
    found: Found,
    route_mark: AtomicU8,
    demanded_by_policy: AtomicBool,
    overlays: AtomicU64,
    late: OnceLock<Box<Late>>,
}

/// What the layers of a stack find of every request.
struct Found {
    location: Location,
    evidence: AtomicU8,
    decided: Decided,
    /// What was decided before the handle was shared: it holds until a route
    /// tightens the limits. To decide again for the answer takes 330
    /// instructions.
    first: Option<Admission>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            location: Location::default(),
            evidence: AtomicU8::new(RequestEvidence::UNSEEN),
            decided: Decided::default(),
            first: None,
        }
    }
}

/// What most requests have no use for: they take no lock, and the handle
/// stays small, since it is made for every request.
#[derive(Default)]
struct Late {
    route_label: OnceLock<Box<str>>,
    /// Whether `changes` holds anything.
    changed: AtomicBool,
    changes: Mutex<Changes>,
}

/// What commands did during the request.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) token: TokenChange,
    /// The request's session as a command left it, or one that it started.
    pub(crate) record: Option<SessionRecord>,
    /// Whether a command ended the request's session.
    pub(crate) ended: bool,
    /// Whether a command recorded the request's activity.
    pub(crate) touched: bool,
}

impl SessionHandle {
    /// The handle of one request. The session layer makes it.
    #[must_use]
    pub fn new(
        manager: SessionManager,
        policies: impl Into<PoliciesInForce>,
        presented: Resolved,
    ) -> Self {
        let policies = policies.into();
        Self(Arc::new(Inner {
            presented,
            ..Inner::new(manager, policies, Found::default())
        }))
    }

    /// The handle of a request of which everything is known beforehand,
    /// decided: nobody else sees its slots yet, so that writing them takes no
    /// atomic operation. Each would take some 6 ns.
    #[must_use]
    #[inline]
    pub fn decided(
        manager: SessionManager,
        policies: impl Into<PoliciesInForce>,
        shown: Shown<'_>,
        address: Option<IpAddr>,
        evidence: RequestEvidence,
    ) -> Self {
        let policies = policies.into();
        let address = address.map(|address| address.to_canonical());
        let network = policies.find_network(address);
        let admission =
            shown.admission(|facts| policies.limits(facts.policy, 0, facts.network, network));
        let found = Found {
            location: Location::new(network, address),
            evidence: AtomicU8::new(evidence.to_bits()),
            decided: Decided::new(Decision::from(&admission)),
            first: Some(admission),
        };
        Self(Arc::new(Inner {
            presented: shown.into(),
            ..Inner::new(manager, policies, found)
        }))
    }

    /// The manager behind it.
    #[must_use]
    pub fn manager(&self) -> &SessionManager {
        &self.0.manager
    }

    /// The policies in force for this request, whole over a reload.
    #[must_use]
    pub fn policies(&self) -> &Arc<PolicySet> {
        &self.0.policies
    }

    /// What the request brought along.
    #[must_use]
    pub fn presented(&self) -> &Resolved {
        &self.0.presented
    }

    /// The session that the request brought along, unless it has been ended.
    #[must_use]
    pub fn session(&self) -> Option<&ResolvedSession> {
        match &self.0.presented {
            Resolved::Session(session) => Some(session),
            Resolved::Nothing | Resolved::Tombstone(..) => None,
        }
    }

    /// Whose session it is.
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        self.session().map(|s| &s.record.subject)
    }

    /// The session as the commands of this request left it, or the one that
    /// they started; `None` when there is none, or it was ended.
    #[must_use]
    pub fn record(&self) -> Option<SessionRecord> {
        if !self.is_changed() {
            return self.session().map(|s| s.record.clone());
        }
        let (changed, ended) = self.changes(|c| (c.record.clone(), c.ended));
        if ended {
            return None;
        }
        changed.or_else(|| self.session().map(|s| s.record.clone()))
    }

    /// Writes the client's address, once; later writes are ignored. What has
    /// been decided without its network stays decided so.
    pub fn locate(&self, address: Option<IpAddr>) {
        let address = address.map(|address| address.to_canonical());
        let network = match self.decision() {
            None => self.0.policies.find_network(address),
            Some(_) => NetworkMatch::default(),
        };
        self.0.found.location.set(network, address);
    }

    /// Whether a network layer has run.
    #[must_use]
    pub fn is_located(&self) -> bool {
        self.0.found.location.is_set()
    }

    /// The client's address, where a network layer found one.
    #[must_use]
    pub fn client_ip(&self) -> Option<IpAddr> {
        self.0.found.location.address()
    }

    /// The client's network; none where no network layer ran.
    #[must_use]
    pub fn network(&self) -> NetworkMatch {
        self.0.found.location.network()
    }

    /// Adds what the request says of itself.
    pub fn add_evidence(&self, evidence: RequestEvidence) {
        let merge = |bits| Some(RequestEvidence::merge_bits(bits, evidence));
        let _ = self
            .0
            .found
            .evidence
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, merge);
    }

    /// Adds what a route says of its requests.
    pub fn mark_route(&self, mark: RouteMark) {
        let bit = match mark {
            RouteMark::Unmarked => 0,
            RouteMark::Active => 1,
            RouteMark::Passive => 2,
        };
        self.0.route_mark.fetch_or(bit, Ordering::Relaxed);
    }

    fn route_mark(&self) -> RouteMark {
        match self.0.route_mark.load(Ordering::Relaxed) {
            0 => RouteMark::Unmarked,
            1 => RouteMark::Active,
            _ => RouteMark::Passive,
        }
    }

    /// Tightens the limits by the policy of this name; `false` when there is
    /// none such.
    #[must_use]
    pub fn tighten(&self, policy: &str) -> bool {
        let bit = self.0.policies.overlay(policy);
        self.0
            .overlays
            .fetch_or(bit.unwrap_or(0), Ordering::Relaxed);
        bit.is_some()
    }

    /// Names the route for events; the first name stays.
    pub fn label_route(&self, route: impl FnOnce() -> Box<str>) {
        self.late().route_label.get_or_init(route);
    }

    pub(crate) fn route_label(&self) -> Option<&str> {
        self.0.late.get()?.route_label.get().map(|label| &**label)
    }

    /// Decides by all that has been written so far, and writes the decision.
    /// What is written later only ever makes it stricter.
    pub fn decide(&self) -> Admission {
        let admission = self.0.judge();
        self.0.found.decided.add(Decision::from(&admission));
        admission
    }

    /// The strictest decision so far; `None` when nothing has decided yet,
    /// which means that the enforcing layer is missing.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.0.found.decided.get()
    }

    /// The same with its deadlines.
    #[must_use]
    pub fn admission(&self) -> Option<Admission> {
        match (self.0.found.first, self.overlays()) {
            (Some(first), 0) => Some(first),
            _ => self.decision().map(|_| self.0.judge()),
        }
    }

    /// The deadlines, while the session is live.
    #[must_use]
    pub fn deadlines(&self) -> Option<Deadlines> {
        match (&self.0.found.first, self.overlays()) {
            (Some(first), 0) => first.deadlines().copied(),
            _ => self.admission()?.deadlines().copied(),
        }
    }

    /// Whether the request counts as activity, given what became of it.
    #[must_use]
    pub fn activity(&self, outcome: Outcome) -> (Activity, Evidence) {
        let policy = self.session().map(|s| s.record.facts.policy);
        let policy = policy.unwrap_or(crate::session::PolicyId::DEFAULT);
        let unmarked = self.0.policies.policy_or_default(policy).unmarked();
        let evidence = self.evidence();
        classify(unmarked, self.route_mark(), evidence, outcome)
    }

    /// Whether the browser says that no page of this site asked for it (law
    /// L2): whatever the request states then does not count.
    pub(crate) fn is_prefetch_or_foreign(&self) -> bool {
        self.evidence().fetch != Fetch::Plain
    }

    /// Whether the request itself lets an explicit extension count, whatever
    /// its route is marked: a prefetch or one that says it is passive does not.
    pub(crate) fn counts_as_extension(&self) -> bool {
        let evidence = self.evidence();
        let ok = Outcome::Answered(200);
        let (activity, _) = classify(Unmarked::Active, RouteMark::Active, evidence, ok);
        activity == Activity::Active
    }

    /// Reads what commands did, or adds to it.
    pub(crate) fn changes<T>(&self, change: impl FnOnce(&mut Changes) -> T) -> T {
        change(&mut self.locked_changes())
    }

    #[inline(never)]
    fn locked_changes(&self) -> MutexGuard<'_, Changes> {
        let late = self.late();
        let changes = lock(&late.changes);
        late.changed.store(true, Ordering::Release);
        changes
    }

    /// Whether a command recorded the request's activity.
    #[must_use]
    pub fn has_touched(&self) -> bool {
        self.is_changed() && self.changes(|changes| changes.touched)
    }

    /// Whether any command did anything.
    pub(crate) fn is_changed(&self) -> bool {
        let late = self.0.late.get();
        late.is_some_and(|late| late.changed.load(Ordering::Acquire))
    }

    fn late(&self) -> &Late {
        self.0.late.get_or_init(Box::default)
    }

    /// The mark that a route demanded what the policy says.
    pub(crate) fn by_policy(&self) -> &AtomicBool {
        &self.0.demanded_by_policy
    }

    fn evidence(&self) -> RequestEvidence {
        RequestEvidence::from_bits(self.0.found.evidence.load(Ordering::Relaxed))
    }

    /// The session as the last command left it.
    pub(crate) fn current_record(&self, session: &ResolvedSession) -> SessionRecord {
        let changed = self.changes(|c| c.record.clone());
        changed
            .filter(|record| record.key == session.record.key)
            .unwrap_or_else(|| session.record.clone())
    }

    pub(crate) fn overlays(&self) -> u64 {
        self.0.overlays.load(Ordering::Relaxed)
    }
}

impl Inner {
    #[inline(always)]
    fn new(manager: SessionManager, policies: PoliciesInForce, found: Found) -> Self {
        Self {
            manager,
            policies,
            presented: Resolved::Nothing,
            found,
            route_mark: AtomicU8::new(0),
            demanded_by_policy: AtomicBool::new(false),
            overlays: AtomicU64::new(0),
            late: OnceLock::new(),
        }
    }

    fn judge(&self) -> Admission {
        let overlays = self.overlays.load(Ordering::Relaxed);
        let network = self.found.location.network();
        self.presented.as_shown().admission(|facts| {
            let policies = &self.policies;
            policies.limits(facts.policy, overlays, facts.network, network)
        })
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionHandle")
            .field("subject", &self.subject())
            .field("admission", &self.admission())
            .finish_non_exhaustive()
    }
}
