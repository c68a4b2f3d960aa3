//! Policies: validation, combination, files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

mod build;
#[cfg(feature = "policy-file")]
mod file;
mod in_force;

use dwell_core::{Policy, PolicyBuilder, hours, minutes};

fn default() -> PolicyBuilder {
    Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8))
}
