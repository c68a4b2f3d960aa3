//! Finds the client's address and its named network.
//!
//! The address comes from the source that the policies name
//! ([`ClientIp`](dwell_core::ClientIp)): the peer, which is the connection's
//! other end, or a header that trusted proxies extend. A header is read from the
//! right: trusted proxies are skipped, and the next entry is the client. Entries
//! further left are ignored. An unreadable entry makes the address unknown, and
//! an unknown address gets the strict default.
//!
//! The peer is read from a [`Peer`] in the request's extensions, or by a closure
//! ([`NetworkLayer::with_peer`]). If the policies name networks and there is no
//! peer, requests are refused with 500: otherwise the rules would silently never
//! match.
//!
//! ```
//! use std::net::{IpAddr, SocketAddr};
//!
//! use dwell_tower::network::NetworkLayer;
//!
//! // What your server inserts into requests.
//! #[derive(Clone)]
//! struct RemoteAddr(SocketAddr);
//!
//! let layer = NetworkLayer::with_peer(|extensions| -> Option<IpAddr> {
//!     extensions.get::<RemoteAddr>().map(|remote| remote.0.ip())
//! });
//! # let _ = layer;
//! ```
//!
//! # The PROXY protocol
//! With [`ClientIpSource::ProxyProtocol`](dwell_core::ClientIpSource) the server that
//! accepts a connection of a trusted proxy
//! ([`ClientIp::trusts`](dwell_core::ClientIp::trusts)) reads the header that comes before
//! HTTP, and inserts a [`Proxied`] into each request. A request of a trusted proxy without
//! one is refused with 500. From others no header is read: its bytes are no HTTP.
//! `dwell-axum` has a listener that does all of it.

mod client_ip;
mod forwarded;
mod layer;

pub use client_ip::client_ip;
pub use layer::{NetworkLayer, NetworkService, Peer, Proxied};
