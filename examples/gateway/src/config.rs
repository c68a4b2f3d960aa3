//! The file `gateway.toml`: this program's settings, and Dwell's policies.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use dwell_axum::PolicySet;
use dwell_axum::dwell_tower::activity::MarkLayer;
use dwell_axum::dwell_tower::gateway::Origin;
use dwell_axum::dwell_tower::idle::PolicyLayer;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::check::Asking;
use crate::path::Pattern;
use crate::rules::{Access, Route};
use crate::users::{self, Users};

/// The tables that Dwell reads.
const OF_DWELL: [&str; 4] = ["client_ip", "network", "organization", "policy"];

/// An error in a file of the gateway. Displays as `file:line: key: message`.
#[derive(Clone, Debug)]
pub struct ConfigError(String);

/// The gateway's settings.
#[derive(Debug)]
pub struct Config {
    pub(crate) path: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) upstream: Option<Authority>,
    pub(crate) upstream_timeout: Duration,
    pub(crate) origin: Origin,
    pub(crate) is_https: bool,
    pub(crate) users: Users,
    pub(crate) audit: Option<PathBuf>,
    pub(crate) check: Option<Asking>,
    pub(crate) routes: Vec<Route>,
    pub(crate) policies: PolicySet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen", deserialize_with = "listen")]
    listen: SocketAddr,
    #[serde(default, deserialize_with = "upstream")]
    upstream: Option<Authority>,
    #[serde(default = "default_timeout", deserialize_with = "timeout")]
    upstream_timeout: Duration,
    #[serde(default, deserialize_with = "origin")]
    origin: Option<Origin>,
    users: Option<String>,
    audit: Option<String>,
    check: Option<Asking>,
    #[serde(default)]
    route: Vec<RouteTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteTable {
    #[serde(deserialize_with = "pattern")]
    path: Pattern,
    activity: Option<Activity>,
    #[serde(default)]
    access: Access,
    policy: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Activity {
    Active,
    Passive,
}

impl Config {
    /// Reads the file, and the users file that it names.
    ///
    /// # Errors
    /// Returns the first error, with file, line, key and what would be right.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let file = path.display().to_string();
        let (own, dwells) = split(&text);
        let set = toml::from_str(&own);
        let set: File = set.map_err(|error| ConfigError::of_toml(&file, &own, &error))?;
        let policies = PolicySet::from_toml(&file, &dwells);
        let policies = policies.map_err(|error| ConfigError(error.to_string()))?;
        let missing = |key, right: &str| {
            let message = format!("must be given: {right}");
            ConfigError::at(&file, &own, 0, key, &message)
        };
        if set.upstream.is_none() && set.check.is_none() {
            let right = "the service behind, such as \"http://127.0.0.1:4000\"; or `check`";
            return Err(missing("upstream", right));
        }
        let right = "where browsers reach this gateway, such as \"https://app.example\"";
        let origin = set.origin.ok_or_else(|| missing("origin", right))?;
        let right = "a file with lines such as `alice = \"$argon2id$…\"`";
        let users = set.users.ok_or_else(|| missing("users", right))?;
        let users = beside(path, &users);
        for name in set.route.iter().filter_map(|route| route.policy.as_ref()) {
            let (at, name) = (name.span().start, name.as_ref());
            if policies.policy(name).is_none() {
                let message = format!("{name:?} is no policy: add a table [policy.{name}]");
                return Err(ConfigError::at(&file, &own, at, "policy", &message));
            }
        }
        Ok(Self {
            listen: set.listen,
            upstream: set.upstream,
            upstream_timeout: set.upstream_timeout,
            is_https: origin.to_string().starts_with("https:"),
            origin,
            users: Users::new(users::parse(&users.display().to_string(), &read(&users)?)?),
            audit: set.audit.map(|audit| beside(path, &audit)),
            check: set.check,
            routes: set.route.into_iter().map(Route::from).collect(),
            policies,
            path: path.to_owned(),
        })
    }

    /// Returns the policies.
    #[must_use]
    pub fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// Logs what is odd and yet no error.
    pub(crate) fn warn(&self) {
        for warning in self.policies.warnings() {
            tracing::warn!("policy: {warning}");
        }
        let host = self.origin.to_string();
        let is_local = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
        if !self.is_https && !is_local.iter().any(|local| host.starts_with(local)) {
            tracing::warn!(
                "origin: browsers keep the session's cookie over https only; put TLS in front"
            );
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let named = |error| ConfigError(format!("{}: {error}", path.display()));
    std::fs::read_to_string(path).map_err(named)
}

/// A path in the file is relative to the file's folder.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

/// Splits the file into this program's part and Dwell's. In each, the lines of the other
/// are empty, so that lines keep their numbers.
fn split(text: &str) -> (String, String) {
    let (mut own, mut dwells) = (String::new(), String::new());
    let mut is_dwells = false;
    for line in text.lines() {
        if line.starts_with('[') {
            let table = line.trim_start_matches('[').trim_start();
            let table = table.split(['.', ']', ' ']).next().unwrap_or_default();
            is_dwells = OF_DWELL.contains(&table);
        }
        let (part, other) = match is_dwells {
            true => (&mut dwells, &mut own),
            false => (&mut own, &mut dwells),
        };
        part.push_str(line);
        part.push('\n');
        other.push('\n');
    }
    (own, dwells)
}

fn default_listen() -> SocketAddr {
    ([127, 0, 0, 1], 3000).into()
}

fn default_timeout() -> Duration {
    Duration::from_secs(300)
}

/// Reads a text by `read`, whose error says what would be right.
fn parsed<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    value: D,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    let text = String::deserialize(value)?;
    read(&text).map_err(|error| D::Error::custom(format!("{text:?} {error}")))
}

fn listen<'de, D: Deserializer<'de>>(value: D) -> Result<SocketAddr, D::Error> {
    let right = "is not an address with a port, such as \"127.0.0.1:3000\"";
    parsed(value, |text| text.parse().map_err(|_| right))
}

fn timeout<'de, D: Deserializer<'de>>(value: D) -> Result<Duration, D::Error> {
    let above_zero = |time: &Duration| !time.is_zero();
    parsed(value, |text| {
        let time = humantime::parse_duration(text).ok().filter(above_zero);
        time.ok_or("is not a time above zero, such as \"60s\"")
    })
}

fn origin<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Origin>, D::Error> {
    parsed(value, |text| text.parse::<Origin>().map(Some))
}

fn pattern<'de, D: Deserializer<'de>>(value: D) -> Result<Pattern, D::Error> {
    parsed(value, Pattern::parse)
}

fn upstream<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Authority>, D::Error> {
    let is_plain = |uri: &Uri| {
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        uri.scheme() == Some(&Scheme::HTTP) && target == "/"
    };
    let has_user = |authority: &Authority| authority.as_str().contains('@');
    parsed(value, |text| {
        let uri = text.parse::<Uri>().ok().filter(is_plain);
        let authority = uri.and_then(|uri| uri.into_parts().authority);
        let authority = authority.filter(|authority| !has_user(authority));
        let right =
            "is not such as \"http://127.0.0.1:4000\": plain `http`, host and port, no path";
        authority.map(Some).ok_or(right)
    })
}

impl From<RouteTable> for Route {
    fn from(table: RouteTable) -> Self {
        Self {
            pattern: table.path,
            mark: table.activity.map(|activity| match activity {
                Activity::Active => MarkLayer::active(),
                Activity::Passive => MarkLayer::passive(),
            }),
            policy: table.policy.map(|name| PolicyLayer::new(name.as_ref())),
            access: table.access,
        }
    }
}

impl ConfigError {
    /// An error at a byte of a file's text.
    pub(crate) fn at(file: &str, text: &str, at: usize, key: &str, message: &str) -> Self {
        let before = text.bytes().take(at);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        Self(format!("{file}:{line}: {key}: {message}"))
    }

    /// An error of the TOML parser. The key is on the line that it names.
    pub(crate) fn of_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line = text.lines().nth(before.matches('\n').count());
        let key = line
            .and_then(|line| line.split('=').next())
            .unwrap_or_default();
        Self::at(
            file,
            text,
            at,
            key.trim().trim_matches('"'),
            error.message(),
        )
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}
