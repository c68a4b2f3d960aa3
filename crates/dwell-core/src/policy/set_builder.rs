//! Builds policy sets and validates them.

use std::collections::HashSet;
use std::time::Duration;

use ipnetwork::IpNetwork;

use super::builder::{PolicyBuilder, check_duration, check_name};
use super::client_ip::ClientIp;
use super::error::{PolicyError, Problem};
use super::network::{MAX_RANGES, parse_range};
use super::network_index::{Ceilings, Network, NetworkIndex};
use super::set::PolicySet;
use super::{MAX_POLICIES, Policy};
use crate::session::NetworkId;
use crate::time::seconds;

/// The two timeouts of [`PolicySet::simple`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_structs,
    reason = "applications construct it, so that no timeout goes unnamed"
)]
pub struct Timeouts {
    /// How long a session lives without activity.
    pub idle: Duration,
    /// How long a session lives at most, regardless of activity.
    pub absolute: Duration,
}

impl PolicySet {
    /// Starts building a set. `default` is the policy named `default`.
    ///
    /// ```
    /// use dwell_core::{Policy, PolicySet, hours, minutes};
    ///
    /// let default = Policy::named("default").idle(minutes(15)).absolute(hours(8));
    /// let policies = PolicySet::builder(default)
    ///     .policy(Policy::named("admin").idle(minutes(5)))
    ///     .network("office", ["10.20.0.0/16"], minutes(30))
    ///     .organization_absolute(hours(12))
    ///     .build()?;
    /// assert!(policies.has_networks());
    /// # Ok::<(), dwell_core::PolicyError>(())
    /// ```
    #[must_use]
    pub fn builder(default: PolicyBuilder) -> PolicySetBuilder {
        PolicySetBuilder::new(default)
    }

    /// Returns a set with one policy, `default`, with these two timeouts.
    ///
    /// # Errors
    /// Fails if a duration is not in whole seconds from one second to
    /// [`MAX_DURATION`](crate::MAX_DURATION), or if `idle` is longer than
    /// `absolute`.
    pub fn simple(timeouts: Timeouts) -> Result<Self, PolicyError> {
        let Timeouts { idle, absolute } = timeouts;
        Self::builder(Policy::named("default").idle(idle).absolute(absolute)).build()
    }
}

/// Builds a policy set; see [`PolicySet::builder`].
#[derive(Clone, Debug)]
pub struct PolicySetBuilder {
    default: PolicyBuilder,
    policies: Vec<PolicyBuilder>,
    ceilings: Ceilings,
    networks: Networks,
    client_ip: ClientIp,
}

impl PolicySetBuilder {
    pub(super) fn new(default: PolicyBuilder) -> Self {
        Self {
            default,
            policies: Vec::new(),
            ceilings: Ceilings::default(),
            networks: Networks::default(),
            client_ip: ClientIp::default(),
        }
    }

    /// Adds a named policy, for routes and logins. At most
    /// [`MAX_POLICIES`] in all.
    #[must_use]
    pub fn policy(mut self, policy: PolicyBuilder) -> Self {
        self.policies.push(policy);
        self
    }

    /// Sets the organization's ceiling for idle timeouts: longer ones, also
    /// those of networks, are cut, with a warning. Defaults to none.
    #[must_use]
    pub fn organization_idle(mut self, ceiling: Duration) -> Self {
        self.ceilings.idle = Some(ceiling);
        self
    }

    /// Sets the organization's ceiling for absolute timeouts: longer ones are
    /// cut, with a warning. Defaults to none.
    #[must_use]
    pub fn organization_absolute(mut self, ceiling: Duration) -> Self {
        self.ceilings.absolute = Some(ceiling);
        self
    }

