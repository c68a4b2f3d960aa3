//! Log lines of the layers, one function for each level.
//!
//! Errors are recorded as text, which subscribers quote: a line break in an
//! error of a store or a source forges no second line.

use std::fmt::Display;

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
