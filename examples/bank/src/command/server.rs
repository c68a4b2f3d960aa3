//! Starts everything, serves, stops in order.

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

/// Where we listen when nobody says.
const DEFAULT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 3000);

pub(crate) async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let policies = policies::load(options.config.as_deref())?;
    let opened = options.store.open(policies, options.copies).await;
    let (sessions, lifetime) = opened.map_err(|e| format!("--store: {e}"))?;
    let mut sessions = sessions.observer(TracingObserver);
    if let Some(path) = &options.audit {
        let audit = JsonLines::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        sessions = sessions.observer(audit);
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

    // Before anybody is told that we are there, and may send a signal.
    let stop = Stop::listen()?;
    let live = sessions.policies().clone();
    signals::on_hangup(move || policies::reload(&live, options.config.as_deref()))?;

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
        // Whoever is signed in stays so: at the other banks, or at the next
        // start.
        Lifetime::Beyond => {}
    }
    Ok(())
}

/// Tells where we are, on the first line of standard output: under the name
/// that we were given, else as `localhost`.
fn announce(asked: Option<SocketAddr>, address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match asked {
        None => writeln!(out, "listening on http://localhost:{}", address.port())?,
        Some(_) => writeln!(out, "listening on http://{address}")?,
    }
    out.flush()?;
    if !address.ip().is_loopback() {
        tracing::warn!("without TLS in front, browsers keep no secure cookie from another machine");
    }
    Ok(())
}

/// The store is this process's memory, so sessions end with it, and the record
/// has to say so (law L12). One that ran out before has its own reason.
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
