//! The policy set: every limit that can be in force, computed beforehand.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Policy;
use super::client_ip::ClientIp;
use super::duration::Shown;
use super::limits::{Limit, Limits};
use super::network::{NetworkIx, Ranges};
use super::network_index::{Ceilings, Network, NetworkIndex, NetworkMatch};
use crate::policy::Rule;
use crate::session::{NetworkId, PolicyId};
use crate::time::{minutes, seconds};

/// All policies of a service, immutable. Create it with
/// [`simple`](Self::simple), [`builder`](Self::builder) or `from_toml`; to
/// reload, create another one and give it to
/// [`LivePolicies::replace`](crate::LivePolicies::replace).
#[derive(Clone, Debug)]
pub struct PolicySet {
    /// The first policy is `default`.
    pub(super) policies: Vec<Policy>,
    networks: Vec<Network>,
    by_id: Vec<(NetworkId, NetworkIx)>,
    ranges: Ranges,
    client_ip: ClientIp,
    granularity: Duration,
    /// Idle limits by policy (row) and network (column; the first is none).
    idle: Vec<Limit>,
    pub(super) absolute: Vec<Limit>,
    warnings: Vec<String>,
    generation: u64,
}

/// Every set gets its own number.
static GENERATION: AtomicU64 = AtomicU64::new(1);

impl PolicySet {
    pub(super) fn new(
        policies: Vec<Policy>,
        networks: Vec<Network>,
        index: NetworkIndex,
        ceilings: Ceilings,
        client_ip: ClientIp,
        granularity: Option<Duration>,
    ) -> Self {
        let NetworkIndex { by_id, ranges } = index;
        let mut set = Self {
            ranges,
            idle: Vec::with_capacity(policies.len() * (networks.len() + 1)),
            absolute: Vec::with_capacity(policies.len()),
            policies,
            networks,
            by_id,
            client_ip,
            granularity: Duration::ZERO,
            warnings: Vec::new(),
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        };
        set.settle_limits(ceilings);
        set.settle_granularity(granularity);
        set
    }

    /// Derives the granularity from the idle timeouts in force (N56).
    fn settle_granularity(&mut self, stated: Option<Duration>) {
        let shortest = self.idle.iter().map(|limit| limit.length).min();
        let shortest = shortest.unwrap_or(seconds(1));
        let default = (shortest / 60).min(minutes(1));
        self.granularity = stated.map_or(default, |stated| stated.min(shortest / 4));
        if let Some(stated) = stated
            && self.granularity < stated
        {
            let (wanted, settled) = (Shown(stated), Shown(self.granularity));
            self.warnings.push(format!(
                "granularity: {wanted} is cut to {settled}, a quarter of the shortest idle timeout \
                 in force"
            ));
        }
    }

    fn settle_limits(&mut self, ceilings: Ceilings) {
        for policy in &self.policies {
            let own = Rule::Policy(policy.id);
            let bound = |limit: Limit, preset: Option<Duration>, ceiling: Option<Duration>| {
                let preset_rule = policy.preset.map_or(own, Rule::Preset);
                limit
                    .min(preset, preset_rule)
                    .min(ceiling, Rule::Organization)
            };
            let absolute = Limit {
                length: policy.absolute,
                rule: own,
            };
            let preset = policy.preset.and_then(super::Preset::absolute);
            let settled = bound(absolute, preset, ceilings.absolute);
            if settled.length < absolute.length {
                let place = ("policy.", &*policy.name, "absolute");
                self.warnings.push(warning(place, absolute, settled));
            }
            self.absolute.push(settled);
            for network in std::iter::once(None).chain(self.networks.iter().map(Some)) {
                let base = Limit {
                    length: policy.idle,
                    rule: own,
                };
                let allowed = match network {
                    None => base,
                    Some(n) if policy.id == PolicyId::DEFAULT => Limit {
                        length: n.idle,
                        rule: Rule::Network(n.id),
                    },
                    Some(n) => base.min(Some(n.idle), Rule::Network(n.id)),
                };
                let preset = policy.preset.and_then(super::Preset::idle);
                let settled = bound(allowed, preset, ceilings.idle);
                let place = match (allowed.rule, network) {
                    (Rule::Network(_), Some(n)) => Some(("network ", &*n.name, "idle")),
                    (_, None) => Some(("policy.", &*policy.name, "idle")),
                    _ => None,
                };
                if let Some(place) = place
                    && settled.length < allowed.length
                {
                    self.warnings.push(warning(place, allowed, settled));
                }
                self.idle.push(settled);
            }
        }
        self.warnings.dedup();
    }

