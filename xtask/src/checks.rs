//! The steps that are a cargo command each.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use xshell::cmd;

use crate::chores::{Chores, all, on_path};
use crate::tools;

/// How cargo builds a package of the benchmarks.
const BENCH: [&str; 4] = [
    "--release",
    "--locked",
    "--manifest-path",
    "bench/Cargo.toml",
];

pub(crate) fn fmt(chores: &Chores) -> Result<()> {
    let sh = &chores.sh;
    // Two are outside the workspace, and its commands do not reach them.
    all([".", "bench", "fuzz"].map(|folder| {
        let manifest = format!("{folder}/Cargo.toml");
        chores.run(cmd!(
            sh,
            "cargo fmt --all --check --manifest-path {manifest}"
        ))
    }))
}

pub(crate) fn clippy(chores: &Chores) -> Result<()> {
    let sh = &chores.sh;
    let what = ["--workspace", "--all-targets", "--all-features", "--locked"];
    chores.run(cmd!(sh, "cargo clippy {what...} -- -D warnings"))?;
    Ok(())
}

pub(crate) fn tests(chores: &Chores) -> Result<()> {
    tools::servers(chores)?;
    let sh = &chores.sh;
    let what = [
        "--workspace",
        "--all-features",
        "--locked",
        "--no-fail-fast",
    ];
    chores.run(if on_path("cargo-nextest").is_some() {
        cmd!(sh, "cargo nextest run {what...}")
    } else {
        println!("cargo-nextest is not installed: using `cargo test`");
        cmd!(sh, "cargo test --lib --bins --tests {what...}")
    })?;
    Ok(())
}

pub(crate) fn doctests(chores: &Chores) -> Result<()> {
    let sh = &chores.sh;
    chores.run(cmd!(
        sh,
        "cargo test --workspace --doc --all-features --locked"
    ))?;
    Ok(())
}

/// With `doc(cfg)`, which tells in the docs which feature an item needs.
pub(crate) fn docs(chores: &Chores) -> Result<()> {
    let what = ["--workspace", "--no-deps", "--all-features", "--locked"];
    let cmd = cmd!(chores.sh, "cargo doc {what...}");
    chores.run(
        cmd.env("RUSTDOC", rustdoc(chores))
            .env("RUSTDOCFLAGS", "--cfg docsrs -D warnings"),
    )?;
    Ok(())
}

/// rustdoc with unstable features.
fn rustdoc(chores: &Chores) -> PathBuf {
    chores.root().join("xtask/rustdoc")
}

/// Each library with no features, and with each of its features alone.
///
/// Clippy and not `check`: a warning that only shows without a feature is found here or never.
pub(crate) fn features(chores: &Chores) -> Result<()> {
    let sh = &chores.sh;
    all(chores.crates().flat_map(|package| {
        let name = package.name.as_str();
        let features = package.features.keys().map(String::as_str);
        let alone = [""].into_iter().chain(features.filter(|f| *f != "default"));
        alone.map(move |feature| {
            let what = ["--no-default-features", "--features", feature, "--locked"];
            chores.run(cmd!(sh, "cargo clippy -p {name} {what...} -- -D warnings"))
        })
    }))
}

pub(crate) fn deny(chores: &Chores) -> Result<()> {
    let deny = tools::cargo_tool(chores, "cargo-deny")?;
    let sh = &chores.sh;
    // Advisories are read from GitHub, and change without a change of ours: `cargo deny check` by hand tells them.
    let checks = ["bans", "licenses", "sources"];
    chores.run(cmd!(
        sh,
        "{deny} --locked --log-level error check --hide-inclusion-graph {checks...}"
    ))?;
    Ok(())
}

/// The public API of each library names no foreign type but those listed in its Cargo.toml.
pub(crate) fn api(chores: &Chores) -> Result<()> {
    let tool = tools::cargo_tool(chores, "cargo-check-external-types")?;
    let sh = &chores.sh;
    all(chores.crates().map(|package| {
        let manifest = &package.manifest_path;
        let args = ["check-external-types", "--all-features", "--manifest-path"];
        let cmd = cmd!(sh, "{tool} {args...} {manifest}");
        chores.run(cmd.env("RUSTDOC", rustdoc(chores)))
    }))
}

/// The models are unit tests named `shuttle_…`, in packages that depend on shuttle.
pub(crate) fn shuttle(chores: &Chores) -> Result<()> {
    let sh = &chores.sh;
    let target = chores.target("shuttle");
    let names = chores.crates().filter(|package| {
        let mut dependencies = package.dependencies.iter();
        dependencies.any(|other| other.name == "shuttle")
    });
    let names = names.flat_map(|package| ["-p", package.name.as_str()]);
    let what = ["--release", "--lib", "--locked", "--target-dir"];
    let cmd = cmd!(sh, "cargo test {names...} {what...} {target} shuttle_");
    let output = chores.run(cmd.env("RUSTFLAGS", "--cfg shuttle"))?;
    ensure!(passed(&output) > 0, "no model ran");
    Ok(())
}

/// Returns how many tests passed, summed over all test programs.
fn passed(output: &str) -> usize {
    let counts = output.lines().filter_map(|line| {
        let (count, _) = line
            .strip_prefix("test result: ok. ")?
            .split_once(" passed")?;
        count.parse::<usize>().ok()
    });
    counts.sum()
}

/// Instructions per request against the committed baseline, which a busy machine does not change.
pub(crate) fn bench_check(chores: &Chores) -> Result<()> {
    bench(chores, &["check"])?;
    // The one part of the benchmarks that a workspace's features don't build.
    let minimal = ["-p", "dwell-bench-minimal", "--features", "dwell"];
    let sh = &chores.sh;
    chores.run(cmd!(sh, "cargo check {BENCH...} {minimal...}"))?;
    Ok(())
}

/// The benchmarks. All but the check compare with others, on a quiet machine, which CI is not.
pub(crate) fn bench(chores: &Chores, args: &[&str]) -> Result<()> {
    tools::debian(chores, "valgrind", &["valgrind"])?;
    let package = if args.first() == Some(&"check") {
        "dwell-bench"
    } else {
        tools::servers(chores)?;
        "dwell-bench-report"
    };
    let sh = &chores.sh;
    chores.run(cmd!(sh, "cargo run {BENCH...} -p {package} -- {args...}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filtered_tests_do_not_count_as_passed() {
        let output = "running 2 tests\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 5 filtered out\n\
            test result: ok. 1 passed; 0 failed\n";
        assert_eq!(passed(output), 3);
        assert_eq!(
            passed("test result: ok. 0 passed; 0 failed; 9 filtered out"),
            0
        );
    }
}
