//! The command `gateway`: see `gateway --help`.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dwell_audit::JsonLines;
use dwell_axum::{EndReason, MemoryStore, Selection, SessionManager, TracingObserver};
use lexopt::{Arg, Parser};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::Gateway;
use crate::config::Config;
use crate::users;

const HELP: &str = "\
Session timeouts in front of any service.

Usage: gateway [--config FILE]
       gateway hash-password

  --config FILE    Settings, routes and policies [default: gateway.toml];
                   policies, routes and users are read again on SIGHUP
  -h, --help       Show this text

hash-password asks for a password, or reads a line of standard input, and
prints its argon2 hash for a line of the users file:
  alice = \"$argon2id$…\"

RUST_LOG filters the log, which goes to standard error [default: info].
SIGTERM or Ctrl-C stops the gateway.
";

#[derive(Debug, PartialEq, Eq)]
enum Command {
    HashPassword,
    Help,
    Serve(PathBuf),
}

/// Runs the command `gateway` with these arguments, the first of which is the program's
/// name. Serves until a signal stops it. Sets up the process's logger, so call this once
/// per process.
pub async fn command(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match parse(args) {
        Ok(command) => command,
        Err(error) => {
            tell(&format!("{error}\nTry 'gateway --help'."));
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::HashPassword => hash_password(),
        Command::Help => print(HELP),
        Command::Serve(config) => serve(&config).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_iter(args);
    let mut config = PathBuf::from("gateway.toml");
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("config") => config = parser.value()?.into(),
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Value(word) if word == "hash-password" => return Ok(Command::HashPassword),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(Command::Serve(config))
}

fn hash_password() -> Result<(), Box<dyn Error>> {
    let password = match io::stdin().is_terminal() {
        true => rpassword::prompt_password("Password: ")?,
        false => io::read_to_string(io::stdin())?,
    };
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.contains('\n') {
        return Err("standard input must be one line with the password".into());
    }
    print(&format!("{}\n", users::hash(password)?))
}

async fn serve(path: &Path) -> Result<(), Box<dyn Error>> {
    log_to_stderr();
    let config = Config::read(path)?;
    config.warn();
    let mut sessions = SessionManager::builder(MemoryStore::new(), config.policies.clone())
        .observer(TracingObserver);
    let mut audit = None;
    if let Some(path) = &config.audit {
        let lines = JsonLines::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        sessions = sessions.observer(lines.clone());
        audit = Some(lines);
    }
    let sessions = sessions.build();
    let gateway = Gateway::new(&config, &sessions);

    // Before the first line of output, after which a signal may come.
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let mut hangup = signal(SignalKind::hangup())?;
    let (reloaded, live) = (gateway.clone(), sessions.clone());
    let path = path.to_owned();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match reload(&path, &reloaded, &live).await {
                Ok(()) => tracing::info!("policies, routes and users reloaded and in force"),
                Err(error) => {
                    tracing::error!(%error, "not reloaded; the previous settings stay in force");
                }
            }
            if let Some(Err(error)) = audit.as_ref().map(JsonLines::reopen) {
                tracing::error!(%error, "the audit file was not opened again");
            }
        }
    });

    let listen = config.listen;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|e| {
        format!(
            "{}: listen: can't listen on {listen}: {e}",
            config.path.display()
        )
    })?;
    print(&format!("listening on http://{}\n", listener.local_addr()?))?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    gateway.serve(listener, stop).await;
    // The store ends with the process, so each end is reported. Expired sessions first: they
    // keep their reason.
    while sessions.reap(1_000).await? {}
    end_sessions(&sessions, &config.users.names()).await
}

/// Puts the file in force, but for where the gateway listens and what it is in front of. Who is no user any more is signed out.
async fn reload(
    path: &Path,
    gateway: &Gateway,
    sessions: &SessionManager,
) -> Result<(), Box<dyn Error>> {
    let config = Config::read(path)?;
    config.warn();
    end_sessions(sessions, &gateway.reload(config)).await
}

async fn end_sessions(sessions: &SessionManager, users: &[String]) -> Result<(), Box<dyn Error>> {
    for user in users {
        let reason = EndReason::Revoked;
        sessions
            .end_sessions(&user.as_str().into(), Selection::All, reason)
            .await?;
    }
    Ok(())
}

fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes to standard error, whatever the log's filter. Ignores a closed standard error.
fn tell(message: &str) {
    let _ = writeln!(io::stderr(), "gateway: {message}");
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
