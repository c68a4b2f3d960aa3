//! The layer that finds the client's address and network.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use dwell_core::{PolicySet, SessionState};
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

/// Finds the client's address and network; see the [module docs](super). Must be
/// outside the [`IdleTimeoutLayer`](crate::idle::IdleTimeoutLayer).
#[derive(Clone)]
pub struct NetworkLayer {
    peer: Arc<FindPeer>,
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
        Ok(client_ip(policies.client_ip(), peer, request.headers))
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
