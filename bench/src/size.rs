//! What an application grows by: the smallest one, built from nothing with
//! and without a session layer.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::machine;
use crate::section::{Section, short};

/// The application's package, a member beside this one.
const PACKAGE: &str = "dwell-bench-minimal";

/// Variants by their features.
const VARIANTS: [(&str, &str); 3] = [
    ("axum alone", ""),
    ("with Dwell", "dwell"),
    ("with tower-sessions", "tower-sessions"),
];

/// A built variant.
struct Built {
    name: &'static str,
    seconds: f64,
    crates: BTreeSet<String>,
    bytes: u64,
}

/// Builds all variants and compares.
pub fn run() -> Result<Section, String> {
    let folder = machine::folder()?;
    let target = folder.join("target/minimal");
    let built: Result<Vec<Built>, String> = VARIANTS
        .into_iter()
        .map(|(name, features)| build(&folder, &target, name, features))
        .collect();
    let built = built?;
    let _ = std::fs::remove_dir_all(&target);
    let mut section = Section::new("Size");
    section.paragraph(
        "The smallest application, with cargo's release profile and `strip`, built from nothing \
         with everything that it depends on (downloaded before). Crates are those that cargo \
         compiles for the running program, without build scripts and macros.",
    );
    let heads = ["application", "seconds", "crates", "added", "KB", "added"];
    let alone = &built[0];
    let rows: Vec<Vec<String>> = built.iter().map(|one| one.cells(alone)).collect();
    section.table(&heads, &rows);
    let dwell = &built[1];
    let added = dwell.added_crates(alone);
    let names: Vec<&str> = added.iter().map(|name| name.as_str()).collect();
    section.paragraph(&format!("Dwell adds {}.", names.join(", ")));
    let count = crate::stats::figure(added.len());
    section.at_most("crates added over axum's own tree ≤ 25", count, 25.0, "");
    let kilobytes = dwell.added_kilobytes(alone);
    section.at_most("stripped binary grows by ≤ 400 KB", kilobytes, 400.0, " KB");
    Ok(section)
}

fn build(
    folder: &Path,
    target: &Path,
    name: &'static str,
    features: &str,
) -> Result<Built, String> {
    let package = ["-p", PACKAGE, "--features", features];
    let fetch = cargo(folder)
        .args(["fetch", "--locked", "--quiet"])
        .status();
    fetch.map_err(|e| format!("cargo fetch: {e}"))?;
    // From nothing, or the second variant would find half of it done.
    let _ = std::fs::remove_dir_all(target);
    let started = Instant::now();
    let mut command = cargo(folder);
    command.args([
        "build",
        "--locked",
        "--offline",
        "--quiet",
        "--profile",
        "minimal",
    ]);
    command.args(package).arg("--target-dir").arg(target);
    let status = command.status().map_err(|e| format!("cargo build: {e}"))?;
    if !status.success() {
        return Err(format!("{name} does not build"));
    }
    let seconds = started.elapsed().as_secs_f64();
    let program: PathBuf = target.join("minimal").join(PACKAGE);
    let meta = std::fs::metadata(&program);
    let meta = meta.map_err(|e| format!("{}: {e}", program.display()))?;
    Ok(Built {
        name,
        seconds,
        crates: crates(folder, &package)?,
        bytes: meta.len(),
    })
}

/// Names and versions of what is compiled for the program itself.
fn crates(folder: &Path, package: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut command = cargo(folder);
    command.args([
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal,no-proc-macro",
    ]);
    command.args(["--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    let output = command.args(package).stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| format!("cargo tree: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().filter(|name| !name.is_empty())?;
        let version = words.next()?;
        (name != PACKAGE).then(|| format!("{name} {}", version.trim_start_matches('v')))
    };
    let crates: BTreeSet<String> = text.lines().filter_map(name).collect();
    match crates.is_empty() {
        true => Err(format!("cargo tree says nothing: {text}")),
        false => Ok(crates),
    }
}

/// The cargo that runs this program, without what it set for it.
fn cargo(folder: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR");
    command
}

impl Built {
    fn added_crates<'a>(&'a self, alone: &'a Self) -> Vec<&'a String> {
        self.crates.difference(&alone.crates).collect()
    }

    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn added_kilobytes(&self, alone: &Self) -> f64 {
        (self.bytes as f64 - alone.bytes as f64) / 1_000.0
    }

    fn cells(&self, alone: &Self) -> Vec<String> {
        vec![
            self.name.to_owned(),
            format!("{:.0}", self.seconds),
            self.crates.len().to_string(),
            self.added_crates(alone).len().to_string(),
            (self.bytes / 1_000).to_string(),
            short(self.added_kilobytes(alone)),
        ]
    }
}
