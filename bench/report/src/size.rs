//! What an application grows by: the smallest one, built from nothing with
//! and without a session layer.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use dwell_bench::section::{Section, short};
use dwell_bench::stats::figure;

use crate::child::{cargo, output};

/// The application's package, and the profile that it is built with.
const PACKAGE: &str = "dwell-bench-minimal";
const PROFILE: &str = "minimal";

/// Variants by their features.
const VARIANTS: [(&str, &str); 3] = [
    ("axum alone", ""),
    ("with Dwell", "dwell"),
    ("with tower-sessions", "tower-sessions"),
];

/// A built variant.
struct Built {
    seconds: f64,
    crates: BTreeSet<String>,
    kilobytes: f64,
}

/// Builds all variants and compares.
pub fn run() -> Result<Section, String> {
    output({
        let mut fetch = cargo();
        fetch.args(["fetch", "--locked", "--quiet"]);
        fetch
    })?;
    let mut section = Section::new("Size");
    section.paragraph(
        "The smallest application, with cargo's release profile and `strip`, built from nothing \
         with everything that it depends on (downloaded before). Crates are those that cargo \
         compiles for the running program, without build scripts and macros.",
    );
    let heads = ["application", "seconds", "crates", "added", "KB", "added"];
    let alone = build(VARIANTS[0].1)?;
    let mut cells = Vec::new();
    for (name, features) in VARIANTS {
        let built = build(features)?;
        let added: Vec<&str> = built
            .crates
            .difference(&alone.crates)
            .map(String::as_str)
            .collect();
        let grown = built.kilobytes - alone.kilobytes;
        cells.push(vec![
            name.to_owned(),
            format!("{:.0}", built.seconds),
            built.crates.len().to_string(),
            added.len().to_string(),
            format!("{:.0}", built.kilobytes),
            short(grown),
        ]);
        if features == "dwell" {
            let count = figure(added.len());
            section.at_most("crates added over axum's own tree ≤ 25", count, 25.0, "");
            section.at_most("stripped binary grows by ≤ 400 KB", grown, 400.0, " KB");
        }
    }
    section.table(&heads, &cells);
    Ok(section)
}

fn build(features: &str) -> Result<Built, String> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/minimal");
    // From nothing, or the second variant would find half of it done.
    let _ = std::fs::remove_dir_all(&target);
    let started = Instant::now();
    let package = [
        "--locked",
        "--offline",
        "-p",
        PACKAGE,
        "--features",
        features,
    ];
    let mut command = cargo();
    command.args(["build", "--quiet", "--profile", PROFILE, "--target-dir"]);
    command.arg(&target).args(package);
    output(command)?;
    let seconds = started.elapsed().as_secs_f64();
    let program = target.join(PROFILE).join(PACKAGE);
    let bytes = std::fs::metadata(&program).map_err(|e| format!("{}: {e}", program.display()))?;
    let _ = std::fs::remove_dir_all(&target);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let kilobytes = bytes.len() as f64 / 1e3;
    Ok(Built {
        seconds,
        crates: crates(&package)?,
        kilobytes,
    })
}

/// Names and versions of what is compiled for the program itself.
fn crates(package: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut command = cargo();
    command.args([
        "tree",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
    ]);
    command
        .args(["--no-dedupe", "--format", "{p}"])
        .args(package);
    let text = output(command)?;
    let name = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next().filter(|name| !name.is_empty())?;
        let version = words.next()?;
        (name != PACKAGE).then(|| format!("{name} {version}"))
    };
    Ok(text.lines().filter_map(name).collect())
}
