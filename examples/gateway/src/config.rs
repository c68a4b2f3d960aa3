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
use serde::Deserialize;
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
    listen: Option<Spanned<String>>,
    upstream: Option<Spanned<String>>,
    upstream_timeout: Option<Spanned<String>>,
    origin: Option<Spanned<String>>,
    users: Option<Spanned<String>>,
    audit: Option<String>,
    check: Option<Spanned<String>>,
    #[serde(default)]
    route: Vec<RouteTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteTable {
    path: Spanned<String>,
    activity: Option<Spanned<String>>,
    access: Option<Spanned<String>>,
    policy: Option<Spanned<String>>,
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
        let set: File =
            toml::from_str(&own).map_err(|error| ConfigError::of_toml(&file, &own, &error))?;
        let source = Source {
            file: &file,
            text: &own,
        };
        let policies = PolicySet::from_toml(&file, &dwells);
        let policies = policies.map_err(|error| ConfigError(error.to_string()))?;
        if set.upstream.is_none() && set.check.is_none() {
            let message = "must be given, or `check`: the service behind this gateway, such as \
                           \"http://127.0.0.1:4000\"";
            return Err(source.error(0, "upstream", message));
        }
        let origin = source.required(
            set.origin.as_ref(),
            "origin",
            "where browsers reach this gateway, such as \"https://app.example\"",
            |text| text.parse::<Origin>().map_err(|error| error.to_string()),
        )?;
        let users = source.required(
            set.users.as_ref(),
            "users",
            "a file with lines such as `alice = \"$argon2id$…\"`",
            |text| Ok(beside(path, text)),
        )?;
        let routes = set.route.iter();
        let routes = routes.map(|route| source.route(route, &policies));
        let listen = source.optional(set.listen.as_ref(), "listen", |text| {
            let right = "is not an address with a port, such as \"127.0.0.1:3000\"";
            text.parse().map_err(|_| right.to_owned())
        })?;
        let timeout =
            source.optional(set.upstream_timeout.as_ref(), "upstream_timeout", |text| {
                let right = "is not a time above zero, such as \"60s\"";
                let time = humantime::parse_duration(text).ok();
                time.filter(|time| !time.is_zero()).ok_or(right.to_owned())
            })?;
        Ok(Self {
            listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000))),
            upstream: source.optional(set.upstream.as_ref(), "upstream", upstream)?,
            upstream_timeout: timeout.unwrap_or(Duration::from_secs(300)),
            is_https: origin.to_string().starts_with("https:"),
            origin,
            users: Users::new(read_users(&users)?),
            audit: set.audit.map(|audit| beside(path, &audit)),
            check: source.word(
                set.check.as_ref(),
                "check",
                &[
                    ("x-original", Asking::OriginalUri),
                    ("x-forwarded", Asking::ForwardedUri),
                    ("path", Asking::OwnPath),
                ],
            )?,
            routes: routes.collect::<Result<_, _>>()?,
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

/// Reads a users file.
fn read_users(path: &Path) -> Result<users::Table, ConfigError> {
    users::parse(&path.display().to_string(), &read(path)?)
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

fn upstream(text: &str) -> Result<Authority, String> {
    let uri = text.parse::<Uri>().map(Uri::into_parts).ok();
    let is_plain = |parts: &axum::http::uri::Parts| {
        let path = parts.path_and_query.as_ref().map(PathAndQuery::as_str);
        parts.scheme == Some(Scheme::HTTP) && matches!(path, None | Some("/"))
    };
    let authority = uri.filter(is_plain).and_then(|parts| parts.authority);
    let authority = authority.filter(|authority| !authority.as_str().contains('@'));
    authority.ok_or_else(|| {
        "is not such as \"http://127.0.0.1:4000\": plain `http`, host and port, no path".to_owned()
    })
}

struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

type Text = Spanned<String>;

impl Source<'_> {
    fn error(&self, at: usize, key: &str, message: &str) -> ConfigError {
        ConfigError::at(self.file, self.text, at, key, message)
    }

    fn optional<T>(
        &self,
        text: Option<&Text>,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = text else { return Ok(None) };
        let wrong = |problem| format!("{:?} {problem}", text.as_ref());
        let read = read(text.as_ref()).map_err(wrong);
        let read = read.map_err(|message| self.error(text.span().start, key, &message));
        read.map(Some)
    }

    fn required<T>(
        &self,
        text: Option<&Text>,
        key: &str,
        right: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let read = self.optional(text, key, read)?;
        read.ok_or_else(|| self.error(0, key, &format!("must be given: {right}")))
    }

    fn word<T: Copy>(
        &self,
        text: Option<&Text>,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        self.optional(text, key, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("is not one of {}", words.join(", "))
            })
        })
    }

    fn route(&self, table: &RouteTable, policies: &PolicySet) -> Result<Route, ConfigError> {
        let path = &table.path;
        let pattern = Pattern::parse(path.as_ref());
        let wrong = |problem| format!("{:?} {problem}", path.as_ref());
        let policy = self.optional(table.policy.as_ref(), "route.policy", |name| {
            let missing = || format!("is no policy: add a table [policy.{name}]");
            policies
                .policy(name)
                .map(|_| PolicyLayer::new(name))
                .ok_or_else(missing)
        })?;
        let activity = [
            ("active", MarkLayer::active()),
            ("passive", MarkLayer::passive()),
        ];
        let access = [
            ("public", Access::Public),
            ("session", Access::Session),
            ("privileged", Access::Privileged),
        ];
        let access = self.word(table.access.as_ref(), "route.access", &access)?;
        Ok(Route {
            pattern: pattern
                .map_err(|problem| self.error(path.span().start, "route.path", &wrong(problem)))?,
            mark: self.word(table.activity.as_ref(), "route.activity", &activity)?,
            policy,
            access: access.unwrap_or(Access::Session),
        })
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
