//! Policies from TOML. Every error names the file, the line and the key.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::builder::PolicyBuilder;
use super::client_ip::{ClientIp, ClientIpSource};
use super::duration;
use super::error::PolicyError;
use super::preset::Preset;
use super::set::PolicySet;
use super::{OnIdle, OnLimit, Policy};
use crate::policy::{Unmarked, Unprompted};

/// An error in a policy file. Displays as `file:line: key: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyFileError {
    /// The file's name, as given to `from_toml`.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The key with its table, such as `policy.admin.idle`.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            key,
            message,
        } = self;
        write!(f, "{file}:{line}: {key}: {message}")
    }
}

impl std::error::Error for PolicyFileError {}

type Text = Option<Spanned<String>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Option<BTreeMap<String, Spanned<PolicyTable>>>,
    organization: Option<OrganizationTable>,
    network: Option<Vec<Spanned<NetworkTable>>>,
    client_ip: Option<Spanned<ClientIpTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    preset: Text,
    idle: Text,
    absolute: Text,
    warn: Text,
    reauthenticate: Text,
    on_idle: Text,
    lock_period: Text,
    unmarked: Text,
    unprompted_navigations: Text,
    granularity: Text,
    in_flight: Text,
    hold: Text,
    max_sessions: Option<Spanned<u32>>,
    on_limit: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganizationTable {
    idle: Text,
    absolute: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkTable {
    name: Spanned<String>,
    cidr: Spanned<Vec<String>>,
    idle: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientIpTable {
    source: Spanned<String>,
    trusted_proxies: Option<Spanned<Vec<String>>>,
}

impl PolicySet {
    /// Reads a policy set from TOML. `text` is the file's content; `file` is
    /// its name, for errors only: nothing is read from disk.
    ///
    /// | table | keys |
    /// |---|---|
    /// | `[policy.default]`, required, and `[policy.NAME]` | `preset`, `idle`, `absolute`, `warn`, `reauthenticate`, `on_idle`, `lock_period`, `unmarked`, `unprompted_navigations`, `granularity`, `in_flight`, `hold`, `max_sessions` with `on_limit` |
    /// | `[organization]` | `idle`, `absolute`: ceilings for every policy |
    /// | `[[network]]` | `name`, `cidr`, `idle` |
    /// | `[client_ip]` | `source`, `trusted_proxies` |
    ///
    /// Durations are text such as `"90s"`, `"15m"` or `"1h 30m"`, in seconds (`s`),
    /// minutes (`m`), hours (`h`) and days (`d`). Keys mean
    /// what the methods of [`PolicyBuilder`] and
    /// [`PolicySetBuilder`](crate::PolicySetBuilder) with the same names mean.
    /// `max_sessions` and `on_limit` are
    /// [`session_limit`](PolicyBuilder::session_limit).
    ///
    /// # Errors
    /// Returns the first error, with file, line and key. Unknown tables and
    /// keys are errors.
    ///
    /// ```
    /// use dwell_core::{PolicySet, minutes};
    ///
    /// let text = r#"
    ///     [policy.default]
    ///     preset = "nist-aal3"
    ///     idle = "15m"
    ///     absolute = "8h"
    ///
    ///     [policy.admin]
    ///     idle = "5m"
    ///
    ///     [[network]]
    ///     name = "office"
    ///     cidr = ["10.20.0.0/16"]
    ///     idle = "10m"
    /// "#;
    /// let policies = PolicySet::from_toml("dwell.toml", text)?;
    /// assert_eq!(policies.policy("admin").map(|policy| policy.idle()), Some(minutes(5)));
    /// for warning in policies.warnings() {
    ///     eprintln!("{warning}");
    /// }
    ///
    /// let text = "[policy.default]\nidle = \"15m\"\nabsolute = \"8 hours\"\nwarn = \"1h\"\n";
    /// let error = PolicySet::from_toml("dwell.toml", text).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "dwell.toml:4: policy.default.warn: 1h is longer than idle (15m)",
    /// );
    /// # Ok::<(), dwell_core::PolicyFileError>(())
    /// ```
    pub fn from_toml(file: &str, text: &str) -> Result<Self, PolicyFileError> {
        let source = Source { file, text };
        let parsed: File = toml::from_str(text).map_err(|e| source.parse_error(&e))?;
        let mut places = Places::default();
        let mut tables = parsed.policy.unwrap_or_default();
        let default = tables.remove("default").ok_or_else(|| {
            let message = "must be there: every other policy builds on it";
            source.error(0..0, "policy.default", message)
        })?;
        let default = source.policy("default", &default, &mut places)?;
        let mut set = PolicySet::builder(default);
        for (name, table) in &tables {
            set = set.policy(source.policy(name, table, &mut places)?);
        }
        if let Some(organization) = &parsed.organization {
            let mut duration = |key, text| source.duration("organization", key, text, &mut places);
            if let Some(ceiling) = duration("idle", &organization.idle)? {
                set = set.organization_idle(ceiling);
            }
            if let Some(ceiling) = duration("absolute", &organization.absolute)? {
                set = set.organization_absolute(ceiling);
            }
        }
        for network in parsed.network.iter().flatten() {
            let name = network.as_ref().name.as_ref();
            let table = format!("network {name}");
            places.add(&table, "", network.span());
            places.add(&table, "name", network.as_ref().name.span());
            places.add(&table, "cidr", network.as_ref().cidr.span());
            places.add("network", "cidr", network.as_ref().cidr.span());
            let idle = source.one_duration(&table, "idle", &network.as_ref().idle, &mut places)?;
            set = set.network(name.clone(), network.as_ref().cidr.as_ref().clone(), idle);
        }
        if let Some(table) = &parsed.client_ip {
            places.add("client_ip", "", table.span());
            let client_ip = source.client_ip(table.as_ref(), &mut places)?;
            set = set.client_ip(client_ip);
        }
        set.build().map_err(|e| source.policy_error(&e, &places))
    }
}

/// The place of each value in the text.
#[derive(Default)]
struct Places(BTreeMap<(String, &'static str), Range<usize>>);

impl Places {
    fn add(&mut self, table: &str, key: &'static str, span: Range<usize>) {
        self.0.insert((table.to_owned(), key), span);
    }

    fn find(&self, table: &str, key: &'static str) -> Range<usize> {
        let at = |key| self.0.get(&(table.to_owned(), key)).cloned();
        at(key).or_else(|| at("")).unwrap_or(0..0)
    }
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn policy(
        &self,
        name: &str,
        table: &Spanned<PolicyTable>,
        places: &mut Places,
    ) -> Result<PolicyBuilder, PolicyFileError> {
        let place = format!("policy.{name}");
        places.add(&place, "", table.span());
        let t = table.as_ref();
        let mut builder = Policy::named(name);
        let mut duration = |key, text| self.duration(&place, key, text, places);
        builder.idle = duration("idle", &t.idle)?;
        builder.absolute = duration("absolute", &t.absolute)?;
        builder.warn = duration("warn", &t.warn)?;
        builder.reauthenticate = duration("reauthenticate", &t.reauthenticate)?;
        builder.lock_period = duration("lock_period", &t.lock_period)?;
        builder.granularity = duration("granularity", &t.granularity)?;
        builder.in_flight = duration("in_flight", &t.in_flight)?;
        builder.hold = duration("hold", &t.hold)?;
        let presets = Preset::ALL.iter().map(|preset| preset.as_str());
        let presets = presets.collect::<Vec<_>>().join(", ");
        builder.preset = self.word(&place, "preset", &t.preset, &presets, Preset::parse)?;
        builder.on_idle = self.word(&place, "on_idle", &t.on_idle, "end, lock", |w| match w {
            "end" => Some(OnIdle::End),
            "lock" => Some(OnIdle::Lock),
            _ => None,
        })?;
        let words = "active, passive";
        builder.unmarked = self.word(&place, "unmarked", &t.unmarked, words, |w| match w {
            "active" => Some(Unmarked::Active),
            "passive" => Some(Unmarked::Passive),
            _ => None,
        })?;
        let (key, text) = ("unprompted_navigations", &t.unprompted_navigations);
        builder.unprompted = self.word(&place, key, text, words, |w| match w {
            "active" => Some(Unprompted::Active),
            "passive" => Some(Unprompted::Passive),
            _ => None,
        })?;
        let words = "refuse_new, end_oldest";
        let on_limit = self.word(&place, "on_limit", &t.on_limit, words, |w| match w {
            "refuse_new" => Some(OnLimit::RefuseNew),
            "end_oldest" => Some(OnLimit::EndOldest),
            _ => None,
        })?;
        match (&t.max_sessions, on_limit) {
            (Some(max), Some(on_limit)) => {
                places.add(&place, "max_sessions", max.span());
                builder = builder.session_limit(*max.as_ref(), on_limit);
            }
            (None, None) => {}
            (Some(max), None) => {
                let message = "needs on_limit: refuse_new or end_oldest";
                let key = format!("{place}.max_sessions");
                return Err(self.error(max.span(), &key, message));
            }
            (None, Some(_)) => {
                let span = t.on_limit.as_ref().map_or(0..0, Spanned::span);
                let message = "means nothing without max_sessions";
                return Err(self.error(span, &format!("{place}.on_limit"), message));
            }
        }
        Ok(builder)
    }

    fn client_ip(
        &self,
        table: &ClientIpTable,
        places: &mut Places,
    ) -> Result<ClientIp, PolicyFileError> {
        let words = "peer, x-forwarded-for, forwarded, proxy-protocol";
        let source = Some(table.source.clone());
        let source = self.word("client_ip", "source", &source, words, ClientIpSource::parse)?;
        let trusted = table.trusted_proxies.as_ref();
        if let Some(trusted) = trusted {
            places.add("client_ip", "trusted_proxies", trusted.span());
        }
        let trusted = trusted.map(|t| t.as_ref().as_slice()).unwrap_or_default();
        ClientIp::new(source.unwrap_or_default(), trusted)
            .map_err(|e| self.policy_error(&e, places))
    }

    fn duration(
        &self,
        table: &str,
        key: &'static str,
        text: &Text,
        places: &mut Places,
    ) -> Result<Option<Duration>, PolicyFileError> {
        let one = |text| self.one_duration(table, key, text, places);
        text.as_ref().map(one).transpose()
    }

    fn one_duration(
        &self,
        table: &str,
        key: &'static str,
        text: &Spanned<String>,
        places: &mut Places,
    ) -> Result<Duration, PolicyFileError> {
        places.add(table, key, text.span());
        duration::parse(text.as_ref())
            .map_err(|message| self.error(text.span(), &format!("{table}.{key}"), &message))
    }

    fn word<T>(
        &self,
        table: &str,
        key: &str,
        text: &Text,
        words: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, PolicyFileError> {
        let Some(text) = text else { return Ok(None) };
        let parsed = parse(text.as_ref());
        if parsed.is_none() {
            let message = format!("{:?} is not one of {words}", text.as_ref());
            return Err(self.error(text.span(), &format!("{table}.{key}"), &message));
        }
        Ok(parsed)
    }

    fn policy_error(&self, error: &PolicyError, places: &Places) -> PolicyFileError {
        let dot = if error.key.is_empty() { "" } else { "." };
        let key = format!("{}{dot}{}", error.table, error.key);
        let span = places.find(&error.table, error.key);
        self.error(span, &key, &error.problem.to_string())
    }

    /// Converts an error of the TOML parser, which gives the place. The key is
    /// on that line.
    fn parse_error(&self, error: &toml::de::Error) -> PolicyFileError {
        let span = error.span().unwrap_or(0..0);
        let line = self.text[..self.clamp(span.start)].matches('\n').count();
        let line_text = self.text.lines().nth(line).unwrap_or_default();
        let key = line_text.split('=').next().unwrap_or_default().trim();
        self.error(span, key, error.message())
    }

    fn error(&self, span: Range<usize>, key: &str, message: &str) -> PolicyFileError {
        let before = &self.text[..self.clamp(span.start)];
        PolicyFileError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            key: key.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Returns the last character boundary at or before `at`.
    fn clamp(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}
