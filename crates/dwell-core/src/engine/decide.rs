//! Decisions about sessions, tokens and authentications.

use std::time::Duration;

use crate::engine::{Activity, Deadlines, Verdict};
use crate::policy::{AuthenticationRequirement, Limits, NetworkMatch, PolicySet, Rule};
use crate::session::{AuthenticationContext, Credential, EndReason, Facts, VerifierHash};
use crate::time::{Timestamp, seconds};

/// How far a stamp may be ahead of the store's clock before it counts as
/// corrupt: 60 seconds.
///
/// A failover to a machine whose clock is slightly behind must not end every
/// session. Recorded deadlines are instants, so a clock that steps back
/// prolongs sessions by its step. The clocks of stores must therefore be
/// slewed, not stepped.
pub const FUTURE_LEEWAY: Duration = seconds(60);

/// Decides whether a session may be used at `now`, by the store's clock.
///
/// A deadline belongs to the end: at the deadline itself the session is over
/// (law L1). A missing or corrupt stamp means that the session has run out, but for
/// the authentication: one that is not stated is never fresh.
#[must_use]
pub fn decide(facts: &Facts, limits: &Limits, now: Timestamp) -> Verdict {
    if !stamps_are_sound(facts, now) {
        return Verdict::Ended(EndReason::IdleTimeout);
    }
    let hard = hard_limit(facts, limits);
    let (idle, idle_rule) = idle_limit(facts, limits);
    let lock_from = facts.locked_from(idle);
    let idle_end = lock_from + limits.lock_period();
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
    Verdict::Live(deadlines)
}

/// A missing or corrupt stamp means that the session has run out (law L17). Only
/// the authentication may be missing: nobody stated when it was (law L21).
fn stamps_are_sound(facts: &Facts, now: Timestamp) -> bool {
    let stamps = [facts.created_at, facts.last_active_at];
    stamps.into_iter().all(|stamp| is_sound(stamp, now))
        && (!facts.is_authentication_known() || is_sound(facts.authenticated_at, now))
}

/// Returns `true` if a stamp is set, and not further ahead of `now` than
/// [`FUTURE_LEEWAY`].
pub(crate) fn is_sound(stamp: Timestamp, now: Timestamp) -> bool {
    stamp > Timestamp::MIN && stamp <= now + FUTURE_LEEWAY
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

/// Returns the facts of a session that starts at `now`, with the deadlines of
/// its policy. A policy that is not in the set becomes `default`.
#[must_use]
pub fn opening_facts(
    policies: &PolicySet,
    policy: crate::session::PolicyId,
    network: NetworkMatch,
    now: Timestamp,
) -> Facts {
    let network_id = policies.network_id(network);
    let limits = policies.limits(policy, network_id, network);
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

/// Activity to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct Touch {
    /// When the activity happened.
    pub at: Timestamp,
    /// The network that the activity came from.
    pub network: crate::session::NetworkId,
    /// The idle deadline that the activity sets.
    pub idle_deadline: Timestamp,
    /// Whether the store failed to record it before. Only then may it be written
    /// after the recorded idle deadline, until its own has passed (law L5).
    pub retried: bool,
}

impl Touch {
    /// Returns the touch moved back to `now` if it lies later, with its idle
    /// deadline moved by as much. A node whose clock is ahead of the store's
    /// gains no idle time (law L11).
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

/// Returns the touch that a request at `at` earns. Returns `None` if the
/// request is passive, or came less than one granularity after the last
/// activity on record.
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

/// Returns `true` if activity at `at` would be recorded.
pub(crate) fn is_touch_due(policies: &PolicySet, facts: &Facts, at: Timestamp) -> bool {
    at > facts.last_active_at && at - facts.last_active_at >= policies.granularity()
}

/// Returns the touch for activity at `at`, regardless of the granularity.
#[must_use]
pub fn touch(policies: &PolicySet, facts: &Facts, network: NetworkMatch, at: Timestamp) -> Touch {
    let network_id = policies.network_id(network);
    let limits = policies.limits(facts.policy, network_id, network);
    Touch {
        at,
        network: network_id,
        idle_deadline: at + limits.idle.length,
        retried: false,
    }
}

/// Whether an authentication is recent and strong enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each state"
)]
pub enum AuthenticationCheck {
    /// The authentication meets the requirement.
    Fresh,
    /// The authentication is too old, or its stamp is corrupt.
    TooOld,
    /// The class or the methods do not suffice.
    TooWeak,
}

/// Checks the last authentication against a route's requirement.
///
/// `context` is how the subject authenticated, where that is on record.
/// `max_age` is the limit in force: the route's own or the policy's. An
/// authentication exactly `max_age` ago is too old.
#[must_use]
pub fn check_authentication(
    facts: &Facts,
    context: Option<&AuthenticationContext>,
    requirement: &AuthenticationRequirement,
    max_age: Duration,
    now: Timestamp,
) -> AuthenticationCheck {
    if is_too_old(facts, max_age, now) {
        return AuthenticationCheck::TooOld;
    }
    let acr = context.and_then(|c| c.acr.as_deref());
    let amr = context.map(|c| c.amr.as_slice()).unwrap_or_default();
    let class_suffices = requirement.acr().is_empty()
        || acr.is_some_and(|acr| requirement.acr().iter().any(|wanted| **wanted == *acr));
    let methods_suffice = requirement.amr().iter().all(|wanted| amr.contains(wanted));
    if class_suffices && methods_suffice {
        AuthenticationCheck::Fresh
    } else {
        AuthenticationCheck::TooWeak
    }
}

/// Returns `true` if the last authentication is `max_age` old or older, or its stamp
/// is corrupt.
pub(crate) fn is_too_old(facts: &Facts, max_age: Duration, now: Timestamp) -> bool {
    let at = facts.authenticated_at;
    !is_sound(at, now) || now - at >= max_age
}

/// How a presented token relates to its session (law L10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each state"
)]
pub enum TokenState {
    /// The current token.
    Current {
        /// Whether the store must still record that the client has the token.
        confirm: bool,
    },
    /// The previous token, within the grace period for parallel requests.
    Grace,
    /// The previous token, after the grace period, while its successor was
    /// never used: the answer with the successor was lost, and the client
    /// needs another one.
    LostSuccessor,
    /// A superseded token whose successor was used: the token was copied.
    Reused,
    /// An unknown verifier within the grace period of a rotation. It may
    /// belong to a parallel request two rotations old, so the request is
    /// refused and the session stays.
    Unknown,
}

/// Judges a presented token. `grace` is how long a superseded token stays
/// valid for parallel requests.
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
        // The selector is secret: only a former holder of a token knows it,
        // so this is an older token of the session.
        _ => TokenState::Reused,
    }
}
