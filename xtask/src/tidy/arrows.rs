//! Who may know whom: layers, crates, and what the core must never need.

use anyhow::{Result, ensure};
use cargo_metadata::{DependencyKind, Package};
use xshell::cmd;

use crate::chores::Chores;
use crate::source::{self, File};

/// Where the layers are, a folder each.
const LAYERS: &str = "crates/dwell-tower/src/";

/// Which of our crates may depend on which of ours.
const ARROWS: [(&str, &[&str]); 10] = [
    ("dwell-core", &[]),
    ("dwell-memory", &["dwell-core"]),
    ("dwell-tower", &["dwell-core"]),
    ("dwell-axum", &["dwell-core", "dwell-memory", "dwell-tower"]),
    ("dwell-redis", &["dwell-core"]),
    ("dwell-sqlx", &["dwell-core"]),
    ("dwell-sealed", &["dwell-core", "dwell-tower"]),
    ("dwell-audit", &["dwell-core"]),
    ("dwell-tower-sessions", &["dwell-core", "dwell-tower"]),
    (
        "dwell-testkit",
        &["dwell-core", "dwell-memory", "dwell-tower"],
    ),
];

/// What must not reach the core, however deep.
const BANNED_IN_CORE: [&str; 9] = [
    "axum",
    "http",
    "http-body",
    "hyper",
    "mio",
    "tokio",
    "tower",
    "tower-layer",
    "tower-service",
];

pub(super) fn check(chores: &Chores, files: &[File]) -> Result<Vec<String>> {
    let paths = files.iter().map(|file| file.path.as_str());
    let layers: Vec<&str> = paths
        .filter_map(|path| path.strip_prefix(LAYERS)?.strip_suffix("/layer.rs"))
        .collect();
    ensure!(!layers.is_empty(), "no `layer.rs` in a folder of {LAYERS}");
    let layer_files = files.iter().filter(|file| file.path.ends_with(".rs"));
    let mut findings: Vec<String> = layer_files
        .flat_map(|file| sideways(file, &layers))
        .collect();
    findings.extend(chores.crates().flat_map(arrows));
    findings.extend(core(chores)?);
    Ok(findings)
}

/// Layers never import one another: they meet in the shared extension, and only the stack knows them all.
fn sideways(file: &File, layers: &[&str]) -> Vec<String> {
    let Some(path) = file.path.strip_prefix(LAYERS) else {
        return Vec::new();
    };
    let own = path.split(['/', '.']).next().unwrap_or(path);
    if matches!(own, "lib" | "stack") {
        return Vec::new();
    }
    // Where `super` is the crate's root.
    let is_below_root = matches!(path.split('/').collect::<Vec<_>>()[..], [_] | [_, "mod.rs"]);
    let mut findings = Vec::new();
    for line in source::code(&file.text) {
        let from_root = line.text.match_indices("crate::");
        for (at, start) in from_root.chain(line.text.match_indices("super::")) {
            let rest = &line.text[at + start.len()..];
            let name = rest
                .split(|c| !source::is_word(c))
                .next()
                .unwrap_or_default();
            let why = match name {
                "super" => "climbs twice: start at `crate::`",
                // Within the layer, or from its tests.
                _ if start == "super::" && (line.in_tests || !is_below_root) => continue,
                "" => "names a group: one module a line, so that its layer shows",
                _ if name.starts_with(char::is_uppercase) && start == "crate::" => {
                    "takes a re-export: start at its module, so that its layer shows"
                }
                _ if name != own && layers.contains(&name) => {
                    "imports a layer: they meet only in the shared extension and in `stack`"
                }
                _ => continue,
            };
            findings.push(format!(
                "{}:{}: `{start}{name}` {why}",
                file.path, line.number
            ));
        }
    }
    findings
}

/// Arrows between our crates point down only. Those of tests may point anywhere.
fn arrows(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let ours = package
        .dependencies
        .iter()
        .filter(|other| other.path.is_some());
    let ships = ours.filter(|other| other.kind != DependencyKind::Development);
    upward(name, ships.map(|other| other.name.as_str()))
}

fn upward<'a>(name: &str, dependencies: impl Iterator<Item = &'a str>) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|row| row.0 == name) else {
        return vec![format!(
            "crates/{name}: has no row in xtask's table of arrows"
        )];
    };
    dependencies
        .filter(|other| !allowed.contains(other))
        .map(|other| format!("crates/{name}: may not depend on {other}: arrows point down only"))
        .collect()
}

/// The core knows no web, no runtime and no I/O.
fn core(chores: &Chores) -> Result<Vec<String>> {
    let sh = &chores.sh;
    let what = [
        "-e",
        "normal,build",
        "--all-features",
        "--prefix",
        "none",
        "--locked",
    ];
    let tree = cmd!(sh, "cargo tree -p dwell-core {what...}")
        .quiet()
        .read()?;
    Ok(banned_in_core(&tree))
}

fn banned_in_core(tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| BANNED_IN_CORE.contains(name))
        .map(|name| {
            format!("crates/dwell-core: needs {name}; see `cargo tree -p dwell-core -i {name}`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sideways_imports_are_found() {
        let found = |path: &str, line: &str| {
            let file = File {
                path: format!("{LAYERS}{path}"),
                text: line.to_owned(),
            };
            sideways(&file, &["network", "session"]).len()
        };
        for line in [
            "use crate::session::A;",
            "    session: crate::session::A,",
            "use super::super::session::A;",
            "use crate::{future::F, session};",
            "use crate::SessionLayer;",
        ] {
            assert!(found("network/layer.rs", line) > 0, "{line}");
            assert!(found("future.rs", line) > 0, "{line}");
            assert_eq!(found("stack.rs", line), 0, "{line}");
            assert_eq!(found("stack/builder.rs", line), 0, "{line}");
        }
        for line in ["use super::session::A;", "use super::{future::F, session};"] {
            assert_eq!(found("network/mod.rs", line), 1, "{line}");
            assert_eq!(found("future.rs", line), 1, "{line}");
        }
        for line in [
            "use crate::network::A;",
            "use crate::sessions::A;",
            "use super::session::A;",
            "use super::{session, A};",
            "use dwell_core::session::A;",
            "// use crate::session::A;",
        ] {
            assert_eq!(found("network/layer.rs", line), 0, "{line}");
        }
    }

    #[test]
    fn arrows_point_down() {
        let upward = |name, others: &[&'static str]| upward(name, others.iter().copied()).len();
        assert_eq!(upward("dwell-axum", &["dwell-core", "dwell-tower"]), 0);
        assert_eq!(upward("dwell-tower", &["dwell-axum"]), 1);
        assert_eq!(upward("dwell-redis", &["dwell-sqlx"]), 1);
        assert_eq!(upward("dwell-new", &[]), 1);
    }

    #[test]
    fn web_may_not_reach_the_core() {
        let tree = "dwell-core v0.1.0 (crates/dwell-core)\nhelper v1.0.0\nhttp v1.0.0\n";
        assert_eq!(banned_in_core(tree).len(), 1);
        assert!(banned_in_core("dwell-core v0.1.0\nhumantime v2.0.0\n").is_empty());
    }
}
