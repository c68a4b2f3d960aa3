//! What cargo knows about the packages, as far as the chores need it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use serde_json::Value;

use crate::command::Cmd;
use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// The answer of `cargo metadata`.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) packages: BTreeMap<String, Package>,
    pub(crate) members: BTreeSet<String>,
    pub(crate) target: PathBuf,
    edges: BTreeMap<String, Vec<String>>,
}

/// One package; its id is the key under which [`Metadata`] keeps it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: String,
    pub(crate) rust_version: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) is_library: bool,
    pub(crate) binaries: Vec<String>,
}

impl Metadata {
    /// Asks cargo about the workspace or package in `folder` (`.` for the root).
    pub(crate) fn load(workspace: &Workspace, folder: &str) -> Result<Self> {
        let manifest = workspace.path(folder).join("Cargo.toml");
        let json = Cmd::cargo(workspace)
            .args(["metadata", "--format-version", "1", "--all-features"])
            .args(workspace.locked(folder))
            .args(["--manifest-path".as_ref(), manifest.as_os_str()])
            .output()?;
        let root = workspace.root().to_string_lossy();
        Self::parse(&json, &root).map_err(|why| Error::malformed("cargo metadata", why))
    }

    fn parse(json: &str, root: &str) -> std::result::Result<Self, String> {
        let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let mut metadata = Self {
            target: PathBuf::from(text(&value, "target_directory")?),
            ..Self::default()
        };
        for member in list(&value, "workspace_members") {
            metadata.members.extend(member.as_str().map(str::to_owned));
        }
        for package in list(&value, "packages") {
            let id = text(package, "id")?;
            metadata.packages.insert(id, read_package(package, root)?);
        }
        let resolve = value.get("resolve").unwrap_or(&Value::Null);
        for node in list(resolve, "nodes") {
            let mut shipped = Vec::new();
            for dependency in list(node, "deps").filter(|dependency| is_shipped(dependency)) {
                shipped.push(text(dependency, "pkg")?);
            }
            metadata.edges.insert(text(node, "id")?, shipped);
        }
        Ok(metadata)
    }

    /// The workspace's own packages under `crates/`, by id.
    pub(crate) fn crates(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.members
            .iter()
            .filter_map(|id| Some((id.as_str(), self.packages.get(id)?)))
            .filter(|(_, package)| package.manifest.starts_with("crates/"))
    }

    /// The direct dependencies that come with the package: normal and build ones, not those of its tests.
    pub(crate) fn direct(&self, id: &str) -> impl Iterator<Item = &Package> {
        self.edges
            .get(id)
            .into_iter()
            .flatten()
            .filter_map(|id| self.packages.get(id))
    }

    /// Everything that comes with the package, each with one chain of names that leads to it.
    pub(crate) fn shipped_with(&self, id: &str) -> Vec<(&Package, Vec<&str>)> {
        let mut seen = BTreeSet::from([id]);
        let mut queue = VecDeque::from([(id, self.name(id).into_iter().collect::<Vec<_>>())]);
        let mut found = Vec::new();
        while let Some((id, chain)) = queue.pop_front() {
            for next in self.edges.get(id).into_iter().flatten() {
                let Some(package) = self.packages.get(next).filter(|_| seen.insert(next)) else {
                    continue;
                };
                let mut chain = chain.clone();
                chain.push(&package.name);
                found.push((package, chain.clone()));
                queue.push_back((next, chain));
            }
        }
        found
    }

    fn name(&self, id: &str) -> Option<&str> {
        self.packages.get(id).map(|package| package.name.as_str())
    }

    /// A small graph for tests: packages named by their ids, all of them members under `crates/`.
    #[cfg(test)]
    pub(crate) fn of(edges: &[(&str, &[&str])]) -> Self {
        let mut metadata = Self::default();
        for (id, to) in edges {
            for name in to.iter().chain([id]) {
                metadata.members.insert((*name).to_owned());
                let package = Package {
                    name: (*name).to_owned(),
                    manifest: format!("crates/{name}/Cargo.toml"),
                    is_library: true,
                    ..Package::default()
                };
                metadata.packages.insert((*name).to_owned(), package);
            }
            let to = to.iter().map(|&name| name.to_owned()).collect();
            metadata.edges.insert((*id).to_owned(), to);
        }
        metadata
    }
}

