//! What the tests of runs share.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::expect_used, reason = "a test helper fails the test")]
#![allow(clippy::print_stdout, reason = "the figures are what a run is for")]

use std::path::Path;

use dwell_faults::Result;
use dwell_faults::figures::Outcome;

/// This package's program, which is a node on demand.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_faults"))
}

/// Prints what came out of a run, and fails if anything was wrong.
pub(crate) fn lawful(outcome: Result<Outcome>) -> Outcome {
    let outcome = outcome.expect("the run can be made");
    println!("{outcome}");
    assert!(outcome.violations.is_empty(), "{outcome}");
    outcome
}

/// The same for a run with users in it: there were enough of them to see
/// something.
pub(crate) fn lawful_load(outcome: Result<Outcome>) -> Outcome {
    let outcome = lawful(outcome);
    let figures = &outcome.figures;
    assert!(figures.requests > 1_000, "{outcome}");
    assert!(figures.sessions > 40 && figures.ends > 20, "{outcome}");
    outcome
}

/// The same for a run in which the store was away: it was noticed, for no
/// longer than the fault and the way back, and sessions went on.
pub(crate) fn lawful_outage(outcome: Result<Outcome>) -> Outcome {
    let outcome = lawful_load(outcome);
    assert!(outcome.figures.refused > 0, "{outcome}");
    assert!(outcome.figures.survivors > 10, "{outcome}");
    outcome
}
