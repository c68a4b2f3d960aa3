//! Finds the client's address and the named network it is in.
//!
//! The address comes from the one source that the policy names (see
//! [`ClientIp`](dwell_core::ClientIp)): the connection's other end, or a
//! header that trusted proxies extend. A header is walked from the right over
//! trusted proxies; the first entry that is not one is the client. An entry
//! that can't be read makes the address unknown, and an unknown address gets
//! the strict default. Nothing further left is ever believed.
//!
//! The connection's other end is read from a [`Peer`] in the request's
//! extensions, or by a closure ([`NetworkLayer::with_peer`]). When the
//! policies name networks and there is none, requests are refused with 500:
//! the rules would silently never match.
//!
//! ```
//! use std::net::{IpAddr, SocketAddr};
//!
//! use dwell_tower::network::NetworkLayer;
//!
//! // What your server calls the connection's other end.
//! #[derive(Clone)]
//! struct RemoteAddr(SocketAddr);
//!
//! let layer = NetworkLayer::with_peer(|extensions| -> Option<IpAddr> {
//!     extensions.get::<RemoteAddr>().map(|remote| remote.0.ip())
//! });
//! # let _ = layer;
//! ```

mod client_ip;
mod forwarded;
mod layer;

pub use client_ip::client_ip;
pub use layer::{NetworkLayer, NetworkService, Peer};
