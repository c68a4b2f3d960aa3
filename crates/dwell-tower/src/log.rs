//! Log lines of the layers, one function for each level.
//!
//! Errors are recorded as text, which subscribers quote: a line break in an
//! error of a store or a source forges no second line.

use std::error::Error;
use std::fmt::{self, Display};

/// Displays an error with its sources, which name the cause.
pub(crate) struct Causes<'a>(pub(crate) &'a dyn Error);

impl Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Logs a fault of the setup or of Dwell.
#[cold]
pub(crate) fn error(message: &str, error: Option<&dyn Display>) {
    tracing::error!(error = error.map(ToString::to_string), "{message}");
}

/// Logs a failure that is tried again, or whose effect is bounded.
#[cold]
pub(crate) fn warn(message: &str, error: Option<&dyn Display>) {
    tracing::warn!(error = error.map(ToString::to_string), "{message}");
}
