//! The stack of layers for axum: routes are named by their patterns, and the
//! client's address comes from `ConnectInfo`.

use axum::extract::{MatchedPath, OriginalUri};
use dwell_core::SessionManager;

use crate::body::AxumBodyFactory;

/// The stack of layers around a router. Made by [`session_timeout`].
pub type SessionTimeoutLayer = dwell_tower::SessionTimeoutLayer<AxumBodyFactory>;

/// Makes the stack of all session layers in the right order, for
/// [`Router::layer`](axum::Router::layer).
///
/// Put it around everything that needs a session, including the login route.
/// Routes outside are not protected. A login page named with `with_login` can be
/// opened with an ended session too, and page navigations without a live session
/// are redirected there.
///
/// # The client's address
/// With the feature `connect-info` (default) the address is read from
/// [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo). If policies name
/// networks, serve with `into_make_service_with_connect_info::<SocketAddr>()`,
/// else requests with a session are answered with 500. Without networks the address is optional
/// and only appears in events.
///
/// ```no_run
/// use std::net::SocketAddr;
///
/// use axum::{Router, routing::get};
/// use dwell_axum::Session;
/// use dwell_axum::prelude::*;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let policies = PolicySet::builder(
///     Policy::named("default").idle(minutes(15)).absolute(hours(8)),
/// )
/// .network("office", ["10.20.0.0/16"], minutes(30))
/// .build()?;
/// let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
/// let app: Router = Router::new()
///     .route("/", get(async |s: Session| s.subject().to_string()))
///     .layer(session_timeout(&sessions).with_login("/login"));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let service = app.into_make_service_with_connect_info::<SocketAddr>();
/// axum::serve(listener, service).await?;
/// # Ok(())
/// # }
/// ```
///
/// In tests, a layer of axum sets the client's address:
///
/// ```
/// use std::net::SocketAddr;
///
/// use axum::body::Body;
/// use axum::extract::connect_info::MockConnectInfo;
/// use axum::{Router, routing::post};
/// use dwell_axum::prelude::*;
/// use dwell_testkit::TestClient;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let default = Policy::named("default").idle(minutes(15)).absolute(hours(8));
/// let policies = PolicySet::builder(default)
///     .network("office", ["10.20.0.0/16"], minutes(30))
///     .build()?;
/// let sessions = SessionManager::builder(MemoryStore::new(), policies).build();
/// let login = async |login: LoginSession| {
///     login.start(NewSession::new("alice")).await.map(|_| ())
/// };
/// let app: Router = Router::new()
///     .route("/login", post(login))
///     .layer(session_timeout(&sessions))
///     .layer(MockConnectInfo(SocketAddr::from(([10, 20, 1, 1], 4711))));
/// let mut client = TestClient::new(app.into_service::<Body>());
/// let answer = client.post("/login", "").await;
/// assert_eq!(answer.header("session-timeout"), Some("idle=1800, absolute=28800, warn=60"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn session_timeout(manager: &SessionManager) -> SessionTimeoutLayer {
    let layer = dwell_tower::SessionTimeoutLayer::new(manager)
        .with_body_factory()
        // The way out is always open (law L19), under the default path too where the
        // session is that of another middleware.
        .add_exempt_path("/session/end")
        .with_route_name(|extensions| extensions.get::<MatchedPath>().map(MatchedPath::as_str))
        .with_original_uri(|extensions| extensions.get::<OriginalUri>().map(|uri| &uri.0));
    #[cfg(feature = "connect-info")]
    let layer = layer.with_peer(peer);
    #[cfg(feature = "proxy-protocol")]
    let layer = layer.with_proxied(|extensions| {
        let ours = || extensions.get().copied();
        crate::proxy_protocol::addresses(extensions).map_or_else(ours, |addr| addr.proxied)
    });
    layer
}

#[cfg(feature = "connect-info")]
fn peer(extensions: &http::Extensions) -> Option<std::net::IpAddr> {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::extract::connect_info::MockConnectInfo;
    use dwell_tower::network::Peer;

    let real = extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0);
    let mock = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|c| c.0);
    let ours = || extensions.get::<Peer>().map(|peer| peer.0);
    #[cfg(feature = "proxy-protocol")]
    let real = real.or_else(|| crate::proxy_protocol::addresses(extensions).map(|a| a.peer));
    real.or_else(mock).or_else(ours).map(|addr| addr.ip())
}
