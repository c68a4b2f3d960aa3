//! The application on a socket.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dwell_axum::dwell_tower::session::{SessionCookie, Source};
use dwell_axum::{SessionManager, SessionTimeoutLayer, session_timeout};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::accounts::Accounts;
use crate::routes;

/// How long open connections may take to finish when the bank stops.
const DRAIN: Duration = Duration::from_secs(5);

/// The bank, with accounts of its own, ready to be served.
#[derive(Debug)]
pub struct Bank {
    sessions: SessionTimeoutLayer,
}

impl Bank {
    /// A bank that keeps its sessions with this manager.
    #[must_use]
    pub fn new(sessions: &SessionManager) -> Self {
        Self {
            sessions: session_timeout(sessions)
                .with_login("/login")
                .with_reauthentication("/reauth"),
        }
    }

    /// Sends the session cookie without `Secure` and without its `__Host-`
    /// prefix, in clear text over `http://`. For development with a browser
    /// that takes no secure cookie from `http://localhost`, and for nothing
    /// else.
    #[must_use]
    pub fn with_insecure_plain_http_cookie(mut self) -> Self {
        let cookie = SessionCookie::new().with_insecure_plain_http();
        self.sessions = self.sessions.with_source(Source::cookie(cookie));
        self
    }

    /// Serves until `stop` is over. Requests under way may finish, for five
    /// seconds; when this returns, every touch is recorded.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let app = routes::app(Accounts::new(), self.sessions.clone());
        let (stopping, stopped) = oneshot::channel();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            let _ = stopping.send(());
        });
        tokio::select! {
            served = served.into_future() => served?,
            () = drained(stopped) => tracing::warn!("stopped with connections still open"),
        }
        self.sessions.flush().await;
        Ok(())
    }
}

/// Waits until we were told to stop and connections had their time.
async fn drained(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DRAIN).await;
}
