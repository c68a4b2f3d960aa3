//! The policies of a route, as bits: its area.

use std::time::Duration;

use super::Policy;
use super::limits::AreaLimits;
use super::network_index::NetworkMatch;
use super::set::PolicySet;
use crate::session::NetworkId;

impl PolicySet {
    /// Returns the bit of the policy with this name.
    pub(crate) fn area_bit(&self, name: &str) -> Option<u64> {
        let ix = self.policies.iter().position(|p| &*p.name == name)?;
        1_u64.checked_shl(u32::try_from(ix).ok()?)
    }

    /// Returns the names of the policies with these bits.
    pub(crate) fn area_names(&self, area: u64) -> Box<[Box<str>]> {
        let policies = self.area_policies(area);
        policies.map(|(_, policy)| policy.name.clone()).collect()
    }

    /// Returns the smallest limits of the policies with these bits, for a client
    /// that was last active in the network `last` and is now in `current`.
    /// Returns `None` without a policy.
    pub(crate) fn area_limits(
        &self,
        area: u64,
        last: NetworkId,
        current: NetworkMatch,
    ) -> Option<AreaLimits> {
        let networks = self.networks_in_force(last, current);
        let limits = self.area_policies(area).map(|(ix, policy)| AreaLimits {
            idle: self.idle_in(ix, networks).length,
            absolute: self.absolute[ix].length,
            warn: policy.warn,
        });
        limits.reduce(AreaLimits::smaller)
    }

    /// Returns the shortest `reauthenticate` of the session's policy and the
    /// route's.
    pub(crate) fn reauthenticate(&self, policy: &Policy, area: u64) -> Duration {
        let of_route = self.area_policies(area).map(|(_, of)| of.reauthenticate);
        of_route.fold(policy.reauthenticate, Duration::min)
    }

    /// Returns the policies with these bits, and their places.
    fn area_policies(&self, area: u64) -> impl Iterator<Item = (usize, &Policy)> {
        let policies = self.policies.iter().enumerate();
        policies.filter(move |(ix, _)| area & (1 << ix) != 0)
    }
}
