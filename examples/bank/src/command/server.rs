//! Starts the bank, serves, and stops in order.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use dwell_audit::JsonLines;
use dwell_axum::{EndReason, Selection, SessionManager, TracingObserver};
use tokio::net::TcpListener;

use super::options::{CookieMode, Options};
use super::signals::{self, Stop};
use super::store::Lifetime;
use super::{policies, tell};
use crate::{Bank, PASSWORD, USERS};

/// The default address to listen on.
const DEFAULT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 3000);

pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let policies = policies::load(options.config.as_deref())?;
    let opened = options.store.open(policies, options.copies).await;
    let (sessions, lifetime) = opened.map_err(|e| format!("--store: {e}"))?;
    let mut sessions = sessions.observer(TracingObserver);
    let mut audit = None;
    if let Some(path) = &options.audit {
        let lines = JsonLines::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        sessions = sessions.observer(lines.clone());
        audit = Some(lines);
    }
    let sessions = sessions.build();
    let mut bank = Bank::new(&sessions);
    if options.cookie == CookieMode::InsecurePlainHttp {
        tell(
            "INSECURE: session cookies travel in clear text, because of \
             --insecure-plain-http-cookie; never use this beyond your own machine",
        );
        bank = bank.with_insecure_plain_http_cookie();
    }

    // Before the first line of output, after which a signal may come.
    let stop = Stop::listen()?;
    let live = sessions.policies().clone();
    signals::on_hangup(move || {
        policies::reload(&live, options.config.as_deref());
        if let Some(Err(error)) = audit.as_ref().map(JsonLines::reopen) {
            tracing::error!(%error, "the audit file was not opened again");
        }
    })?;

    let address = options.listen.unwrap_or(DEFAULT.into());
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("--listen: can't listen on {address}: {e}"))?;
    announce(options.listen, listener.local_addr()?)?;
    tracing::info!(
        "sign in as {} with the password {PASSWORD}; Ctrl-C stops the bank",
        USERS.join(" or ")
    );

    bank.serve(listener, stop.wait()).await?;
    match lifetime {
        Lifetime::Process => end_sessions(&sessions).await?,
        // Users stay signed in: at the other banks, or after a restart.
        Lifetime::Beyond => {}
    }
    Ok(())
}

/// Prints the address as the first line of standard output: as `localhost`, unless
/// `--listen` was given.
fn announce(asked: Option<SocketAddr>, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match asked {
        None => writeln!(out, "listening on http://localhost:{}", address.port())?,
        Some(_) => writeln!(out, "listening on http://{address}")?,
    }
    out.flush()?;
    if !address.ip().is_loopback() {
        tracing::warn!("browsers on other machines drop the secure cookie; put TLS in front");
    }
    Ok(())
}

/// Ends all sessions of a store in memory, which end with the process, so that each
/// end is reported (law L12). Expired sessions are reaped first and keep their
/// reason.
async fn end_sessions(sessions: &SessionManager) -> Result<(), Box<dyn Error>> {
    while sessions.reap(1_000).await? {}
    for user in USERS {
        let reason = EndReason::Revoked;
        sessions
            .end_sessions(&user.into(), Selection::All, reason)
            .await?;
    }
    Ok(())
}
