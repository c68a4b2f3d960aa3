//! What the tests of runs share.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::expect_used, reason = "a test helper fails the test")]
#![allow(clippy::print_stdout, reason = "a run's output is its figures")]

use std::path::Path;

use dwell_faults::Result;
use dwell_faults::figures::Outcome;

/// Returns this package's program, which is also the node.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_faults"))
}

/// Prints the outcome of a run, and fails on any violation.
pub(crate) fn lawful(outcome: Result<Outcome>) -> Outcome {
    let outcome = outcome.expect("the run can be made");
    println!("{outcome}");
    assert!(outcome.violations.is_empty(), "{outcome}");
    outcome
}

/// Like [`lawful`], for a run with users: also checks that there were enough of
/// them.
pub(crate) fn lawful_load(outcome: Result<Outcome>) -> Outcome {
    let outcome = lawful(outcome);
    let figures = &outcome.figures;
    assert!(figures.requests > 1_000, "{outcome}");
    assert!(figures.sessions > 40 && figures.ends > 20, "{outcome}");
    outcome
}

/// Like [`lawful_load`], for a run in which the store was away: also checks
/// that it was noticed, and that sessions survived.
pub(crate) fn lawful_outage(outcome: Result<Outcome>) -> Outcome {
    let outcome = lawful_load(outcome);
    assert!(outcome.figures.refused > 0, "{outcome}");
    assert!(outcome.figures.survivors > 10, "{outcome}");
    outcome
}

/// Like [`lawful_load`], for a run in which the store took no writes: also checks
/// that this was noticed, and that sessions survived.
pub(crate) fn lawful_writes_refused(outcome: Result<Outcome>) -> Outcome {
    let outcome = lawful(outcome);
    let figures = &outcome.figures;
    assert!(figures.requests > 500 && figures.refused > 0, "{outcome}");
    assert!(figures.survivors > 5, "{outcome}");
    outcome
}
