//! Starts everything, serves, stops in order.

use std::error::Error;
use std::future::IntoFuture;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use dwell_audit::JsonLines;
use dwell_axum::dwell_tower::session::{SessionCookie, Source};
use dwell_axum::{
    MemoryStore, SessionManager, SessionTimeoutLayer, TracingObserver, session_timeout,
};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::accounts::Accounts;
use crate::options::{CookieMode, Options};
use crate::{policy, routes, signals};

/// How long open connections may take to finish when we stop.
const DRAIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let policies = policy::load(options.config.as_deref())?;
    let mut manager =
        SessionManager::builder(MemoryStore::new(), policies).observer(TracingObserver);
    if let Some(path) = &options.audit {
        let audit = JsonLines::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        manager = manager.observer(audit);
    }
    let manager = manager.build();
    let sessions = stack(&manager, options.cookie);
    reload_on_hangup(&manager, options.config)?;

    let app = routes::app(Accounts::new(), sessions.clone());
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|e| format!("can't listen on {}: {e}", options.listen))?;
    announce(listener.local_addr()?)?;

    let (stopping, stopped) = oneshot::channel();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        signals::stop().await;
        let _ = stopping.send(());
    });
    tokio::select! {
        served = served.into_future() => served?,
        () = drained(stopped) => tracing::warn!("stopped with connections still open"),
    }
    sessions.flush().await;
    Ok(())
}

fn stack(manager: &SessionManager, cookie: CookieMode) -> SessionTimeoutLayer {
    let sessions = session_timeout(manager)
        .with_login("/login")
        .with_reauthentication("/reauth");
    match cookie {
        CookieMode::Secure => sessions,
        CookieMode::InsecurePlainHttp => {
            tracing::warn!(
                "INSECURE: session cookies travel in clear text over http (--insecure-plain-http-cookie)"
            );
            let cookie = SessionCookie::new().with_insecure_plain_http();
            sessions.with_source(Source::cookie(cookie))
        }
    }
}

fn reload_on_hangup(manager: &SessionManager, config: Option<PathBuf>) -> io::Result<()> {
    let policies = manager.policies().clone();
    signals::on_hangup(move || policy::reload(&policies, config.as_deref()))
}

/// Tells where we are, on the first line of standard output. Browsers take
/// secure cookies over plain HTTP from `localhost`, so that is the name to use.
fn announce(address: SocketAddr) -> io::Result<()> {
    let port = address.port();
    let is_localhost = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ]
    .contains(&address.ip());
    let mut out = io::stdout().lock();
    if is_localhost {
        writeln!(out, "listening on http://localhost:{port}")?;
    } else {
        writeln!(out, "listening on http://{address}")?;
        tracing::warn!("without TLS in front, browsers keep no secure cookie from another machine");
    }
    out.flush()
}

/// Waits until we were told to stop and connections had their time.
async fn drained(stopped: oneshot::Receiver<()>) {
    if stopped.await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DRAIN).await;
}
