//! The fuzz targets, each for a bounded time, on a copy of its seeds.

use std::fs;
use std::path::Path;

use crate::command::Cmd;
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::tools;
use crate::workspace::Workspace;

const MANIFEST: &str = "fuzz/Cargo.toml";
const DEFAULT_SECONDS: u32 = 10;

pub(crate) fn command(workspace: &Workspace, args: &[&str]) -> Result<()> {
    run(workspace, seconds(args)?)
}

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(workspace, DEFAULT_SECONDS)
}

fn seconds(args: &[&str]) -> Result<u32> {
    let usage = || Error::Usage("usage: cargo xtask fuzz [--seconds N], N from 1".to_owned());
    match args {
        [] => Ok(DEFAULT_SECONDS),
        ["--seconds", n] => match n.parse() {
            // To libFuzzer, zero means for ever.
            Ok(0) | Err(_) => Err(usage()),
            Ok(n) => Ok(n),
        },
        _ => Err(usage()),
    }
}

fn run(workspace: &Workspace, seconds: u32) -> Result<()> {
    if !workspace.has(MANIFEST) {
        println!("nothing to fuzz: there is no {MANIFEST}");
        return Ok(());
    }
    // cargo-fuzz has no `--locked`; asking for the metadata with it refuses a stale lock file.
    let metadata = Metadata::load(workspace, "fuzz")?;
    let targets: Vec<&str> = metadata
        .members
        .iter()
        .filter_map(|id| metadata.packages.get(id))
        .flat_map(|package| package.binaries.iter().map(String::as_str))
        .collect();
    if targets.is_empty() {
        return Err(Error::malformed(MANIFEST, "names no [[bin]] to fuzz"));
    }
    tools::ensure_cxx(workspace)?;
    let program = tools::cargo_fuzz(workspace)?;
    let scratch = metadata.target.join("fuzz-corpus");
    let mut failed = Vec::new();
    for target in targets {
        let corpus = scratch.join(target);
        copy_seeds(&workspace.path("fuzz/corpus").join(target), &corpus)?;
        failed.extend(fuzz(workspace, &program, target, &corpus, seconds).err());
    }
    fs::remove_dir_all(&scratch).map_err(Error::io("removing the copied seeds"))?;
    Error::gather(failed)
}

fn fuzz(
    workspace: &Workspace,
    program: &Path,
    target: &str,
    corpus: &Path,
    seconds: u32,
) -> Result<()> {
    // No sanitizer: unsafe code is forbidden here, so panics and hangs are what there is to find. That is also
    // what lets stable Rust build the targets.
    Cmd::new(workspace, program)
        .args(["run", "-s", "none", target])
        .args([corpus])
        .args([
            "--",
            "-rss_limit_mb=2048",
            "-timeout=10",
            "-print_final_stats=1",
        ])
        .args([format!("-max_total_time={seconds}")])
        .run()
}

/// libFuzzer adds what it finds to the folder it is given, so it gets a copy.
fn copy_seeds(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).map_err(Error::io(format!("clearing {}", to.display())))?;
    }
    fs::create_dir_all(to).map_err(Error::io(format!("creating {}", to.display())))?;
    if !from.is_dir() {
        return Ok(());
    }
    let doing = || format!("copying the seeds of {}", from.display());
    for entry in fs::read_dir(from).map_err(Error::io(doing()))? {
        let entry = entry.map_err(Error::io(doing()))?;
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).map_err(Error::io(doing()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_bounded_and_never_zero() {
        assert_eq!(seconds(&[]).unwrap(), DEFAULT_SECONDS);
        assert_eq!(seconds(&["--seconds", "3"]).unwrap(), 3);
        for bad in [
            &["--seconds", "0"][..],
            &["--seconds"],
            &["--seconds", "-1"],
            &["9"],
        ] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn seeds_are_copied_and_left_over_ones_cleared() {
        let folder = std::env::temp_dir().join(format!("dwell-seeds-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("seed"), "1").unwrap();
        fs::write(to.join("old"), "0").unwrap();
        copy_seeds(&from, &to).unwrap();
        assert!(to.join("seed").is_file() && !to.join("old").exists());
        copy_seeds(&folder.join("none"), &to).unwrap();
        assert_eq!(fs::read_dir(&to).unwrap().count(), 0);
        fs::remove_dir_all(&folder).unwrap();
    }
}
