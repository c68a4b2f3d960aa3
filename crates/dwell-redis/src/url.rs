//! Reads the server's address from a URL.

use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsMode};

use crate::link::Trust;

/// The server's address.
pub(crate) enum Target {
    Server(Box<ConnectionInfo>),
    Sentinel(Box<SentinelClient>, i64),
    /// Some nodes of a cluster; the others are found.
    Cluster(Vec<ConnectionInfo>),
}

/// Why a URL can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlError {
    #[error("the URL must begin with redis://, rediss://, redis+cluster:// or redis+sentinel://")]
    Scheme,
    #[error(
        "the URL must name the service after the addresses: redis+sentinel://host:26379/mymaster"
    )]
    Service,
    #[error("a cluster has no database {0:?}: leave the path empty")]
    Database(String),
    #[error("rediss:// needs TLS: enable feature `tls` of dwell-redis")]
    #[cfg_attr(
        feature = "tls",
        allow(dead_code, reason = "used without the feature only")
    )]
    NoTls,
    #[error(transparent)]
    Redis(#[from] RedisError),
}

pub(crate) fn parse(url: &str, trust: &Trust) -> Result<Target, UrlError> {
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let (kind, tls) = match scheme {
        "redis" | "valkey" => ("", false),
        "rediss" | "valkeys" => ("", true),
        "redis+unix" | "unix" => return Ok(Target::Server(Box::new(url.into_connection_info()?))),
        "redis+cluster" | "valkey+cluster" => ("cluster", false),
        "rediss+cluster" | "valkeys+cluster" => ("cluster", true),
        "redis+sentinel" | "valkey+sentinel" => ("sentinel", false),
        "rediss+sentinel" | "valkeys+sentinel" => ("sentinel", true),
        _ => return Err(UrlError::Scheme),
    };
    #[cfg(not(feature = "tls"))]
    if tls {
        return Err(UrlError::NoTls);
    }
    #[cfg(feature = "tls")]
    if tls {
        Trust::provide();
    }
    match kind {
        "cluster" => cluster(rest, tls),
        "sentinel" => sentinel(rest, tls, trust),
        _ => Ok(Target::Server(Box::new(url.into_connection_info()?))),
    }
}

/// `user:password@host:port,host:port`
struct Many<'a> {
    user: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
}

impl<'a> Many<'a> {
    fn parse(rest: &'a str) -> Self {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        Self {
            user,
            hosts: hosts.split(',').filter(|host| !host.is_empty()).collect(),
            path,
        }
    }

    /// The connection settings of one of the hosts.
    fn info(&self, host: &str, database: &str, tls: bool) -> Result<ConnectionInfo, RedisError> {
        let scheme = if tls { "rediss" } else { "redis" };
        let at = if self.user.is_empty() { "" } else { "@" };
        let user = self.user;
        format!("{scheme}://{user}{at}{host}/{database}").into_connection_info()
    }
}

fn cluster(rest: &str, tls: bool) -> Result<Target, UrlError> {
    let many = Many::parse(rest);
    if !matches!(many.path, "" | "0") {
        return Err(UrlError::Database(many.path.to_owned()));
    }
    let infos = many.hosts.iter().map(|host| many.info(host, "", tls));
    let infos: Result<Vec<_>, _> = infos.collect();
    Ok(Target::Cluster(infos?))
}

/// Reads a Sentinel URL. User and password are the servers'.
#[cfg_attr(
    not(feature = "tls"),
    allow(unused_variables, reason = "certificates matter with TLS only")
)]
fn sentinel(rest: &str, tls: bool, trust: &Trust) -> Result<Target, UrlError> {
    let many = Many::parse(rest);
    let (service, database) = many.path.split_once('/').unwrap_or((many.path, ""));
    let (Some(first), false) = (many.hosts.first(), service.is_empty()) else {
        return Err(UrlError::Service);
    };
    let info = many.info(first, database, tls)?;
    let mut sentinels = Vec::new();
    for host in &many.hosts {
        sentinels.push(address(&many.info(host, "", tls)?));
    }
    let settings = info.redis_settings();
    let kind = SentinelServerType::Master;
    let mut builder =
        SentinelClientBuilder::new(sentinels, service, kind)?.set_client_to_redis_db(settings.db());
    if tls {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    #[cfg(feature = "tls")]
    if let Some(certificates) = trust.certificates(info.addr()) {
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    if let Some(name) = settings.username() {
        builder = builder.set_client_to_redis_username(name);
    }
    if let Some(password) = settings.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    let client = builder.build()?;
    Ok(Target::Sentinel(Box::new(client), settings.db()))
}

fn address(info: &ConnectionInfo) -> ConnectionAddr {
    info.addr().clone()
}

/// Returns the URL without its password, for messages.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(no URL)".to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split('?').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        None => format!("{scheme}://{authority}{path}"),
        Some((user, hosts)) => {
            let name = user.split(':').next().unwrap_or_default();
            let hidden = if user.contains(':') { ":***" } else { "" };
            format!("{scheme}://{name}{hidden}@{hosts}{path}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, UrlError> {
        super::parse(url, &Trust::default())
    }

    #[test]
    fn l09_url_in_message_has_no_password() {
        for (url, shown) in [
            ("redis://127.0.0.1:6379/3", "redis://127.0.0.1:6379/3"),
            ("redis://:geheim@host/", "redis://:***@host/"),
            (
                "redis://user:ge:h@eim@host:1/2",
                "redis://user:***@host:1/2",
            ),
            (
                "redis+cluster://u:p@a:1,b:2",
                "redis+cluster://u:***@a:1,b:2",
            ),
            (
                "unix:///run/redis.sock?pass=geheim",
                "unix:///run/redis.sock",
            ),
            ("geheim", "(no URL)"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn every_url_form_has_its_target() {
        let target = parse("redis://u:p@h:1/2").ok().unwrap();
        let Target::Server(info) = target else {
            panic!("one server");
        };
        assert_eq!(info.redis_settings().db(), 2);
        let target = parse("redis+cluster://u:p@a:1,b:2").ok().unwrap();
        let Target::Cluster(infos) = target else {
            panic!("a cluster");
        };
        let of = |info: &ConnectionInfo| {
            let settings = info.redis_settings();
            let password = settings.password().map(str::to_owned);
            (info.addr().to_string(), password)
        };
        let expected =
            [("a:1", "p"), ("b:2", "p")].map(|(a, p)| (a.to_owned(), Some(p.to_owned())));
        assert_eq!(infos.iter().map(of).collect::<Vec<_>>(), expected);
        let target = parse("redis+sentinel://a:1,b:2/dwell/4").ok().unwrap();
        assert!(matches!(target, Target::Sentinel(_, 4)));
    }

    #[test]
    fn url_error_says_what_is_wrong() {
        for (url, said) in [
            ("localhost:6379", "must begin with"),
            ("postgres://h/", "must begin with"),
            ("redis+sentinel://a:1", "name the service"),
            ("redis+cluster://a:1/3", "no database \"3\""),
        ] {
            let error = parse(url).err().unwrap().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
