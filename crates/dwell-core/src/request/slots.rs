//! The slots of the request extension that all layers share.
//!
//! Each slot merges what is written to it, so neither order nor repetition
//! matters: facts never change, the policies of a route add up, and marks
//! and evidence only speak against activity.
//!
//! The layers of a request run one after another. So slots are written without
//! atomic read-modify-write instructions where possible.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::location::Location;
use super::{Resolved, ResolvedSession, TokenChange};
use crate::engine::{self, AreaDeadline, RequestEvidence, RouteMark, Verdict};
use crate::manager::SessionManager;
use crate::policy::{PoliciesInForce, Policy};
use crate::session::{PolicyId, SessionRecord};
use crate::sync::{Mutex, lock};
use crate::time::{Timestamp, as_millis};

/// The session state of one request.
pub(super) struct Slots {
    pub(super) manager: SessionManager,
    pub(super) policies: PoliciesInForce,
    pub(super) resolved: Resolved,
    pub(super) location: Location,
    evidence: AtomicU8,
    route_mark: AtomicU8,
    /// Whether a route required an authentication by the policy's age limit.
    pub(super) demanded_by_policy: Flag,
    /// The oldest authentication that the request's routes accept, in milliseconds;
    /// the greatest number if none asks for one.
    demanded_age: AtomicU64,
    /// Whether a handler or a route has asked for the session.
    pub(super) personal: Flag,
    /// Whether the request has got as far as its route.
    pub(super) routed: Flag,
    /// Whether a command of the request ends or replaces its session.
    pub(super) ending: Flag,
    /// Whether another middleware owns the sessions of the request's source.
    pub(super) foreign: Flag,
    /// Whether the owner has proved a session that was not adopted.
    pub(super) unadopted: Flag,
    /// Whether a layer or an extractor refused the request.
    pub(super) refused: Flag,
    /// Whether another middleware knows the request's user.
    pub(super) linked: Flag,
    /// The policies of the route, as bits.
    area: AtomicU64,
    decided: OnceLock<Verdict>,
    rare: OnceLock<Box<Rare>>,
}

/// Something that is noted, and never taken back.
#[derive(Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What most requests don't need. Kept apart, so that the slots, which every
/// request makes, stay small.
#[derive(Default)]
struct Rare {
    route_label: OnceLock<Box<str>>,
    /// What the session source found and needs again at the answer.
    carry: OnceLock<Arc<dyn Any + Send + Sync>>,
    changed: AtomicBool,
    changes: Mutex<Changes>,
}

/// What the commands of the request did.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) token: TokenChange,
    /// The request's session as a command left it, or the one it started.
    pub(super) record: Option<SessionRecord>,
    /// How many re-authentications had failed with this request's own, counted
    /// before its factor is checked.
    pub(super) attempt: Option<u8>,
    /// Whether a command ended the request's session.
    pub(super) ended: bool,
    /// Whether a command recorded the request's activity.
    pub(super) touched: bool,
    /// Until when the request has held its session.
    pub(super) held: Option<Timestamp>,
}

impl Slots {
    pub(super) fn new(
        manager: SessionManager,
        policies: PoliciesInForce,
        resolved: Resolved,
    ) -> Self {
        Self {
            manager,
            policies,
            resolved,
            location: Location::default(),
            evidence: AtomicU8::new(RequestEvidence::UNSEEN),
            route_mark: AtomicU8::new(0),
            demanded_by_policy: Flag::default(),
            demanded_age: AtomicU64::new(u64::MAX),
            personal: Flag::default(),
            routed: Flag::default(),
            ending: Flag::default(),
            foreign: Flag::default(),
            unadopted: Flag::default(),
            refused: Flag::default(),
            linked: Flag::default(),
            area: AtomicU64::new(0),
            decided: OnceLock::new(),
            rare: OnceLock::new(),
        }
    }

    /// The session that the request came with, live or over.
    #[inline]
    pub(super) fn found(&self) -> Option<&ResolvedSession> {
        match &self.resolved {
            Resolved::Session(session) => Some(session),
            Resolved::Nothing | Resolved::Tombstone(..) => None,
        }
    }

