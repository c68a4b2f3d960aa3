//! The browser component: its own checks, and the tests that drive it in browsers against the bank.

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::chores::Chores;
use crate::tools;

const COMPONENT: &str = "crates/dwell-axum/browser";
const TESTS: &str = "tests/browser";

pub(crate) fn check(chores: &Chores) -> Result<()> {
    tools::node(chores)?;
    let browsers = tools::browsers(chores)?;
    tools::debian(chores, "nginx", &["nginx-light"])?;
    let sh = &chores.sh;

    install(chores, COMPONENT)?;
    chores.run(cmd!(sh, "npm --prefix {COMPONENT} run check"))?;
    let tests = cmd!(sh, "npm --prefix {COMPONENT} test -- --test-reporter=spec");
    all_ran(&chores.run(tests)?)?;
    is_built(chores)?;

    chores.run(cmd!(sh, "cargo build -p bank --locked"))?;
    let example = cmd!(sh, "cargo build -p dwell-examples --locked");
    chores.run(example.args(["--bin", "sibling-origin"]))?;
    install(chores, TESTS)?;
    let artifacts = chores.target("browser");
    // An earlier run's say nothing about this one.
    sh.remove_path(&artifacts)?;
    let tests = cmd!(sh, "npm --prefix {TESTS} test")
        .env("DWELL_ARTIFACTS", artifacts)
        .env("DWELL_BANK", chores.target("debug/bank"))
        .env(
            "DWELL_SIBLING_ORIGIN",
            chores.target("debug/sibling-origin"),
        )
        .envs(browsers);
    all_ran(&chores.run(tests)?)
}

fn install(chores: &Chores, folder: &str) -> Result<()> {
    // Nothing that is installed needs its install script.
    let quietly = ["--no-audit", "--no-fund", "--ignore-scripts"];
    chores.run(cmd!(chores.sh, "npm --prefix {folder} ci {quietly...}"))?;
    Ok(())
}

/// What is committed, and compiled into `dwell-axum`, is what the sources make.
///
/// They make it in a copy: a check changes nothing in the checkout.
fn is_built(chores: &Chores) -> Result<()> {
    let sh = &chores.sh;
    let folder = sh.create_temp_dir()?;
    let copy = folder.path();
    chores.run(cmd!(sh, "cp -R {COMPONENT}/. {copy}"))?;
    sh.remove_path(copy.join("dist"))?;
    chores.run(cmd!(sh, "npm --prefix {copy} run build"))?;
    chores
        .run(cmd!(sh, "diff -r {COMPONENT}/dist {copy}/dist"))
        .with_context(|| format!("renew {COMPONENT}/dist with `npm run build` in {COMPONENT}"))?;
    Ok(())
}

/// A run without tests, or with tests that were skipped, proves less than it seems to.
fn all_ran(output: &str) -> Result<()> {
    let count = |name| count(output, name).context("node's test runner gave no summary");
    let (tests, passed) = (count("tests")?, count("pass")?);
    ensure!(
        tests > 0 && tests == passed,
        "of {tests} tests {passed} ran and passed"
    );
    Ok(())
}

/// Returns a number of the summary, however the reporter marks its lines.
fn count(output: &str, name: &str) -> Option<usize> {
    output.lines().rev().find_map(|line| {
        let line = line.trim_start_matches(['ℹ', '#', ' ']);
        line.strip_prefix(name)?.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_must_have_run() {
        let spec = "✔ a (1 ms)\nℹ tests 3\nℹ suites 0\nℹ pass 3\nℹ fail 0\nℹ skipped 0\n";
        assert!(all_ran(spec).is_ok());
        assert!(all_ran("# tests 3\n# pass 3\n").is_ok());
        assert!(all_ran(&spec.replace("pass 3", "pass 2")).is_err());
        assert!(all_ran("ℹ tests 0\nℹ pass 0\n").is_err());
        assert!(all_ran("tests of something\n").is_err());
    }
}
