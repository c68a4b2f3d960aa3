//! What users will download: each package, built and tested outside the workspace, and the order of publishing.

use std::fmt::Write;

use anyhow::Result;
use cargo_metadata::Package;
use cargo_metadata::camino::Utf8Path;
use xshell::cmd;

use crate::chores::{Chores, report};

const PAGE: &str = "docs/publishing.md";

/// Packages every crate, and runs the unit tests and examples inside the packages.
///
/// Integration tests stay in the repository (`exclude`), since they need helpers that are not published. Dependencies
/// on those state a path and no version, so cargo leaves them out of the package, too.
pub(crate) fn check(chores: &Chores) -> Result<()> {
    let packages: Vec<&Package> = chores.crates().collect();
    report(out_of_order(&chores.sh.read_file(PAGE)?, &packages))?;

    let sh = &chores.sh;
    let folder = sh.create_temp_dir()?;
    let folder = folder.path();
    let built = chores.target("package");
    sh.remove_path(&built)?;
    let names = packages
        .iter()
        .flat_map(|package| ["-p", package.name.as_str()]);
    chores.run(cmd!(
        sh,
        "cargo package --no-verify --allow-dirty --locked {names...}"
    ))?;

    // A workspace of packages that find one another here, instead of on crates.io.
    let mut manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\
        [profile.dev]\ndebug = \"line-tables-only\"\n[patch.crates-io]\n"
        .to_owned();
    for Package { name, version, .. } in &packages {
        let package = format!("{name}-{version}");
        let archive = built.join(format!("{package}.crate"));
        // As new files (`-m`): in a package all have one date, by which cargo would take an earlier run's for these.
        chores.run(cmd!(sh, "tar -xmzf {archive} -C {folder}"))?;
        writeln!(manifest, "{name} = {{ path = {package:?} }}")?;
    }
    sh.write_file(folder.join("Cargo.toml"), manifest)?;
    sh.copy_file("Cargo.lock", folder)?;
    let target = chores.target("");
    // In that folder, so that no configuration of the checkout reaches it.
    let _there = sh.push_dir(folder);
    let what = ["--all-features", "--workspace", "--target-dir"];
    chores.run(cmd!(sh, "cargo test {what...} {target} --lib"))?;
    let without = packages.iter().filter(|package| has_lost_examples(package));
    let without = without.flat_map(|package| ["--exclude", package.name.as_str()]);
    chores.run(cmd!(sh, "cargo test {what...} {target} --doc {without...}"))?;
    Ok(())
}

/// Whether the package's examples need one of our crates that is published later, and so is no part of it.
fn has_lost_examples(package: &Package) -> bool {
    let is_ours = |folder: &Utf8Path| folder.parent().is_some_and(|f| f.ends_with("crates"));
    package
        .dependencies
        .iter()
        .any(|other| other.req.comparators.is_empty() && other.path.as_deref().is_some_and(is_ours))
}

/// Returns the packages that stand before one that they need, also for their tests.
fn out_of_order(page: &str, packages: &[&Package]) -> Vec<String> {
    let place = |name: &str| page.find(&format!("`{name}`"));
    let mut findings = Vec::new();
    for package in packages {
        let needed = package.dependencies.iter();
        // Without a version it is not part of the package.
        let needed =
            needed.filter(|other| other.path.is_some() && !other.req.comparators.is_empty());
        for other in needed.map(|other| other.name.as_str()) {
            if place(other).is_none() || place(&package.name) <= place(other) {
                findings.push(format!("{PAGE}: {} comes after {other}", package.name));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_stands_after_those_it_needs() {
        let chores = Chores::new().unwrap();
        let named = |name| chores.crates().find(|package| package.name == name);
        let packages = [named("dwell-core").unwrap(), named("dwell-memory").unwrap()];
        let right = "1. `dwell-core`\n2. `dwell-memory`\n";
        assert!(out_of_order(right, &packages).is_empty());
        for wrong in [
            "1. `dwell-memory`\n2. `dwell-core`\n",
            "1. `dwell-memory`\n",
            "",
        ] {
            assert_eq!(out_of_order(wrong, &packages).len(), 1, "{wrong}");
        }
    }
}
