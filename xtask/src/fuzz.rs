//! The fuzz targets, each for a bounded time, on a copy of its seeds.

use anyhow::{Result, ensure};
use cargo_metadata::MetadataCommand;
use xshell::cmd;

use crate::chores::{Chores, all};
use crate::tools;

pub(crate) fn check(chores: &Chores) -> Result<()> {
    run(chores, 10)
}

pub(crate) fn run(chores: &Chores, seconds: u32) -> Result<()> {
    ensure!(seconds > 0, "to libFuzzer, 0 seconds are forever");
    tools::debian(chores, "c++", &["g++"])?;
    let cargo_fuzz = tools::cargo_tool(chores, "cargo-fuzz")?;
    // cargo-fuzz has no `--locked`; asking for the metadata with it refuses a stale lock file.
    let metadata = MetadataCommand::new()
        .manifest_path(chores.root().join("fuzz/Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()?;
    let packages = metadata.workspace_packages();
    let targets: Vec<&str> = packages
        .iter()
        .flat_map(|package| &package.targets)
        .map(|target| target.name.as_str())
        .collect();
    ensure!(!targets.is_empty(), "there is nothing to fuzz");
    let sh = &chores.sh;
    all(targets.into_iter().map(|target| {
        // libFuzzer adds what it finds to the folder it is given.
        let corpus = sh.create_temp_dir()?;
        let corpus = corpus.path();
        for seed in sh.read_dir(format!("fuzz/corpus/{target}"))? {
            sh.copy_file(seed, corpus)?;
        }
        let limits = ["-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1"];
        let time = format!("-max_total_time={seconds}");
        // No sanitizer: unsafe code is forbidden here, so panics and hangs are what there is to find. That is also
        // what lets stable Rust build the targets.
        chores.run(cmd!(
            sh,
            "{cargo_fuzz} run -s none {target} {corpus} -- {limits...} {time}"
        ))
    }))
}
