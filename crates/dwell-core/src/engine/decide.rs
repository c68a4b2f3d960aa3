//! The law, as pure functions of facts, limits and now.
//!
//! Nothing here reads a clock, a store or a request. A deadline is an
//! instant at which it is already too late (law L1).

use std::time::Duration;

use crate::engine::{Activity, Deadlines, Verdict};
use crate::policy::{AuthenticationRequirement, Limits, NetworkMatch, OnIdle, PolicySet, Rule};
use crate::session::{AuthenticationContext, Credential, EndReason, Facts, VerifierHash};
use crate::time::{Timestamp, seconds};

/// How far a stamp may lie in the future before it counts as corrupt.
///
/// A store that fails over to a machine whose clock is a little behind must
/// not end every session; it prolongs none either, since deadlines are
/// recorded as instants.
pub const FUTURE_LEEWAY: Duration = seconds(60);

/// Decides whether a session may be used at `now`.
#[must_use]
pub fn decide(facts: &Facts, limits: &Limits, now: Timestamp) -> Verdict {
    if !stamps_are_sound(facts, now) {
        return Verdict::Ended(EndReason::IdleTimeout);
    }
    let hard = hard_limit(facts, limits);
    let (idle, idle_rule) = idle_limit(facts, limits);
    let lock_from = facts.locked_at.map_or(idle, |at| at.min(idle));
    let idle_end = match limits.on_idle {
        OnIdle::End => lock_from,
        OnIdle::Lock => lock_from + limits.lock_period,
    };
    if now >= idle_end.min(hard.at) {
        let reason = if hard.at <= idle_end {
            hard.reason
        } else {
            EndReason::IdleTimeout
        };
        return Verdict::Ended(reason);
    }
    if now >= lock_from {
        return Verdict::Locked {
            until: idle_end.min(hard.at),
        };
    }
    let extendable = idle < hard.at;
    let deadlines = Deadlines {
        now,
        idle,
        absolute: hard.at,
        nearest: idle.min(hard.at),
        ends_by: if extendable {
            EndReason::IdleTimeout
        } else {
            hard.reason
        },
        set_by: if extendable { idle_rule } else { hard.rule },
        warn: limits.warn,
    };
    match limits.route_idle {
        // Activity elsewhere keeps the session, but does not buy back a
        // stricter route: only authentication does.
        Some((idle, policy)) if facts.longest_pause >= idle => Verdict::Stale { deadlines, policy },
        _ => Verdict::Live(deadlines),
    }
}

/// A missing or corrupt stamp means expired (law L17).
fn stamps_are_sound(facts: &Facts, now: Timestamp) -> bool {
    let stamps = [
        facts.created_at,
        facts.last_active_at,
        facts.authenticated_at,
    ];
    stamps
        .iter()
        .all(|stamp| *stamp > Timestamp::MIN && *stamp <= now + FUTURE_LEEWAY)
}

/// A deadline that activity can't move.
struct HardLimit {
    at: Timestamp,
    reason: EndReason,
    rule: Rule,
}

fn hard_limit(facts: &Facts, limits: &Limits) -> HardLimit {
    let by_policy = facts.created_at + limits.absolute.length;
    let (at, rule) = if facts.absolute_deadline < by_policy {
        (facts.absolute_deadline, Rule::Recorded)
    } else {
        (by_policy, limits.absolute.rule)
    };
    match facts.provider_deadline {
        Some(provider) if provider < at => HardLimit {
            at: provider,
            reason: EndReason::IdpSessionExpired,
            rule: Rule::Provider,
        },
        _ => HardLimit {
            at,
            reason: EndReason::AbsoluteTimeout,
            rule,
        },
    }
}

fn idle_limit(facts: &Facts, limits: &Limits) -> (Timestamp, Rule) {
    let by_policy = facts.last_active_at + limits.idle.length;
    if facts.idle_deadline < by_policy {
        (facts.idle_deadline, Rule::Recorded)
    } else {
        (by_policy, limits.idle.rule)
    }
}

/// The facts of a session that starts at `now`.
#[must_use]
pub fn opening_facts(
    policies: &PolicySet,
    policy: crate::session::PolicyId,
    network: NetworkMatch,
    now: Timestamp,
) -> Facts {
    let network_id = policies.network_id(network);
    let limits = policies.limits(policy, 0, network_id, network);
    let absolute_deadline = now + limits.absolute.length;
    Facts {
        created_at: now,
        last_active_at: now,
        authenticated_at: now,
        idle_deadline: now + limits.idle.length,
        absolute_deadline,
        provider_deadline: None,
        locked_at: None,
        longest_pause: Duration::ZERO,
        failures: 0,
        policy: policies.policy_or_default(policy).id(),
        network: network_id,
        version: 0,
    }
}

