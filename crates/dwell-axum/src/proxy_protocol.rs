//! Connections that begin with a PROXY header, for `axum::serve`.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::serve::{IncomingStream, Listener};
use dwell_core::{ClientIpSource, LivePolicies, SessionManager, seconds};
use dwell_tower::network::Proxied;
use http::Extensions;
use proxy_header::ParseConfig;
use proxy_header::io::ProxiedStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a proxy may take to send its PROXY header.
const PATIENCE: Duration = seconds(5);

/// Accepts connections, and reads the PROXY header (version 1 or 2) of those that come
/// from a trusted proxy, if the policies name `proxy-protocol` as the source of the
/// client's address.
///
/// Needs the feature `proxy-protocol`. A trusted proxy that sends no such header within
/// five seconds, or a broken one, has its connection closed, and the log says so. From
/// others none is read: its bytes are no HTTP, and are answered 400.
///
/// ```no_run
/// use axum::Router;
/// use dwell_axum::{ProxyProtocolAddr, ProxyProtocolListener, SessionManager};
/// use tokio::net::TcpListener;
///
/// async fn serve(app: Router, sessions: &SessionManager) -> std::io::Result<()> {
///     let listener = TcpListener::bind("0.0.0.0:3000").await?;
///     let listener = ProxyProtocolListener::new(listener, sessions);
///     let service = app.into_make_service_with_connect_info::<ProxyProtocolAddr>();
///     axum::serve(listener, service).await
/// }
/// ```
pub struct ProxyProtocolListener {
    listener: TcpListener,
    policies: LivePolicies,
    /// Connections whose header has not come yet: they do not hold others up.
    reading: JoinSet<Option<(ProxyProtocolStream, ProxyProtocolAddr)>>,
}

/// The addresses of a connection that a [`ProxyProtocolListener`] has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyProtocolAddr {
    /// The connection's other end.
    pub peer: SocketAddr,
    /// What the PROXY header says, if one was read.
    pub proxied: Option<Proxied>,
}

/// A connection that a [`ProxyProtocolListener`] has accepted, after its PROXY header.
#[derive(Debug)]
pub struct ProxyProtocolStream(ProxiedStream<TcpStream>);

impl ProxyProtocolListener {
    /// Returns a listener for the service of these sessions. Their policies name the
    /// trusted proxies, also after a reload.
    #[must_use]
    pub fn new(listener: TcpListener, sessions: &SessionManager) -> Self {
        Self {
            listener,
            policies: sessions.policies().clone(),
            reading: JoinSet::new(),
        }
    }

    /// Whether a connection from this peer begins with a PROXY header.
    fn expects_header(&self, peer: SocketAddr) -> bool {
        let policies = self.policies.borrow();
        let source = policies.client_ip();
        source.source() == ClientIpSource::ProxyProtocol && source.trusts(peer.ip())
    }
}

async fn read(
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<(ProxyProtocolStream, ProxyProtocolAddr)> {
    let config = ParseConfig {
        include_tlvs: false,
        ..ParseConfig::default()
    };
    let read = timeout(PATIENCE, ProxiedStream::create_from_tokio(stream, config)).await;
    let stream = read.unwrap_or_else(|late| Err(late.into()));
    let stream = stream.inspect_err(|error| {
        let message = "no PROXY header from a trusted proxy; connection closed. Does the proxy \
                       send one?";
        tracing::warn!(%peer, %error, "{message}");
    });
    let stream = stream.ok()?;
    let client = stream.proxy_header().proxied_address();
    let proxied = Some(Proxied(client.map(|address| address.source)));
    Some((
        ProxyProtocolStream(stream),
        ProxyProtocolAddr { peer, proxied },
    ))
}

impl Listener for ProxyProtocolListener {
    type Io = ProxyProtocolStream;
    type Addr = ProxyProtocolAddr;

    async fn accept(&mut self) -> (ProxyProtocolStream, ProxyProtocolAddr) {
        loop {
            tokio::select! {
                (stream, peer) = Listener::accept(&mut self.listener) => {
                    // Fails if the client has left.
                    let _ = stream.set_nodelay(true);
                    if self.expects_header(peer) {
                        self.reading.spawn(read(stream, peer));
                    } else {
                        let stream = ProxyProtocolStream(ProxiedStream::unproxied(stream));
                        return (stream, ProxyProtocolAddr { peer, proxied: None });
                    }
                }
                read = self.reading.join_next(), if !self.reading.is_empty() => {
                    if let Some(Ok(Some(connection))) = read {
                        return connection;
                    }
                }
            }
        }
    }

    /// Returns the address on which this listens, as `peer`.
    fn local_addr(&self) -> io::Result<ProxyProtocolAddr> {
        let peer = self.listener.local_addr()?;
        Ok(ProxyProtocolAddr {
            peer,
            proxied: None,
        })
    }
}

impl Connected<IncomingStream<'_, ProxyProtocolListener>> for ProxyProtocolAddr {
    fn connect_info(stream: IncomingStream<'_, ProxyProtocolListener>) -> Self {
        *stream.remote_addr()
    }
}

/// The addresses of a request's connection.
pub(crate) fn addresses(extensions: &Extensions) -> Option<ProxyProtocolAddr> {
    let info = extensions.get::<ConnectInfo<ProxyProtocolAddr>>();
    info.map(|info| info.0)
}

impl AsyncRead for ProxyProtocolStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ProxyProtocolStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl fmt::Debug for ProxyProtocolListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyProtocolListener")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}
