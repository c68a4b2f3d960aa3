//! The engine, by tables of cases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test panics")]

mod authentication;
mod boundaries;
mod deadlines;
mod touch;

use dwell_core::{EndReason, Facts, Timestamp, Verdict};
use dwell_test_support::World;

/// Returns why a session without requests is over at this instant, or `None`.
fn ends(world: &World, facts: &Facts, at: Timestamp) -> Option<EndReason> {
    match world.due_policy().verdict(facts, at) {
        Verdict::Ended(reason) => Some(reason),
        _ => None,
    }
}

/// Returns the instant `millis` milliseconds after `at`.
fn after(at: Timestamp, millis: u64) -> Timestamp {
    at + std::time::Duration::from_millis(millis)
}
