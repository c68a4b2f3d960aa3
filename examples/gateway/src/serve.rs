//! Serves the gateway on a socket.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use dwell_axum::ClientIpSource;
use dwell_axum::dwell_tower::network::{Peer, Proxied};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use proxy_header::ParseConfig;
use proxy_header::io::ProxiedStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::app::Gateway;

/// How long a client may take to send a head, and a connection may stay unused.
const HEAD: Duration = Duration::from_secs(60);

/// How long a proxy may take to send its PROXY header.
const PROXY_HEADER: Duration = Duration::from_secs(5);

/// How long open connections may take to finish when the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, as without file handles.
const PAUSE: Duration = Duration::from_millis(100);

impl Gateway {
    /// Serves until `stop` completes. Then event streams end at once, and requests in
    /// flight have five seconds to finish. Every touch is recorded when this returns.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = self.clone().connection(stream, peer, graceful.watcher());
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%peer, %error, "connection closed");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection accepted; trying again");
                    sleep(PAUSE).await;
                }
            }
        }
        drop(listener);
        self.timeouts.end_event_streams();
        if timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections still open after five seconds; stopping anyway");
        }
        self.timeouts.flush().await;
    }

    async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let policies = self.timeouts.policies().borrow();
        let source = policies.client_ip();
        let by_header = source.source() == ClientIpSource::ProxyProtocol;
        if !by_header || !source.trusts(peer.ip()) {
            // Who is not trusted speaks HTTP at once: a PROXY header is no HTTP.
            return self.http(stream, peer, None, watcher).await;
        }
        let config = ParseConfig {
            include_tlvs: false,
            ..ParseConfig::default()
        };
        let read = timeout(
            PROXY_HEADER,
            ProxiedStream::create_from_tokio(stream, config),
        );
        let read = read.await.unwrap_or_else(|late| Err(late.into()));
        let stream = read.inspect_err(|error| {
            tracing::warn!(%peer, %error, "no PROXY header from a trusted proxy; connection closed. Does it send one?");
        })?;
        let client = stream.proxy_header().proxied_address();
        let client = Proxied(client.map(|address| address.source));
        self.http(stream, peer, Some(client), watcher).await
    }

    async fn http(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        client: Option<Proxied>,
        watcher: Watcher,
    ) -> io::Result<()> {
        let service = service_fn(move |request: Request<Incoming>| {
            let gateway = self.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(Peer(peer));
                if let Some(client) = client {
                    request.extensions_mut().insert(client);
                }
                Ok::<_, Infallible>(gateway.answer(request).await)
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        watcher.watch(connection).await.map_err(io::Error::other)
    }
}
