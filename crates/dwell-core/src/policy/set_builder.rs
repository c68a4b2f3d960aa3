//! Builds sets of policies, and refuses what makes no sense together.

use std::time::Duration;

use ipnetwork::IpNetwork;

use super::builder::{PolicyBuilder, check_duration, check_name};
use super::client_ip::ClientIp;
use super::error::{PolicyError, Problem};
use super::network::{MAX_RANGES, parse_range};
use super::set::{Ceilings, Network, PolicySet};
use super::{MAX_POLICIES, Policy};
use crate::id::NetworkId;
use crate::time::{minutes, seconds};

/// A policy set being written down; see [`PolicySet::builder`].
#[derive(Clone, Debug)]
pub struct PolicySetBuilder {
    default: PolicyBuilder,
    policies: Vec<PolicyBuilder>,
    ceilings: Ceilings,
    networks: Vec<(String, Vec<String>, Duration)>,
    client_ip: ClientIp,
}

impl PolicySetBuilder {
    pub(super) fn new(default: PolicyBuilder) -> Self {
        Self {
            default,
            policies: Vec::new(),
            ceilings: Ceilings::default(),
            networks: Vec::new(),
            client_ip: ClientIp::default(),
        }
    }

    /// Adds a policy that routes and sessions can name.
    #[must_use]
    pub fn policy(mut self, policy: PolicyBuilder) -> Self {
        self.policies.push(policy);
        self
    }

    /// No idle timeout in force is longer than this.
    #[must_use]
    pub fn organization_idle(mut self, ceiling: Duration) -> Self {
        self.ceilings.idle = Some(ceiling);
        self
    }

    /// No absolute timeout in force is longer than this.
    #[must_use]
    pub fn organization_absolute(mut self, ceiling: Duration) -> Self {
        self.ceilings.absolute = Some(ceiling);
        self
    }

    /// Gives a network a name and an idle timeout. For the policy `default`
    /// it takes the place of the policy's own, for others it only shortens.
    #[must_use]
    pub fn network<I>(mut self, name: impl Into<String>, cidr: I, idle: Duration) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let cidr = cidr.into_iter().map(Into::into).collect();
        self.networks.push((name.into(), cidr, idle));
        self
    }

    /// Where the client's address is read from; the peer where nobody says.
    #[must_use]
    pub fn client_ip(mut self, client_ip: ClientIp) -> Self {
        self.client_ip = client_ip;
        self
    }

    /// Checks everything and builds the set.
    ///
    /// # Errors
    /// The first value that makes no sense, with its place.
    pub fn build(self) -> Result<PolicySet, PolicyError> {
        if self.default.name != "default" {
            let table = format!("policy.{}", self.default.name);
            return Err(PolicyError::new(
                table,
                "",
                Problem::Without("policy.default"),
            ));
        }
        check_duration("organization", "idle", self.ceilings.idle)?;
        check_duration("organization", "absolute", self.ceilings.absolute)?;
        let default = self.default.settle(None)?;
        let mut policies = vec![default];
        for builder in &self.policies {
            let policy = builder.settle(policies.first())?;
            let table = format!("policy.{}", policy.name);
            if policies.iter().any(|p| p.id == policy.id) {
                let problem = Problem::NameTaken(builder.name.clone());
                return Err(PolicyError::new(table, "", problem));
            }
            if policies.len() == MAX_POLICIES {
                let problem = Problem::TooMany {
                    limit: MAX_POLICIES,
                };
                return Err(PolicyError::new(table, "", problem));
            }
            policies.push(policy);
        }
        let networks = settle_networks(&self.networks)?;
        let granularity = granularity(&policies, &networks)?;
        Ok(PolicySet::new(
            policies,
            networks,
            self.ceilings,
            self.client_ip,
            granularity,
        ))
    }
}

fn settle_networks(given: &[(String, Vec<String>, Duration)]) -> Result<Vec<Network>, PolicyError> {
    let mut networks: Vec<Network> = Vec::new();
    let mut seen: Vec<IpNetwork> = Vec::new();
    for (name, cidr, idle) in given {
        let table = format!("network {name}");
        let error = |key, problem| PolicyError::new(table.clone(), key, problem);
        check_name(&table, name)?;
        check_duration(&table, "idle", Some(*idle))?;
        let id = NetworkId::of(name);
        if networks.iter().any(|n| n.id == id) {
            return Err(error("name", Problem::NameTaken(name.clone())));
        }
        if cidr.is_empty() {
            return Err(error("cidr", Problem::Missing));
        }
        let ranges = cidr
            .iter()
            .map(|text| parse_range(&table, "cidr", text))
            .collect::<Result<Vec<_>, _>>()?;
        seen.extend(&ranges);
        if seen.len() > MAX_RANGES {
            return Err(error("cidr", Problem::TooMany { limit: MAX_RANGES }));
        }
        networks.push(Network {
            name: name.as_str().into(),
            id,
            ranges,
            idle: *idle,
        });
    }
    seen.sort_unstable();
    if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
        let problem = Problem::RangeTaken(pair[0].to_string());
        return Err(PolicyError::new("network", "cidr", problem));
    }
    Ok(networks)
}

/// One granularity for the whole set, since a touch recorded under one policy
/// is judged under another: the smallest that anybody states, else a sixtieth
/// of the shortest idle timeout and at most a minute.
fn granularity(policies: &[Policy], networks: &[Network]) -> Result<Duration, PolicyError> {
    let idles = policies.iter().map(|p| p.idle);
    let shortest = idles.chain(networks.iter().map(|n| n.idle)).min();
    let shortest = shortest.unwrap_or(seconds(1));
    let derived = (shortest / 60).min(minutes(1));
    let stated = policies
        .iter()
        .filter_map(|p| Some((p, p.granularity?)))
        .min_by_key(|(_, granularity)| *granularity);
    match stated {
        None => Ok(derived),
        Some((policy, granularity)) if granularity > shortest / 4 => Err(PolicyError::new(
            format!("policy.{}", policy.name),
            "granularity",
            Problem::LongerThan {
                value: granularity,
                bound: "a quarter of the shortest idle timeout",
                limit: shortest / 4,
            },
        )),
        Some((_, granularity)) => Ok(granularity),
    }
}
