//! The steps that are one cargo command each.

use crate::command::{Cmd, on_path};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::tools;
use crate::workspace::Workspace;

/// Packages outside the workspace, which its commands do not reach.
const OUTSIDE: [&str; 2] = ["bench", "fuzz"];

pub(crate) fn fmt(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    let outside = OUTSIDE
        .iter()
        .map(|folder| format!("{folder}/Cargo.toml"))
        .filter(|manifest| workspace.has(manifest));
    for manifest in std::iter::once("Cargo.toml".to_owned()).chain(outside) {
        let run = Cmd::cargo(workspace)
            .args(["fmt", "--all", "--check", "--manifest-path", &manifest])
            .run();
        failed.extend(run.err());
    }
    Error::gather(failed)
}

pub(crate) fn clippy(workspace: &Workspace) -> Result<()> {
    Cmd::cargo(workspace)
        .args(["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(workspace.locked("."))
        .args(["--", "-D", "warnings"])
        .run()
}

pub(crate) fn tests(workspace: &Workspace) -> Result<()> {
    tools::ensure_servers(workspace)?;
    let cargo = Cmd::cargo(workspace);
    let cargo = if on_path("cargo-nextest").is_some() {
        cargo.args(["nextest", "run", "--no-fail-fast"])
    } else {
        println!("cargo-nextest is not installed: using `cargo test`");
        cargo.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
    };
    cargo
        .args(["--workspace", "--all-features"])
        .args(workspace.locked("."))
        .run()
}

pub(crate) fn doctests(workspace: &Workspace) -> Result<()> {
    Cmd::cargo(workspace)
        .args(["test", "--workspace", "--doc", "--all-features"])
        .args(workspace.locked("."))
        .run()
}

pub(crate) fn docs(workspace: &Workspace) -> Result<()> {
    Cmd::cargo(workspace)
        .args(["doc", "--workspace", "--no-deps", "--all-features"])
        .args(workspace.locked("."))
        .add_flags("RUSTDOCFLAGS", "-D warnings")
        .run()
}

pub(crate) fn shuttle(workspace: &Workspace) -> Result<()> {
    let target = Metadata::load(workspace, ".")?.target.join("shuttle");
    let output = Cmd::cargo(workspace)
        .args(["test", "-p", "dwell-core", "--release", "--lib"])
        .args(workspace.locked("."))
        .args(["--target-dir".as_ref(), target.as_os_str()])
        .args(["--", "shuttle_"])
        .add_flags("RUSTFLAGS", "--cfg shuttle")
        .tee()?;
    match passed(&output) {
        0 => Err(Error::malformed(
            "shuttle",
            "no model test ran; they are named `shuttle_…` and live in dwell-core under `cfg(shuttle)`",
        )),
        _ => Ok(()),
    }
}

/// How many tests passed, summed over the summaries that the test harness printed.
fn passed(output: &str) -> usize {
    output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .filter_map(|rest| rest.split_once(" passed")?.0.parse::<usize>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_summed() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out\n\
            test result: ok. 1 passed; 0 failed\n";
        assert_eq!(passed(output), 3);
    }

    #[test]
    fn filtered_out_tests_did_not_run() {
        assert_eq!(
            passed("test result: ok. 0 passed; 0 failed; 0 ignored; 9 filtered out"),
            0
        );
        assert_eq!(passed(""), 0);
    }
}
