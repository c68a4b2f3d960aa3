//! What the layers log, from one place for each level.

use std::fmt::Display;

/// A fault of ours, or of the wiring, and what is known of it.
#[cold]
pub(crate) fn error(message: &str, error: Option<&dyn Display>) {
    tracing::error!(error = error.map(tracing::field::display), "{message}");
}

/// Something that will be tried again, and why it failed.
#[cold]
pub(crate) fn warn(message: &str, error: Option<&dyn Display>) {
    tracing::warn!(error = error.map(tracing::field::display), "{message}");
}