/// A touch: activity at `at`, to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// When the activity happened.
    pub at: Timestamp,
    /// From which network.
    pub network: crate::session::NetworkId,
    /// The idle deadline that it sets.
    pub idle_deadline: Timestamp,
}

impl Touch {
    /// The same, but no later than `now` by the store's clock: a node whose
    /// clock is ahead gains no idle time (law L11).
    #[must_use]
    pub fn not_after(self, now: Timestamp) -> Self {
        let at = self.at.min(now);
        Self {
            at,
            idle_deadline: at + (self.idle_deadline - self.at),
            ..self
        }
    }
}

/// The touch that a request at `at` earns, if any: it must be activity, later
/// than what is recorded, and not within the granularity of it.
#[must_use]
pub fn next_touch(
    policies: &PolicySet,
    facts: &Facts,
    network: NetworkMatch,
    activity: Activity,
    at: Timestamp,
) -> Option<Touch> {
    (activity == Activity::Active && is_touch_due(policies, facts, at))
        .then(|| touch(policies, facts, network, at))
}

/// Whether activity at `at` would be recorded.
pub(crate) fn is_touch_due(policies: &PolicySet, facts: &Facts, at: Timestamp) -> bool {
    at > facts.last_active_at && at - facts.last_active_at >= policies.granularity()
}

/// The touch for activity at `at`, whatever the granularity.
#[must_use]
pub fn touch(policies: &PolicySet, facts: &Facts, network: NetworkMatch, at: Timestamp) -> Touch {
    let network_id = policies.network_id(network);
    let limits = policies.limits(facts.policy, 0, network_id, network);
    Touch {
        at,
        network: network_id,
        idle_deadline: at + limits.idle.length,
    }
}

/// Whether an authentication is recent and strong enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationCheck {
    /// It is.
    Fresh,
    /// It lies too far back, or in the future.
    TooOld,
    /// Its class or its methods do not suffice.
    TooWeak,
}

/// Checks the last authentication against what a route demands. `max_age` is
/// the limit in force: the route's own or the policy's.
#[must_use]
pub fn check_authentication(
    facts: &Facts,
    strength: Option<&AuthenticationContext>,
    demand: &AuthenticationRequirement,
    max_age: Duration,
    now: Timestamp,
) -> AuthenticationCheck {
    let at = facts.authenticated_at;
    if at == Timestamp::MIN || at > now + FUTURE_LEEWAY || now - at >= max_age {
        return AuthenticationCheck::TooOld;
    }
    let acr = strength.and_then(|s| s.acr.as_deref());
    let amr = strength.map(|s| s.amr.as_slice()).unwrap_or_default();
    let class_suffices = demand.acr().is_empty()
        || acr.is_some_and(|acr| demand.acr().iter().any(|wanted| **wanted == *acr));
    let methods_suffice = demand.amr().iter().all(|wanted| amr.contains(wanted));
    if class_suffices && methods_suffice {
        AuthenticationCheck::Fresh
    } else {
        AuthenticationCheck::TooWeak
    }
}

/// What a presented token is to its session (law L10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// The current token.
    Current {
        /// Whether the store must still learn that the client has it.
        confirm: bool,
    },
    /// The one before, within the grace for parallel requests.
    Grace,
    /// The one before, whose successor was never seen: the answer that
    /// carried it was lost, and another successor is due.
    LostSuccessor,
    /// A superseded token after its successor was used: somebody has a copy.
    Reused,
    /// None that is good, shortly after a rotation: a parallel request of two
    /// rotations ago may look like this, so nothing follows from it.
    Unknown,
}

impl TokenState {
    /// Whether the session opens to such a token.
    #[must_use]
    pub const fn opens(self) -> bool {
        match self {
            Self::Current { .. } | Self::Grace | Self::LostSuccessor => true,
            Self::Reused | Self::Unknown => false,
        }
    }
}

/// Judges a presented token.
#[must_use]
pub fn judge_token(
    credential: &Credential,
    presented: VerifierHash,
    grace: Duration,
    now: Timestamp,
) -> TokenState {
    if presented == credential.check {
        return TokenState::Current {
            confirm: !credential.confirmed,
        };
    }
    match credential.previous {
        Some(previous) if previous.check == presented => {
            if now < previous.at + grace {
                TokenState::Grace
            } else if credential.confirmed {
                TokenState::Reused
            } else {
                TokenState::LostSuccessor
            }
        }
        Some(previous) if now < previous.at + grace => TokenState::Unknown,
        // The selector is secret, so whoever knows it once held a token of
        // this session: an older generation.
        _ => TokenState::Reused,
    }
}
