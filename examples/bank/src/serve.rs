//! Serves the application on a socket.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dwell_axum::dwell_tower::session::{SessionCookie, TokenSource};
use dwell_axum::{SessionManager, SessionTimeoutLayer, session_timeout};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::routes;

/// How long open connections may take to finish when the bank stops.
const DRAIN: Duration = Duration::from_secs(5);

/// A bank with its own accounts, ready to serve.
#[derive(Debug)]
pub struct Bank {
    sessions: SessionTimeoutLayer,
}

impl Bank {
    /// Makes a bank that keeps its sessions with this manager.
    #[must_use]
    pub fn new(sessions: &SessionManager) -> Self {
        Self {
            sessions: session_timeout(sessions)
                .with_login("/login")
                .with_reauthentication("/reauth")
                .add_exempt_path("/expired"),
        }
    }

    /// Sends the session cookie without `Secure` and without its `__Host-` prefix,
    /// in clear text over `http://`. Only for development with a browser that
    /// rejects secure cookies from `http://localhost`.
    #[must_use]
    pub fn with_insecure_plain_http_cookie(mut self) -> Self {
        let cookie = SessionCookie::new().with_insecure_plain_http();
        self.sessions = self.sessions.with_source(TokenSource::cookie(cookie));
        self
    }

    /// Serves until `stop` completes. Then event streams end at once, and requests
    /// in flight have five seconds to finish. Every touch is recorded when this
    /// returns.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (stopping, stopped) = watch::channel(false);
        let app = routes::app(Accounts::new(), self.sessions.clone());
        let at_stop = self.sessions.clone();
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            at_stop.end_event_streams();
            stopping.send_replace(true);
        });
        tokio::select! {
            served = served.into_future() => served?,
            () = drained(stopped) => tracing::warn!("connections still open after five seconds; stopping anyway"),
        }
        self.sessions.flush().await;
        Ok(())
    }
}

/// Waits for the stop, and then for the time that connections have to finish.
async fn drained(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DRAIN).await;
}
