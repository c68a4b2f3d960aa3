//! Each library with no features, and with each of its features alone.

use crate::command::Cmd;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, Package};
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let metadata = Metadata::load(workspace, ".")?;
    let mut failed = Vec::new();
    for (_, package) in metadata.crates().filter(|(_, package)| package.is_library) {
        for feature in selections(package) {
            // Clippy and not `check`: a warning that only shows without a feature is found here or never.
            let run = Cmd::cargo(workspace)
                .args(["clippy", "-p", &package.name, "--no-default-features"])
                .args(feature.iter().flat_map(|feature| ["--features", feature]))
                .args(workspace.locked("."))
                .args(["--", "-D", "warnings"])
                .run();
            failed.extend(run.err());
        }
    }
    Error::gather(failed)
}

/// Nothing, then each feature; `default` only bundles others.
fn selections(package: &Package) -> Vec<Option<&str>> {
    let features = package.features.iter().map(String::as_str);
    std::iter::once(None)
        .chain(features.filter(|&feature| feature != "default").map(Some))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_but_default_stands_alone_once() {
        let package = Package {
            features: vec!["default".into(), "policy-file".into(), "tracing".into()],
            ..Package::default()
        };
        assert_eq!(
            selections(&package),
            [None, Some("policy-file"), Some("tracing")]
        );
        assert_eq!(selections(&Package::default()), [None]);
    }
}
