//! Why a server could not be started, asked or broken, in words that say what to do.

use std::io;

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a server could not be started, asked or broken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The machine lacks a program.
    #[error("`{program}` is missing: install the Debian package `{package}`")]
    Missing {
        /// The program that was looked for.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was attempted.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A server ended, or did not get into the awaited state in time.
    #[error("{server} {what}; the end of its log:\n{log}")]
    Server {
        /// The program's name and process id.
        server: String,
        /// What went wrong.
        what: String,
        /// The last lines that the server wrote.
        log: String,
    },
    /// A client program failed, or the server answered it with an error.
    #[error("`{shown}` failed: {output}")]
    Command {
        /// The command line.
        shown: String,
        /// What it printed.
        output: String,
    },
    /// What was asked for makes no sense in the state that things are in.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// Whether a server ended since somebody else has its port.
    pub(crate) fn is_lost_port(&self) -> bool {
        matches!(self, Self::Server { log, .. } if log.contains("Address already in use"))
    }
}
