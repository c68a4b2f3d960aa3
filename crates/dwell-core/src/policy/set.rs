//! The policy set: every limit that can be in force, computed beforehand.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::client_ip::ClientIp;
use super::limits::{Limit, Limits};
use super::network::{NetworkIx, Ranges};
use super::network_index::{Ceilings, Network, NetworkIndex, NetworkMatch};
use super::{OnIdle, Policy};
use crate::policy::Rule;
use crate::session::{NetworkId, PolicyId};

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
    absolute: Vec<Limit>,
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
        granularity: Duration,
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
            granularity,
            warnings: Vec::new(),
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
        };
        set.settle_limits(ceilings);
        set
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

    /// Returns the limits of a session of `policy`, last active in the network
    /// `last` and used from `current` (law L7), tightened by the policies whose
    /// bits are set in `overlays`.
    #[must_use]
    pub(crate) fn limits(
        &self,
        policy: PolicyId,
        overlays: u64,
        last: NetworkId,
        current: NetworkMatch,
    ) -> Limits {
        let ix = self.policy_ix(policy);
        let base = &self.policies[ix];
        // Nearly always the network that the client is in now.
        let last = match self.network_id(current) == last {
            true => current.0,
            false => self.network_ix(last),
        };
        let idle = |ix| match last == current.0 {
            true => self.idle_of(ix, last),
            false => self.idle_of(ix, last).smaller(self.idle_of(ix, current.0)),
        };
        let mut limits = Limits {
            idle: idle(ix),
            absolute: self.absolute[ix],
            route_idle: None,
            warn: base.warn,
            on_idle: base.on_idle,
            lock_period: base.lock_period,
        };
        let mut rest = overlays;
        while rest != 0 {
            let ix = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let Some(overlay) = self.policies.get(ix) else {
                continue;
            };
            let own = idle(ix);
            if own.length < limits.idle.length {
                // The policy that sets the deadline also sets the warning.
                limits.idle = own;
                limits.warn = overlay.warn;
            }
            limits.absolute = limits.absolute.smaller(self.absolute[ix]);
            if limits.route_idle.is_none_or(|(idle, _)| own.length < idle) {
                limits.route_idle = Some((own.length, overlay.id));
            }
            if overlay.on_idle == OnIdle::End {
                limits.on_idle = OnIdle::End;
            }
            limits.lock_period = limits.lock_period.min(overlay.lock_period);
        }
        limits.warn = limits.warn.min(limits.idle.length);
        limits
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
    let time = humantime::format_duration;
    let (wanted, settled) = (time(wanted.length), time(settled.length));
    let (kind, name, key) = place;
    format!("{kind}{name}.{key}: {wanted} is cut to {settled} by {by}")
}