    /// Returns the policy with this name.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|p| &*p.name == name)
    }

    /// Returns the policy with this id, or `default` if the set has none.
    #[must_use]
    pub fn policy_or_default(&self, id: PolicyId) -> &Policy {
        &self.policies[self.policy_ix(id)]
    }

    /// Returns the granularity: at most one touch per session is recorded in
    /// this time.
    #[must_use]
    pub fn granularity(&self) -> Duration {
        self.granularity
    }

    /// Returns where the client's address is read from.
    #[must_use]
    pub fn client_ip(&self) -> &ClientIp {
        &self.client_ip
    }

    /// Returns `true` if the set names networks, so that the client's address
    /// matters.
    #[must_use]
    pub fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// Returns the network of an address. Unknown addresses, and those in no
    /// named network, get the policy's own limits.
    #[must_use]
    pub fn find_network(&self, address: Option<IpAddr>) -> NetworkMatch {
        NetworkMatch(address.map_or(NetworkIx::default(), |a| self.ranges.find(a)))
    }

    /// Returns the id of a matched network, or [`NetworkId::NONE`].
    #[must_use]
    pub fn network_id(&self, found: NetworkMatch) -> NetworkId {
        self.network(found.0).map_or(NetworkId::NONE, |n| n.id)
    }

    /// Returns the name of a network, or `None` for no network and for one
    /// that is not in the set.
    #[must_use]
    pub fn network_name(&self, id: NetworkId) -> Option<&str> {
        self.network(self.network_ix(id)).map(|n| &*n.name)
    }

    /// Returns the name of a rule in answers, such as `policy default` or
    /// `network office`.
    #[must_use]
    pub fn describe(&self, rule: Rule) -> String {
        match rule {
            Rule::Policy(id) => format!("policy {}", self.policy_or_default(id).name),
            Rule::Network(id) => {
                format!("network {}", self.network_name(id).unwrap_or("unknown"))
            }
            Rule::Organization => "organization".to_owned(),
            Rule::Preset(preset) => format!("preset {}", preset.as_str()),
            Rule::Provider => "identity provider".to_owned(),
            Rule::Recorded => "recorded deadline".to_owned(),
        }
    }

    /// Returns a message for each value that a preset or the organization's
    /// ceiling cuts. The set is valid; log the messages.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the limits of a session under `policy` that was last active in the
    /// network `last`, for a client that is now in `current`. The smaller idle
    /// timeout counts (law L7).
    #[must_use]
    pub(crate) fn limits(
        &self,
        policy: PolicyId,
        last: NetworkId,
        current: NetworkMatch,
    ) -> Limits {
        let ix = self.policy_ix(policy);
        let base = &self.policies[ix];
        let idle = self.idle_in(ix, self.networks_in_force(last, current));
        Limits {
            idle,
            absolute: self.absolute[ix],
            warn: base.warn.min(idle.length / 2),
            on_idle: base.on_idle,
            lock_period: base.lock_period,
        }
    }

    /// Returns the network of the last activity and the one of the request:
    /// nearly always the same.
    pub(super) fn networks_in_force(
        &self,
        last: NetworkId,
        current: NetworkMatch,
    ) -> [NetworkIx; 2] {
        let last = match self.network_id(current) == last {
            true => current.0,
            false => self.network_ix(last),
        };
        [last, current.0]
    }

    /// Returns the smaller idle timeout of a policy in two networks.
    pub(super) fn idle_in(&self, policy: usize, [last, current]: [NetworkIx; 2]) -> Limit {
        let last = self.idle_of(policy, last);
        last.smaller(self.idle_of(policy, current))
    }

    /// Returns the network of the last activity on record, as a match.
    pub(crate) fn recorded_network(&self, id: NetworkId) -> NetworkMatch {
        NetworkMatch(self.network_ix(id))
    }

    /// Returns a number that no other set of this process has.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    fn policy_ix(&self, id: PolicyId) -> usize {
        self.policies.iter().position(|p| p.id == id).unwrap_or(0)
    }

    fn network(&self, ix: NetworkIx) -> Option<&Network> {
        self.networks.get(usize::from(ix.0).checked_sub(1)?)
    }

    fn network_ix(&self, id: NetworkId) -> NetworkIx {
        if id == NetworkId::NONE {
            return NetworkIx::default();
        }
        let found = self.by_id.binary_search_by_key(&id, |(id, _)| *id);
        found.map_or(NetworkIx::default(), |at| self.by_id[at].1)
    }

    fn idle_of(&self, policy: usize, network: NetworkIx) -> Limit {
        self.idle[policy * (self.networks.len() + 1) + usize::from(network.0)]
    }
}

#[cold]
fn warning(place: (&str, &str, &str), wanted: Limit, settled: Limit) -> String {
    let by = match settled.rule {
        Rule::Preset(preset) => format!("preset {} ({})", preset.as_str(), preset.clause()),
        _ => "the organization's ceiling".to_owned(),
    };
    let (wanted, settled) = (Shown(wanted.length), Shown(settled.length));
    let (kind, name, key) = place;
    format!("{kind}{name}.{key}: {wanted} is cut to {settled} by {by}")
}
