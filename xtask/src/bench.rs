//! The benchmarks: a package of their own, with a lock file of its own.

use crate::command::Cmd;
use crate::error::{Error, Result};
use crate::tools;
use crate::workspace::Workspace;

const MANIFEST: &str = "bench/Cargo.toml";

/// The report that a whole run writes.
const REPORT: &str = "docs/benchmarks.md";

pub(crate) fn run(workspace: &Workspace, args: &[&str]) -> Result<()> {
    if !workspace.has(MANIFEST) {
        return Err(Error::Usage(format!("there is no {MANIFEST}")));
    }
    tools::ensure_debian(workspace, "valgrind", &["valgrind"])?;
    tools::ensure_servers(workspace)?;
    // One of the two programs starts the other.
    build(workspace).run()?;
    Cmd::cargo(workspace)
        .args(["run", "--release", "--quiet", "--manifest-path", MANIFEST])
        .args(workspace.locked("bench"))
        .args(["--"])
        .args(args)
        .args(report(args))
        .run()
}

fn build(workspace: &Workspace) -> Cmd {
    Cmd::cargo(workspace)
        .args(["build", "--release", "--manifest-path", MANIFEST])
        .args(workspace.locked("bench"))
}

/// Only a whole run makes a report.
fn report(args: &[&str]) -> Vec<&'static str> {
    match args {
        [] => vec!["--out", REPORT],
        _ => Vec::new(),
    }
}

/// The benchmarks compile, and so does the application whose size they
/// measure, with each of its features; their own tests pass. Running them
/// takes a quiet machine, which CI is not.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    if !workspace.has(MANIFEST) {
        println!("nothing to build: there is no {MANIFEST}");
        return Ok(());
    }
    for package in ["dwell-bench", "dwell-bench-stores"] {
        Cmd::cargo(workspace)
            .args(["test", "--manifest-path", MANIFEST, "-p", package])
            .args(workspace.locked("bench"))
            .run()?;
    }
    for features in ["", "dwell", "tower-sessions"] {
        Cmd::cargo(workspace)
            .args(["check", "--manifest-path", MANIFEST])
            .args(["-p", "dwell-bench-minimal", "--features", features])
            .args(workspace.locked("bench"))
            .run()?;
    }
    Ok(())
}

/// Instruction counts against the committed baseline, which a busy machine
/// does not change.
pub(crate) fn compare(workspace: &Workspace) -> Result<()> {
    run(workspace, &["check"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_run_writes_the_report() {
        assert_eq!(report(&[]), ["--out", REPORT]);
        for args in [&["--quick"][..], &["scale"], &["check", "--write"]] {
            assert!(report(args).is_empty(), "{args:?}");
        }
    }
}
