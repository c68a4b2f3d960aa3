//! When the policies of a route ask for authentication again.

use std::time::Duration;

use crate::policy::{NetworkMatch, PolicySet};
use crate::session::Facts;
use crate::time::Timestamp;

/// Until when the policies of a route admit a session. They never end it: from
/// then on its subject must authenticate again to use the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "plain values, as the deadlines are"
)]
pub struct AreaDeadline {
    /// The instant, by the store's clock. At it the route is already closed.
    pub at: Timestamp,
    /// How old an authentication may be that opens the route again.
    pub max_age: Duration,
    /// How long before `at` the user is warned.
    pub warn: Duration,
    /// Whether activity still moves `at`. Otherwise only an authentication does.
    pub extendable: bool,
}

impl AreaDeadline {
    /// Decides until when the policy with this name admits a session to a client in
    /// `network`. Returns `None` if no policy has the name.
    #[must_use]
    pub fn of(
        policies: &PolicySet,
        name: &str,
        facts: &Facts,
        network: NetworkMatch,
    ) -> Option<Self> {
        area_deadline(policies, policies.area_bit(name)?, facts, network)
    }

    /// Returns `true` if the route asks for authentication at `now`.
    #[must_use]
    pub fn has_passed(&self, now: Timestamp) -> bool {
        now >= self.at
    }
}

/// Decides until when the policies with the bits `area` admit a session to a
/// client in `network`: until a pause since the last authentication is as long as
/// their idle timeout, or that authentication is as old as their absolute timeout.
/// Returns `None` without a policy.
pub(crate) fn area_deadline(
    policies: &PolicySet,
    area: u64,
    facts: &Facts,
    network: NetworkMatch,
) -> Option<AreaDeadline> {
    let limits = policies.area_limits(area, facts.network, network)?;
    // Activity elsewhere keeps the session, but opens no stricter route (N52).
    let was_left = facts.longest_pause >= limits.idle;
    let by_pause = match was_left {
        true => Timestamp::MIN,
        false => facts.last_active_at + limits.idle,
    };
    let by_age = facts.authenticated_at + limits.absolute;
    Some(AreaDeadline {
        at: by_pause.min(by_age),
        max_age: limits.idle.min(limits.absolute),
        warn: limits.warn.min(limits.idle / 2),
        extendable: !was_left && by_pause < by_age,
    })
}
