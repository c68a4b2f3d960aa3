//! Log lines of the layers, one function for each level.

use std::fmt::Display;

/// Logs a fault of the setup or of Dwell.
#[cold]
pub(crate) fn error(message: &str, error: Option<&dyn Display>) {
    tracing::error!(error = error.map(tracing::field::display), "{message}");
}

/// Logs a failure that is tried again, or whose effect is bounded.
#[cold]
pub(crate) fn warn(message: &str, error: Option<&dyn Display>) {
    tracing::warn!(error = error.map(tracing::field::display), "{message}");
}
