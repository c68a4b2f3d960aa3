//! What the layers log of themselves.
//!
//! From one place for each level: a place that logs is 1.5 KB of code and
//! data, and none of them is passed often.

use std::fmt::Display;

/// A fault of ours, or of the wiring, and what is known of it.
#[cold]
#[inline(never)]
pub(crate) fn error(message: &str, error: Option<&dyn Display>) {
    tracing::error!(error = error.map(tracing::field::display), "{message}");
}

/// Something that will be tried again, and why it failed.
#[cold]
#[inline(never)]
pub(crate) fn warn(message: &str, error: Option<&dyn Display>) {
    tracing::warn!(error = error.map(tracing::field::display), "{message}");
}
