//! The benchmarks: a package of their own, with a lock file of its own.

use crate::command::Cmd;
use crate::error::{Error, Result};
use crate::tools;
use crate::workspace::Workspace;

const MANIFEST: &str = "bench/Cargo.toml";

pub(crate) fn run(workspace: &Workspace, args: &[&str]) -> Result<()> {
    if !workspace.has(MANIFEST) {
        return Err(Error::Usage(format!("there is no {MANIFEST}")));
    }
    tools::ensure_debian(workspace, "valgrind", &["valgrind"])?;
    Cmd::cargo(workspace)
        .args(["run", "--release", "--manifest-path", MANIFEST])
        .args(workspace.locked("bench"))
        .args(["--"])
        .args(args)
        .run()
}

/// The benchmarks compile; running them takes a quiet machine, which CI is not.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    if !workspace.has(MANIFEST) {
        println!("nothing to build: there is no {MANIFEST}");
        return Ok(());
    }
    Cmd::cargo(workspace)
        .args(["check", "--all-targets", "--manifest-path", MANIFEST])
        .args(workspace.locked("bench"))
        .run()
}
