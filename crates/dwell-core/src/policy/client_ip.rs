//! Where a client's address is read from.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::error::{PolicyError, Problem};
use super::network::{MAX_RANGES, parse_range};

/// The place that the client's address is read from. There is one place, and no
/// fallback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a layer must know how to read each source"
)]
pub enum ClientIpSource {
    /// The `Forwarded` header (RFC 7239), extended by trusted proxies.
    Forwarded,
    /// The connection's other end; headers are ignored. The default.
    #[default]
    Peer,
    /// The PROXY protocol header (version 1 or 2) with which trusted proxies begin a
    /// connection. The server reads it.
    ProxyProtocol,
    /// The `X-Forwarded-For` header, extended by trusted proxies.
    XForwardedFor,
}

impl ClientIpSource {
    /// Returns the source with this name in policy files: `peer`,
    /// `proxy-protocol`, `x-forwarded-for` or `forwarded`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "forwarded" => Some(Self::Forwarded),
            "peer" => Some(Self::Peer),
            "proxy-protocol" => Some(Self::ProxyProtocol),
            "x-forwarded-for" => Some(Self::XForwardedFor),
            _ => None,
        }
    }
}

/// The source of the client's address, and the trusted proxies. Defaults to the
/// connection's other end, and no proxies.
///
/// A header is read from the right. Entries of trusted proxies are skipped; the
/// first other address is the client's. A connection that does not come from a
/// trusted proxy is the client, whatever its headers say.
///
/// ```
/// use dwell_core::{ClientIp, ClientIpSource, Policy, PolicySet, hours, minutes};
///
/// let behind_nginx = ClientIp::new(ClientIpSource::XForwardedFor, ["127.0.0.1/32"])?;
/// assert!(behind_nginx.trusts("127.0.0.1".parse()?));
///
/// let default = Policy::named("default").idle(minutes(15)).absolute(hours(8));
/// let policies = PolicySet::builder(default).client_ip(behind_nginx).build()?;
/// assert_eq!(policies.client_ip().source(), ClientIpSource::XForwardedFor);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientIp {
    source: ClientIpSource,
    trusted: Vec<IpNetwork>,
}

impl ClientIp {
    /// Reads the address from `source`, and trusts the proxies in these ranges:
    /// at most [`MAX_RANGES`](crate::MAX_RANGES), such as `10.0.0.0/24`.
    ///
    /// # Errors
    /// Fails if a range can't be read or has host bits set, if there are too
    /// many, or if the source is not the connection's other end and no proxy is
    /// trusted: it could never be used.
    pub fn new<I>(source: ClientIpSource, trusted_proxies: I) -> Result<Self, PolicyError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let trusted = trusted_proxies
            .into_iter()
            .map(|range| parse_range("client_ip", "trusted_proxies", range.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let error = |problem| PolicyError::new("client_ip", "trusted_proxies", problem);
        if trusted.is_empty() && source != ClientIpSource::Peer {
            return Err(error(Problem::Missing));
        }
        if trusted.len() > MAX_RANGES {
            return Err(error(Problem::TooMany { limit: MAX_RANGES }));
        }
        Ok(Self { source, trusted })
    }

    /// Returns where the address is read from.
    #[must_use]
    pub fn source(&self) -> ClientIpSource {
        self.source
    }

    /// Returns `true` if this is the address of a trusted proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|range| range.contains(address))
    }
}
