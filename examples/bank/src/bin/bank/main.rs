//! The command `bank`: see `bank --help`.

mod options;
mod policies;
mod server;
mod signals;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use options::Command;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options::parse(std::env::args_os()) {
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

/// Tells whoever started us, whatever the log's filter says. When nobody reads
/// standard error there is nobody left to tell.
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
