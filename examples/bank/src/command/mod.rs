//! The command `bank`: see `bank --help`.
//!
//! | file | subject |
//! |---|---|
//! | `options` | the command line |
//! | `policies` | the policies: built in, or from a file |
//! | `store` | the store for sessions |
//! | `server` | starting, serving, stopping |
//! | `signals` | signals to stop, and to reload the policies |

mod options;
mod policies;
mod server;
mod signals;
mod store;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use options::Command;

/// Runs the command `bank` with these arguments, the first of which is the
/// program's name. Serves until a signal stops it. Sets up the process's logger, so
/// call this once per process.
pub async fn command(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match options::parse(args) {
        Ok(Command::Help) => return help(),
        Ok(Command::Serve(options)) => options,
        Err(error) => {
            tell(&format!("{error}\nTry 'bank --help'."));
            return ExitCode::from(2);
        }
    };
    log_to_stderr();
    match server::run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn help() -> ExitCode {
    match io::stdout().write_all(options::HELP.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes to standard error, whatever the log's filter. Ignores a closed standard
/// error.
fn tell(message: &str) {
    let _ = writeln!(io::stderr(), "bank: {message}");
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
