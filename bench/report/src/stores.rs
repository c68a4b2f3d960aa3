//! Shared stores on real servers. Another program measures, the package beside
//! this one: it depends on sqlx, which turns on a feature of `tracing` that
//! would change what the other parts measure.

use dwell_bench::section::Section;

use crate::child::{cargo, section};

/// Builds it and runs it.
pub fn run(quick: bool) -> Result<Section, String> {
    let mut command = cargo();
    command.args(["run", "--locked", "--quiet", "--release"]);
    command.args(["-p", "dwell-bench-stores", "--"]);
    command.args(quick.then_some("--quick"));
    section(command)
}
