//! The policies that a route tightens by, as bits.

use std::time::Duration;

use super::set::PolicySet;
use crate::id::PolicyId;

impl PolicySet {
    /// The overlay bit of the policy of this name.
    pub(crate) fn overlay(&self, name: &str) -> Option<u64> {
        let ix = self.policies.iter().position(|p| &*p.name == name)?;
        1_u64.checked_shl(u32::try_from(ix).ok()?)
    }

    /// The names of the policies of these overlay bits.
    pub(crate) fn overlay_names(&self, overlays: u64) -> Box<[Box<str>]> {
        if overlays == 0 {
            return Box::default();
        }
        let policies = self.policies.iter().enumerate();
        let named = policies.filter(|(ix, _)| overlays & (1 << ix) != 0);
        named.map(|(_, policy)| policy.name.clone()).collect()
    }

    /// The shortest `reauthenticate` of the session's policy and the route's.
    pub(crate) fn reauthenticate(&self, policy: PolicyId, overlays: u64) -> Duration {
        let base = self.policy_or_default(policy).reauthenticate;
        let of_route = self.policies.iter().enumerate();
        let of_route = of_route.filter(|(ix, _)| overlays & (1 << ix) != 0);
        of_route.fold(base, |age, (_, overlay)| age.min(overlay.reauthenticate))
    }
}
