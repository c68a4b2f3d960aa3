//! The stated minimum Rust version: that it is stated, that no dependency needs more, and that it builds.

use std::process::{Command, Stdio};

use crate::command::{Cmd, on_path};
use crate::error::{Error, Finding, Result, report};
use crate::metadata::Metadata;
use crate::workspace::Workspace;

type Version = (u32, u32, u32);

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let metadata = Metadata::load(workspace, ".")?;
    let findings = findings(&metadata);
    let real = match stated(&metadata) {
        Some(version) => build(workspace, &metadata, version),
        None => Ok(()),
    };
    Error::gather(
        report(findings)
            .err()
            .into_iter()
            .chain(real.err())
            .collect(),
    )
}

/// The version that the libraries state; the highest, where they differ.
fn stated(metadata: &Metadata) -> Option<Version> {
    metadata
        .crates()
        .filter_map(|(_, package)| parse(package.rust_version.as_deref()?))
        .max()
}

fn findings(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, package) in metadata.crates().filter(|(_, package)| package.is_library) {
        let Some(ours) = package.rust_version.as_deref().and_then(parse) else {
            findings.push(Finding::new(
                &package.manifest,
                1,
                "states no rust-version; every library inherits the workspace's",
            ));
            continue;
        };
        for (dependency, chain) in metadata.shipped_with(id) {
            let Some(theirs) = dependency.rust_version.as_deref() else {
                continue;
            };
            if parse(theirs).is_none_or(|theirs| theirs > ours) {
                findings.push(Finding::new(
                    &package.manifest,
                    1,
                    format!(
                        "{} needs Rust {theirs}, above our rust-version {}.{}",
                        chain.join(" -> "),
                        ours.0,
                        ours.1
                    ),
                ));
            }
        }
    }
    findings
}

fn parse(version: &str) -> Option<Version> {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let mut next = || parts.next().transpose().ok();
    let (major, minor, patch) = (next()??, next()?.unwrap_or(0), next()?.unwrap_or(0));
    Some((major, minor, patch))
}

/// Builds the libraries with the stated toolchain, where it is installed.
fn build(workspace: &Workspace, metadata: &Metadata, version: Version) -> Result<()> {
    let Some(toolchain) = installed(version) else {
        println!(
            "Rust {}.{} is not installed: checked what the packages state, not a build",
            version.0, version.1
        );
        return Ok(());
    };
    let names = metadata
        .crates()
        .filter(|(_, package)| package.is_library)
        .flat_map(|(_, package)| ["-p", package.name.as_str()]);
    Cmd::new(workspace, "rustup")
        .args(["run", &toolchain, "cargo", "check", "--all-features"])
        .args(names)
        .args(workspace.locked("."))
        .args([
            "--target-dir".as_ref(),
            metadata.target.join("msrv").as_os_str(),
        ])
        .run()
}

fn installed(version: Version) -> Option<String> {
    on_path("rustup")?;
    let output = Command::new("rustup")
        .args(["toolchain", "list"])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    matching(&String::from_utf8_lossy(&output.stdout), version)
}

/// The toolchain of this version in a listing: `1.88-…` or `1.88.0-…`.
fn matching(listing: &str, (major, minor, _): Version) -> Option<String> {
    let wanted = format!("{major}.{minor}");
    listing
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|name| {
            name.strip_prefix(&wanted)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(ours: Option<&str>, theirs: &str) -> Metadata {
        let mut metadata = Metadata::of(&[("dwell-core", &["middle"]), ("middle", &["deep"])]);
        let mut set = |name: &str, version: Option<&str>| {
            if let Some(package) = metadata.packages.get_mut(name) {
                package.rust_version = version.map(str::to_owned);
            }
        };
        set("dwell-core", ours);
        set("deep", Some(theirs));
        metadata.members.retain(|member| member == "dwell-core");
        metadata
    }

    #[test]
    fn a_dependency_above_us_is_found_with_its_chain() {
        let found = findings(&metadata(Some("1.88"), "1.90.1"));
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .what
                .contains("dwell-core -> middle -> deep needs Rust 1.90.1")
        );
        assert!(findings(&metadata(Some("1.88"), "1.88.0")).is_empty());
        assert!(findings(&metadata(Some("1.88"), "1.9")).is_empty());
    }

    #[test]
    fn a_library_must_state_its_version() {
        let found = findings(&metadata(None, "1.60"));
        assert!(
            found[0].what.contains("states no rust-version"),
            "{found:?}"
        );
    }

    #[test]
    fn versions_are_numbers_and_missing_parts_are_zero() {
        assert_eq!(parse("1.88"), Some((1, 88, 0)));
        assert_eq!(parse("2"), Some((2, 0, 0)));
        assert_eq!(parse("1.x"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_toolchain_is_matched_by_its_whole_version() {
        let listing = "stable-x86_64 (active, default)\n1.8-x86_64\n1.88.0-x86_64\n";
        assert_eq!(
            matching(listing, (1, 88, 0)).as_deref(),
            Some("1.88.0-x86_64")
        );
        assert_eq!(matching("1.880-x86_64\nstable\n", (1, 88, 0)), None);
    }
}