fn read_package(package: &Value, root: &str) -> std::result::Result<Package, String> {
    let manifest = text(package, "manifest_path")?.replace('\\', "/");
    let root = root.replace('\\', "/");
    let features = package.get("features").and_then(Value::as_object);
    let targets = |kind: &'static str| {
        list(package, "targets")
            .filter(move |target| list(target, "kind").any(|is| is.as_str() == Some(kind)))
    };
    Ok(Package {
        name: text(package, "name")?,
        manifest: match manifest.strip_prefix(&format!("{root}/")) {
            Some(relative) => relative.to_owned(),
            None => manifest,
        },
        rust_version: text(package, "rust_version").ok(),
        features: features.map_or_else(Vec::new, |map| map.keys().cloned().collect()),
        is_library: targets("lib").next().is_some(),
        binaries: targets("bin")
            .filter_map(|target| text(target, "name").ok())
            .collect(),
    })
}

/// Whether a dependency reaches the users of a package. `cfg(shuttle)` is set by our own model tests alone.
fn is_shipped(dependency: &Value) -> bool {
    list(dependency, "dep_kinds").any(|kind| {
        let is = |key: &str, wanted: &str| kind.get(key).and_then(Value::as_str) == Some(wanted);
        !is("kind", "dev") && !is("target", "cfg(shuttle)")
    })
}

fn text(value: &Value, key: &str) -> std::result::Result<String, String> {
    let found = value.get(key).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| format!("no text under `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{
        "target_directory": "/repo/target",
        "workspace_members": ["core"],
        "packages": [
            {"id": "core", "name": "dwell-core", "manifest_path": "/repo/crates/dwell-core/Cargo.toml",
             "rust_version": "1.88", "features": {"default": [], "tracing": []},
             "targets": [{"name": "dwell_core", "kind": ["lib"]}]},
            {"id": "ship", "name": "ship", "manifest_path": "/reg/ship/Cargo.toml", "rust_version": null,
             "features": {}, "targets": [{"name": "tool", "kind": ["bin"]}]},
            {"id": "deep", "name": "deep", "manifest_path": "/reg/deep/Cargo.toml", "targets": []},
            {"id": "dev", "name": "dev", "manifest_path": "/reg/dev/Cargo.toml", "targets": []},
            {"id": "model", "name": "shuttle", "manifest_path": "/reg/s/Cargo.toml", "targets": []}
        ],
        "resolve": {"nodes": [
            {"id": "core", "deps": [
                {"pkg": "ship", "dep_kinds": [{"kind": null, "target": null}]},
                {"pkg": "dev", "dep_kinds": [{"kind": "dev", "target": null}]},
                {"pkg": "model", "dep_kinds": [{"kind": null, "target": "cfg(shuttle)"}]}]},
            {"id": "ship", "deps": [{"pkg": "deep", "dep_kinds": [{"kind": "build", "target": null}]}]}
        ]}
    }"#;

    #[test]
    fn a_package_keeps_what_the_chores_need() {
        let metadata = Metadata::parse(ANSWER, "/repo").unwrap();
        let (_, core) = metadata.crates().next().unwrap();
        assert_eq!(core.manifest, "crates/dwell-core/Cargo.toml");
        assert_eq!(core.rust_version.as_deref(), Some("1.88"));
        assert_eq!(core.features, ["default", "tracing"]);
        assert!(core.is_library);
        assert_eq!(metadata.packages["ship"].binaries, ["tool"]);
        assert_eq!(metadata.packages["ship"].rust_version, None);
    }

    #[test]
    fn test_and_model_dependencies_do_not_ship() {
        let metadata = Metadata::parse(ANSWER, "/repo").unwrap();
        let chains: Vec<String> = metadata
            .shipped_with("core")
            .into_iter()
            .map(|(_, chain)| chain.join(" > "))
            .collect();
        assert_eq!(chains, ["dwell-core > ship", "dwell-core > ship > deep"]);
    }

    #[test]
    fn an_answer_without_names_is_refused() {
        let error = Metadata::parse(r#"{"packages": [{}]}"#, "/repo").unwrap_err();
        assert!(error.contains("target_directory"), "{error}");
    }
}
