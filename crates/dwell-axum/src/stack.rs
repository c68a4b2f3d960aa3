//! The stack of layers, set up for axum.

use axum::extract::MatchedPath;
use dwell_core::SessionManager;
use dwell_tower::SessionTimeoutLayer;

/// All layers in the right order, for [`Router::layer`](axum::Router::layer).
///
/// The client's address is that of
/// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo): serve with
/// `into_make_service_with_connect_info::<SocketAddr>()` when policies name
/// networks. Without it and without networks, addresses are unknown, which
/// only events notice.
///
/// Put it around everything that must see a session, the login route
/// included; what is outside is not protected.
#[must_use]
pub fn session_timeout(manager: &SessionManager) -> SessionTimeoutLayer {
    let layer = SessionTimeoutLayer::new(manager)
        .with_route_name(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    #[cfg(feature = "tokio")]
    let layer = layer.with_peer(peer);
    layer
}

#[cfg(feature = "tokio")]
fn peer(extensions: &http::Extensions) -> Option<std::net::IpAddr> {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::extract::connect_info::MockConnectInfo;
    use dwell_tower::network::Peer;

    let real = extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0);
    let mock = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|c| c.0);
    let ours = || extensions.get::<Peer>().map(|peer| peer.0);
    real.or_else(mock).or_else(ours).map(|addr| addr.ip())
}
