//! Builds policies and sets of them, and refuses what makes no sense.

use std::time::Duration;

use ipnetwork::IpNetwork;

use super::client_ip::ClientIp;
use super::error::{PolicyError, Problem};
use super::network::{MAX_RANGES, parse_range};
use super::preset::Preset;
use super::set::{Ceilings, Network, PolicySet};
use super::{MAX_DURATION, MAX_POLICIES, OnIdle, OnLimit, Policy, SessionLimit};
use crate::activity::Unmarked;
use crate::id::{NetworkId, PolicyId};
use crate::time::{hours, minutes, seconds};

/// A policy being written down; see [`Policy::named`].
#[derive(Clone, Debug)]
pub struct PolicyBuilder {
    pub(super) name: String,
    pub(super) preset: Option<Preset>,
    pub(super) idle: Option<Duration>,
    pub(super) absolute: Option<Duration>,
    pub(super) warn: Option<Duration>,
    pub(super) reauthenticate: Option<Duration>,
    pub(super) on_idle: Option<OnIdle>,
    pub(super) lock_period: Option<Duration>,
    pub(super) unmarked: Option<Unmarked>,
    pub(super) granularity: Option<Duration>,
    pub(super) session_limit: Option<SessionLimit>,
}

impl PolicyBuilder {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            preset: None,
            idle: None,
            absolute: None,
            warn: None,
            reauthenticate: None,
            on_idle: None,
            lock_period: None,
            unmarked: None,
            granularity: None,
            session_limit: None,
        }
    }

    /// Starts from a cited preset, whose numbers become upper bounds.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// The idle timeout.
    #[must_use]
    pub fn idle(mut self, timeout: Duration) -> Self {
        self.idle = Some(timeout);
        self
    }

    /// The absolute timeout.
    #[must_use]
    pub fn absolute(mut self, timeout: Duration) -> Self {
        self.absolute = Some(timeout);
        self
    }

    /// How long before the end the user is warned. One minute where nobody
    /// says, and at most half of the idle timeout.
    #[must_use]
    pub fn warn(mut self, before: Duration) -> Self {
        self.warn = Some(before);
        self
    }

    /// The oldest authentication that privileged routes accept.
    #[must_use]
    pub fn reauthenticate(mut self, max_age: Duration) -> Self {
        self.reauthenticate = Some(max_age);
        self
    }

    /// What the idle timeout does.
    #[must_use]
    pub fn on_idle(mut self, on_idle: OnIdle) -> Self {
        self.on_idle = Some(on_idle);
        self
    }

    /// How long a locked session waits for its subject.
    #[must_use]
    pub fn lock_period(mut self, period: Duration) -> Self {
        self.lock_period = Some(period);
        self
    }

    /// How requests on routes without a mark are seen.
    #[must_use]
    pub fn unmarked(mut self, unmarked: Unmarked) -> Self {
        self.unmarked = Some(unmarked);
        self
    }

    /// At most one recorded touch per session in this time. A sixtieth of
    /// the shortest idle timeout where nobody says, at most one minute; at
    /// most a quarter of the idle timeout.
    #[must_use]
    pub fn granularity(mut self, granularity: Duration) -> Self {
        self.granularity = Some(granularity);
        self
    }

    /// How many sessions a subject may have at a time.
    #[must_use]
    pub fn session_limit(mut self, max: u32, on_limit: OnLimit) -> Self {
        self.session_limit = Some(SessionLimit { max, on_limit });
        self
    }

    fn settle(&self, default: Option<&Policy>) -> Result<Policy, PolicyError> {
        let table = format!("policy.{}", self.name);
        let error = |key, problem| PolicyError::new(table.clone(), key, problem);
        check_name(&table, &self.name)?;
        let given = [
            ("idle", self.idle),
            ("absolute", self.absolute),
            ("warn", self.warn),
            ("reauthenticate", self.reauthenticate),
            ("lock_period", self.lock_period),
            ("granularity", self.granularity),
        ];
        for (key, value) in given {
            check_duration(&table, key, value)?;
        }
        if self.session_limit.is_some_and(|limit| limit.max == 0) {
            return Err(error("max_sessions", Problem::OutOfRange(Duration::ZERO)));
        }

        let preset = self.preset.or(default.and_then(|d| d.preset));
        let own = self.preset;
        let idle = self.idle.or(own.and_then(Preset::idle));
        let idle = idle.or(default.map(|d| d.idle));
        let idle = idle.ok_or_else(|| error("idle", Problem::Missing))?;
        let absolute = self.absolute.or(own.and_then(Preset::absolute));
        let absolute = absolute.or(default.map(|d| d.absolute));
        let absolute = absolute.ok_or_else(|| error("absolute", Problem::Missing))?;
        // A value that only came along from the default gives way to the
        // one that is stated.
        let (idle, absolute) = match (self.idle, self.absolute) {
            (None, Some(stated)) => (idle.min(stated), absolute),
            (Some(stated), None) if self.name != "default" => (idle, absolute.max(stated)),
            _ => (idle, absolute),
        };
        let longer = |key, value, bound, limit| {
            let problem = Problem::LongerThan {
                value,
                bound,
                limit,
            };
            Err(error(key, problem))
        };
        if idle > absolute {
            return longer("idle", idle, "absolute", absolute);
        }
        if let Some(warn) = self.warn
            && warn > idle
        {
            return longer("warn", warn, "idle", idle);
        }
        if let Some(granularity) = self.granularity
            && granularity > idle / 4
        {
            return longer("granularity", granularity, "a quarter of idle", idle / 4);
        }
        let inherited_warn = default.map_or(minutes(1), |d| d.warn).min(idle / 2);
        Ok(Policy {
            id: PolicyId::of(&self.name),
            name: self.name.as_str().into(),
            preset,
            idle,
            absolute,
            warn: self.warn.unwrap_or(inherited_warn),
            reauthenticate: self
                .reauthenticate
                .unwrap_or(default.map_or(minutes(5), |d| d.reauthenticate)),
            on_idle: self
                .on_idle
                .unwrap_or(default.map_or(OnIdle::End, |d| d.on_idle)),
            lock_period: self
                .lock_period
                .unwrap_or(default.map_or(hours(1), |d| d.lock_period)),
            unmarked: self
                .unmarked
                .unwrap_or(default.map_or(Unmarked::Active, |d| d.unmarked)),
            granularity: self.granularity,
            session_limit: self.session_limit.or(default.and_then(|d| d.session_limit)),
        })
    }
}

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

fn check_name(table: &str, name: &str) -> Result<(), PolicyError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(good) {
        return Ok(());
    }
    let problem = Problem::BadName(name.to_owned());
    Err(PolicyError::new(table, "name", problem))
}

fn check_duration(
    table: &str,
    key: &'static str,
    value: Option<Duration>,
) -> Result<(), PolicyError> {
    match value {
        Some(d) if d < seconds(1) || d > MAX_DURATION || d.subsec_nanos() != 0 => {
            Err(PolicyError::new(table, key, Problem::OutOfRange(d)))
        }
        _ => Ok(()),
    }
}
