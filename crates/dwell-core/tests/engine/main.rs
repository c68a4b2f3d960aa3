//! The law, by tables of cases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod authentication;
mod deadlines;
mod touch;

use dwell_core::{EndReason, Facts, Timestamp, Verdict};
use dwell_test_support::World;

/// Why a session that nobody uses has ended at this instant, if it has.
fn ends(world: &World, facts: &Facts, at: Timestamp) -> Option<EndReason> {
    match world.due_policy().verdict(facts, at) {
        Verdict::Ended(reason) => Some(reason),
        _ => None,
    }
}

/// A fact in milliseconds after another.
fn after(at: Timestamp, millis: u64) -> Timestamp {
    at + std::time::Duration::from_millis(millis)
}
