//! The policies of a route, as bits.

use std::time::Duration;

use super::Policy;
use super::set::PolicySet;
use crate::session::PolicyId;

impl PolicySet {
    /// Returns the overlay bit of the policy with this name.
    pub(crate) fn overlay(&self, name: &str) -> Option<u64> {
        let ix = self.policies.iter().position(|p| &*p.name == name)?;
        1_u64.checked_shl(u32::try_from(ix).ok()?)
    }

    /// Returns the names of the policies with these overlay bits.
    pub(crate) fn overlay_names(&self, overlays: u64) -> Box<[Box<str>]> {
        let named = self.overlaid(overlays);
        named.map(|policy| policy.name.clone()).collect()
    }

    /// Returns the shortest `reauthenticate` of the session's policy and the
    /// route's.
    pub(crate) fn reauthenticate(&self, policy: PolicyId, overlays: u64) -> Duration {
        let base = self.policy_or_default(policy).reauthenticate;
        let of_route = self.overlaid(overlays);
        of_route.fold(base, |age, overlay| age.min(overlay.reauthenticate))
    }

    /// Returns the policies with these overlay bits.
    fn overlaid(&self, overlays: u64) -> impl Iterator<Item = &Policy> {
        let policies = self.policies.iter().enumerate();
        policies
            .filter(move |(ix, _)| overlays & (1 << ix) != 0)
            .map(|(_, policy)| policy)
    }
}
