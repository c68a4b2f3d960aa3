//! Serves the gateway on a socket.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use dwell_axum::{ProxyProtocolAddr, ProxyProtocolListener, ProxyProtocolStream};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::app::Gateway;

/// How long a client may take to send a head, and a connection may stay unused.
const HEAD: Duration = Duration::from_secs(60);

/// How long open connections may take to finish when the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);

impl Gateway {
    /// Serves until `stop` completes. Then event streams end at once, and requests in
    /// flight have five seconds to finish. Every touch is recorded when this returns.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut listener = ProxyProtocolListener::new(listener, self.timeouts.manager());
        let graceful = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            let (stream, addr) = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            let connection = self.clone().connection(stream, addr, graceful.watcher());
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(peer = %addr.peer, error, "connection closed");
                }
            });
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
        stream: ProxyProtocolStream,
        addr: ProxyProtocolAddr,
        watcher: Watcher,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let service = service_fn(move |request: Request<Incoming>| {
            let gateway = self.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(addr));
                Ok::<_, Infallible>(gateway.answer(request).await)
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        watcher.watch(connection).await
    }
}
