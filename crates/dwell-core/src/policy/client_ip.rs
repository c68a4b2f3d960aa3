//! Where a client's address comes from, as a policy states it.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::error::{PolicyError, Problem};
use super::network::{MAX_RANGES, parse_range};

/// The one place that the client's address is read from. There is no
/// guessing and no second choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClientIpSource {
    /// The `Forwarded` header (RFC 7239), as trusted proxies extend it.
    Forwarded,
    /// The connection's other end.
    #[default]
    Peer,
    /// The `X-Forwarded-For` header, as trusted proxies extend it.
    XForwardedFor,
}

impl ClientIpSource {
    /// The source of this name in a policy file.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "forwarded" => Some(Self::Forwarded),
            "peer" => Some(Self::Peer),
            "x-forwarded-for" => Some(Self::XForwardedFor),
            _ => None,
        }
    }
}

/// The source of the client's address, and the proxies that are believed.
///
/// ```
/// use dwell_core::{ClientIp, ClientIpSource};
///
/// let behind_nginx = ClientIp::new(ClientIpSource::XForwardedFor, ["127.0.0.1/32"])?;
/// assert!(behind_nginx.trusts("127.0.0.1".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClientIp {
    source: ClientIpSource,
    trusted: Vec<IpNetwork>,
}

impl ClientIp {
    /// Reads the address from `source`, over proxies in these ranges.
    ///
    /// # Errors
    /// When a range can't be read or has host bits set; when a header is the
    /// source and no proxy is trusted, since then it could never be used.
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

    /// Where the address is read from.
    #[must_use]
    pub fn source(&self) -> ClientIpSource {
        self.source
    }

    /// Whether this address is a trusted proxy's.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|range| range.contains(address))
    }
}
