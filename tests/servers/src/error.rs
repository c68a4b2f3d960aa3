//! Errors of starting, asking and breaking servers.

use std::io;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a server could not be started, asked or broken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is missing on this machine.
    #[error("`{program}` is missing: install the Debian package `{package}`")]
    Missing {
        /// The program that was looked for.
        program: String,
        /// The Debian package that contains it.
        package: &'static str,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was attempted.
        doing: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A server ended, or did not reach the expected state in time.
    #[error("{server} {what}; the end of its log:\n{log}")]
    Server {
        /// The program's name and process id.
        server: String,
        /// What went wrong.
        what: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// A client program failed, or the server answered it with an error.
    #[error("`{shown}` failed: {output}")]
    Command {
        /// The command line.
        shown: String,
        /// The output of the client program.
        output: String,
    },
    /// The call does not fit the current state.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Whether a server ended because another process took its port.
    pub(crate) fn is_lost_port(&self) -> bool {
        // Caddy writes it without the capital.
        matches!(self, Self::Server { log, .. } if log.contains("ddress already in use"))
    }
}