    /// Adds a named network: address ranges without host bits, and an idle
    /// timeout. The timeout replaces that of the policy `default`, also by a
    /// longer one; it only shortens that of other policies. Of overlapping
    /// ranges the longest prefix wins.
    #[must_use]
    pub fn network<I>(mut self, name: impl Into<String>, cidr: I, idle: Duration) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let cidr: Vec<String> = cidr.into_iter().map(Into::into).collect();
        self.networks.add(name.into(), &cidr, idle);
        self
    }

    /// Sets where the client's address is read from. Defaults to the
    /// connection's other end.
    #[must_use]
    pub fn client_ip(mut self, client_ip: ClientIp) -> Self {
        self.client_ip = client_ip;
        self
    }

    /// Validates all values and builds the set.
    ///
    /// # Errors
    /// Returns the first invalid value, with its place.
    pub fn build(self) -> Result<PolicySet, PolicyError> {
        let (policies, granularity) = self.settle()?;
        let networks = self.networks.list;
        let index = self.networks.index.map(|index| index(&networks));
        Ok(PolicySet::new(
            policies,
            networks,
            index.unwrap_or_default(),
            self.ceilings,
            self.client_ip,
            granularity,
        ))
    }

    /// Returns the validated policies, and the granularity that they state.
    fn settle(&self) -> Result<(Vec<Policy>, Option<Duration>), PolicyError> {
        if self.default.name != "default" {
            return Err(self.default.error("", Problem::Without("policy.default")));
        }
        check_duration("idle", self.ceilings.idle)
            .and_then(|()| check_duration("absolute", self.ceilings.absolute))
            .map_err(|(key, problem)| PolicyError::new("organization", key, problem))?;
        let mut policies: Vec<Policy> = Vec::new();
        for builder in std::iter::once(&self.default).chain(&self.policies) {
            let policy = builder.settle(policies.first())?;
            if policies.iter().any(|p| p.id == policy.id) {
                let problem = Problem::NameTaken(builder.name.clone());
                return Err(builder.error("", problem));
            }
            if policies.len() == MAX_POLICIES {
                let limit = MAX_POLICIES;
                return Err(builder.error("", Problem::TooMany { limit }));
            }
            policies.push(policy);
        }
        if let Some(error) = &self.networks.error {
            return Err(error.clone());
        }
        let granularity = stated_granularity(&policies, &self.networks.list)?;
        Ok((policies, granularity))
    }
}

/// The networks so far. Each is validated when it is added, so that programs
/// without networks don't contain the code that reads and finds them.
#[derive(Clone, Debug, Default)]
struct Networks {
    list: Vec<Network>,
    ranges: HashSet<IpNetwork>,
    /// Makes the index of all networks.
    index: Option<fn(&[Network]) -> NetworkIndex>,
    /// The first error.
    error: Option<PolicyError>,
}

impl Networks {
    fn add(&mut self, name: String, cidr: &[String], idle: Duration) {
        self.index = Some(NetworkIndex::new);
        if self.error.is_none() {
            match self.settle(name, cidr, idle) {
                Ok(network) => self.list.push(network),
                Err(error) => self.error = Some(error),
            }
        }
    }

    fn settle(
        &mut self,
        name: String,
        cidr: &[String],
        idle: Duration,
    ) -> Result<Network, PolicyError> {
        let table = format!("network {name}");
        let error = |(key, problem)| PolicyError::new(table.clone(), key, problem);
        check_name(&name)
            .and_then(|()| check_duration("idle", Some(idle)))
            .map_err(error)?;
        let id = NetworkId::of(&name);
        if self.list.iter().any(|n| n.id == id) {
            return Err(error(("name", Problem::NameTaken(name))));
        }
        if cidr.is_empty() {
            return Err(error(("cidr", Problem::Missing)));
        }
        let mut ranges = Vec::with_capacity(cidr.len());
        for text in cidr {
            let range = parse_range(&table, "cidr", text)?;
            if !self.ranges.insert(range) {
                let problem = Problem::RangeTaken(range.to_string());
                return Err(PolicyError::new("network", "cidr", problem));
            }
            if self.ranges.len() > MAX_RANGES {
                let problem = Problem::TooMany { limit: MAX_RANGES };
                return Err(error(("cidr", problem)));
            }
            ranges.push(range);
        }
        Ok(Network {
            name: name.into(),
            id,
            ranges,
            idle,
        })
    }
}

/// Returns the shortest granularity that a policy states. It serves the whole set,
/// since a touch that is recorded under one policy is judged under another.
fn stated_granularity(
    policies: &[Policy],
    networks: &[Network],
) -> Result<Option<Duration>, PolicyError> {
    let idles = policies.iter().map(|p| p.idle);
    let shortest = idles.chain(networks.iter().map(|n| n.idle)).min();
    let shortest = shortest.unwrap_or(seconds(1));
    let stated = policies
        .iter()
        .filter_map(|p| Some((p, p.granularity?)))
        .min_by_key(|(_, granularity)| *granularity);
    match stated {
        Some((policy, granularity)) if granularity > shortest / 4 => Err(PolicyError::new(
            format!("policy.{}", policy.name),
            "granularity",
            Problem::LongerThan {
                value: granularity,
                bound: "a quarter of the shortest idle timeout",
                limit: shortest / 4,
            },
        )),
        stated => Ok(stated.map(|(_, granularity)| granularity)),
    }
}
