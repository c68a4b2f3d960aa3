//! The layer that finds the client's address and network.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dwell_core::{ClientIpSource, PolicySet, SessionState};
use http::Extensions;
use tower_layer::Layer;

use super::client_ip::client_ip;
use crate::gate::{Gate, Gated, RequestHead};
use crate::head::FindPeer;
use crate::rejection::Refusal;

/// Holds the address of the connection's other end. A server inserts it into
/// each request's extensions.
///
/// ```
/// use std::net::SocketAddr;
///
/// use dwell_tower::network::Peer;
/// use http::Request;
///
/// let remote = SocketAddr::from(([192, 0, 2, 1], 4711));
/// let mut request = Request::new(());
/// request.extensions_mut().insert(Peer(remote));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Holds the client's address by the PROXY protocol header of a connection; `None` if
/// the header has none (`UNKNOWN`, `LOCAL`, a Unix socket). A server that has read the
/// header of a trusted proxy inserts it into each of the connection's requests. See the
/// [module docs](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied(pub Option<SocketAddr>);

/// Finds the client's address and network; see the [module docs](super). Must be
/// outside the [`IdleTimeoutLayer`](crate::idle::IdleTimeoutLayer).
#[derive(Clone)]
pub struct NetworkLayer {
    peer: Arc<FindPeer>,
    proxied: fn(&Extensions) -> Option<Proxied>,
}

impl NetworkLayer {
    /// Returns how this layer finds the peer's address.
    pub(crate) fn peer(&self) -> &Arc<FindPeer> {
        &self.peer
    }

    /// Returns a layer that reads the peer's address from a [`Peer`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_peer(|extensions: &Extensions| extensions.get::<Peer>().map(|peer| peer.0.ip()))
    }

    /// Returns a layer that reads the peer's address by a closure. The
    /// [module docs](super) have an example.
    #[must_use]
    pub fn with_peer(peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        Self {
            peer: Arc::new(peer),
            proxied: |extensions| extensions.get().copied(),
        }
    }

    /// Sets how the address of a connection's PROXY header is read from the request's
    /// extensions. Defaults to [`Proxied`].
    #[must_use]
    pub fn with_proxied(mut self, find: fn(&Extensions) -> Option<Proxied>) -> Self {
        self.proxied = find;
        self
    }

    /// Replaces how the peer's address is read.
    pub(crate) fn replace_peer(
        self,
        peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self {
            peer: Arc::new(peer),
            ..self
        }
    }
}

impl NetworkLayer {
    /// Returns the client's address, or `None` if it is not known for certain.
    fn find(
        &self,
        policies: &PolicySet,
        request: RequestHead<'_>,
    ) -> Result<Option<IpAddr>, Refusal> {
        let peer = (self.peer)(request.extensions);
        if peer.is_none() && policies.has_networks() {
            let missing = "the peer's address: the policies name networks, but the server puts no \
                           address into the request (axum: into_make_service_with_connect_info)";
            return Err(Refusal::Miswired(missing.to_owned()));
        }
        let source = policies.client_ip();
        let by_header = source.source() == ClientIpSource::ProxyProtocol;
        if by_header && peer.is_some_and(|peer| source.trusts(peer)) {
            let Some(Proxied(client)) = (self.proxied)(request.extensions) else {
                let missing = "the address of the PROXY header: the policies name this source, \
                               but the server puts no `Proxied` into the request (axum: \
                               ProxyProtocolListener)";
                return Err(Refusal::Miswired(missing.to_owned()));
            };
            return Ok(client.map(|client| client.ip().to_canonical()));
        }
        Ok(client_ip(source, peer, request.headers))
    }
}

impl Default for NetworkLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NetworkLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkLayer")
    }
}

impl Gate for NetworkLayer {
    fn name(&self) -> &'static str {
        "the network layer"
    }

    #[inline]
    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
        let policies = state.policies();
        let address = self.find(policies, request)?;
        if policies.has_networks() && state.is_decided() && !state.is_located() {
            let missing = "the network layer, outside the idle timeout layer";
            return Err(Refusal::Miswired(missing.to_owned()));
        }
        state.locate(address);
        Ok(())
    }
}

impl<S> Layer<S> for NetworkLayer {
    type Service = NetworkService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(inner, self.clone())
    }
}

/// The service of [`NetworkLayer`].
pub type NetworkService<S> = Gated<S, NetworkLayer>;

#[cfg(test)]
mod tests {
    use dwell_core::{ClientIp, Policy, hours, minutes};
    use http::Request;

    use super::*;

    const OFFICE: &str = "[::ffff:10.20.1.1]:4711";

    /// The client of a request from this peer, on whose connection the server has read
    /// this header.
    fn find(peer: &str, header: Option<Proxied>) -> Result<Option<IpAddr>, Refusal> {
        let default = Policy::named("default").idle(minutes(15));
        let proxies = ClientIp::new(ClientIpSource::ProxyProtocol, ["127.0.0.1/32"]);
        let policies = PolicySet::builder(default.absolute(hours(8)));
        let policies = policies.client_ip(proxies.unwrap()).build().unwrap();
        let mut request = Request::new(());
        // Nobody is believed about this one.
        let forged = "6.6.6.6".parse().unwrap();
        request.headers_mut().insert("x-forwarded-for", forged);
        let peer = Peer(peer.parse().unwrap());
        request.extensions_mut().insert(peer);
        if let Some(header) = header {
            request.extensions_mut().insert(header);
        }
        NetworkLayer::new().find(&policies, RequestHead::of(&request))
    }

    #[test]
    fn n32_proxy_header_counts_from_trusted_proxies_only() {
        let header = Some(Proxied(OFFICE.parse().ok()));
        let client = |peer, header| find(peer, header).unwrap().map(|client| client.to_string());
        assert_eq!(client("127.0.0.1:1", header).unwrap(), "10.20.1.1");
        assert_eq!(client("[::ffff:127.0.0.1]:1", header).unwrap(), "10.20.1.1");
        assert_eq!(client("198.51.100.7:1", header).unwrap(), "198.51.100.7");
        assert_eq!(client("198.51.100.7:1", None).unwrap(), "198.51.100.7");
        // `PROXY UNKNOWN`: not the proxy, which may be in a named network.
        assert_eq!(client("127.0.0.1:1", Some(Proxied(None))), None);
    }

    #[test]
    fn l16_server_that_reads_no_proxy_header_is_refused() {
        let refusal = find("127.0.0.1:1", None).unwrap_err();
        let Refusal::Miswired(missing) = refusal else {
            panic!("{refusal:?}");
        };
        assert!(missing.contains("PROXY header"), "{missing}");
    }
}