    /// The policy of the request's session; `default` without one.
    pub(super) fn policy(&self) -> &Policy {
        let id = self.found().map(|session| session.record.facts.policy);
        self.policies
            .policy_or_default(id.unwrap_or(PolicyId::DEFAULT))
    }

    #[inline]
    pub(super) fn add_evidence(&self, evidence: RequestEvidence) {
        match self.evidence.load(Ordering::Relaxed) {
            RequestEvidence::UNSEEN => self.evidence.store(evidence.to_bits(), Ordering::Relaxed),
            _ => {
                let merge = |bits| Some(RequestEvidence::from_bits(bits).merge(evidence).to_bits());
                let order = Ordering::Relaxed;
                let _ = self.evidence.fetch_update(order, order, merge);
            }
        }
    }

    #[inline]
    pub(super) fn evidence(&self) -> RequestEvidence {
        RequestEvidence::from_bits(self.evidence.load(Ordering::Relaxed))
    }

    pub(super) fn mark_route(&self, mark: RouteMark) {
        let bit = match mark {
            RouteMark::Unmarked => 0,
            RouteMark::Active => 1,
            RouteMark::Passive => 2,
        };
        self.route_mark.fetch_or(bit, Ordering::Relaxed);
    }

    pub(super) fn route_mark(&self) -> RouteMark {
        match self.route_mark.load(Ordering::Relaxed) {
            0 => RouteMark::Unmarked,
            1 => RouteMark::Active,
            _ => RouteMark::Passive,
        }
    }

    /// Notes that a route accepts no authentication of this age or older.
    pub(super) fn demand_age(&self, max_age: Duration) {
        let age = as_millis(max_age);
        self.demanded_age.fetch_min(age, Ordering::Relaxed);
    }

    /// Returns the age at which an authentication is too old for the routes.
    pub(super) fn demanded_age(&self) -> Option<Duration> {
        let age = self.demanded_age.load(Ordering::Relaxed);
        (age != u64::MAX).then(|| Duration::from_millis(age))
    }

    pub(super) fn enter_area(&self, policy: u64) {
        self.area.fetch_or(policy, Ordering::Relaxed);
    }

    pub(super) fn area(&self) -> u64 {
        self.area.load(Ordering::Relaxed)
    }

    /// Decides by what has been written so far, once.
    pub(super) fn decide(&self) -> Verdict {
        let network = || self.location.network();
        let judge = || self.resolved.verdict(&self.policies, network());
        *self.decided.get_or_init(judge)
    }

    #[inline]
    pub(super) fn is_decided(&self) -> bool {
        self.decided.get().is_some()
    }

    /// Returns the verdict, or `None` before the decision.
    #[inline]
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        self.decided.get()
    }

    /// Returns until when the route's policies admit the session. `None` without
    /// such policies, or without a session.
    pub(super) fn area_deadline(&self) -> Option<AreaDeadline> {
        let facts = &self.found()?.record.facts;
        engine::area_deadline(&self.policies, self.area(), facts, self.location.network())
    }

    /// Reads or changes what commands did.
    pub(super) fn changes<T>(&self, change: impl FnOnce(&mut Changes) -> T) -> T {
        let rare = self.rare();
        let mut changes = lock(&rare.changes);
        rare.changed.store(true, Ordering::Release);
        change(&mut changes)
    }

    /// Returns `true` if any command did anything.
    pub(super) fn is_changed(&self) -> bool {
        let rare = self.rare.get();
        rare.is_some_and(|rare| rare.changed.load(Ordering::Acquire))
    }

    pub(super) fn label_route(&self, route: impl FnOnce() -> Box<str>) {
        self.rare().route_label.get_or_init(route);
    }

    pub(super) fn route_label(&self) -> Option<&str> {
        self.rare.get()?.route_label.get().map(|label| &**label)
    }

    pub(super) fn set_carry(&self, carry: Arc<dyn Any + Send + Sync>) {
        let _ = self.rare().carry.set(carry);
    }

    pub(super) fn carry<T: Any>(&self) -> Option<&T> {
        self.rare.get()?.carry.get()?.downcast_ref()
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }
}
