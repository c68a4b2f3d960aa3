//! Layers never import one another: they meet in the shared extension, and only the stack knows them all.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Finding;
use crate::source::line_at;
use crate::tidy::RustFile;
use crate::tidy::uses::{Named, exports, paths_from};

const SOURCES: &str = "crates/dwell-tower/src/";

pub(crate) fn check(files: &[RustFile]) -> Vec<Finding> {
    let files: Vec<(&str, &RustFile)> = files
        .iter()
        .filter_map(|file| Some((file.path.strip_prefix(SOURCES)?, file)))
        .collect();
    let layers: BTreeSet<&str> = files
        .iter()
        .filter_map(|(path, _)| path.strip_suffix("/layer.rs"))
        .filter(|folder| !folder.contains('/'))
        .collect();
    let exported = files
        .iter()
        .find(|(path, _)| *path == "lib.rs")
        .map_or_else(BTreeMap::new, |(_, lib)| {
            names_of_layers(&lib.masked, &layers)
        });

    let mut findings = Vec::new();
    for (path, file) in files {
        let own = top_module(path);
        if matches!(own, "lib" | "stack") {
            continue;
        }
        for named in paths_from(&file.masked, &["crate", "super"]) {
            let Some(inner) = from_root(&named, depth(path)) else {
                continue;
            };
            let layer = layers.get(inner).copied();
            let layer = layer.or_else(|| exported.get(inner).map(String::as_str));
            if let Some(layer) = layer.filter(|layer| *layer != own) {
                let line = line_at(&file.masked, named.at);
                findings.push(Finding::new(&file.path, line, rule(own, layer, &layers)));
            }
        }
    }
    findings
}

fn rule(own: &str, layer: &str, layers: &BTreeSet<&str>) -> String {
    if layers.contains(own) {
        format!("layer `{own}` imports layer `{layer}`: layers meet only in the shared extension")
    } else {
        format!("`{own}` imports layer `{layer}`: only lib.rs and stack know layers")
    }
}

/// What the crate root re-exports from a layer, by the name it goes under.
fn names_of_layers(lib: &str, layers: &BTreeSet<&str>) -> BTreeMap<String, String> {
    exports(lib)
        .into_iter()
        .filter_map(|named| {
            let layer = named
                .segments
                .iter()
                .find(|segment| !matches!(segment.as_str(), "crate" | "self"))?;
            layers
                .contains(layer.as_str())
                .then(|| (named.name, layer.clone()))
        })
        .collect()
}

/// The module right below the crate root in which a file lies.
fn top_module(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// How many `super` lead from a file's module to the crate root.
fn depth(path: &str) -> usize {
    let parts = path.split('/').count();
    if path.ends_with("/mod.rs") {
        parts - 1
    } else {
        parts
    }
}

/// The path's first segment below the crate root, when it gets there. More `super` than the file is deep
/// come from a module inside the file.
fn from_root(named: &Named, depth: usize) -> Option<&str> {
    let ups = named
        .segments
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    let is_root = named.segments.first().is_some_and(|first| first == "crate");
    let at = match (is_root, ups >= depth) {
        (true, _) => 1,
        (false, true) => ups,
        (false, false) => return None,
    };
    named.segments.get(at).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::TextFile;

    /// Two layers, a crate root that re-exports one, and the file under test.
    fn found(path: &str, text: &str) -> Vec<String> {
        let file = |path: &str, text: &str| {
            RustFile::from(TextFile {
                path: format!("{SOURCES}{path}"),
                text: text.to_owned(),
            })
        };
        let files = [
            file(
                "lib.rs",
                "pub mod session;\npub use session::{SessionLayer, Source as From};",
            ),
            file("network/layer.rs", ""),
            file("session/layer.rs", ""),
            file(path, text),
        ];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_layer_may_use_itself_and_what_is_shared() {
        let text = "use crate::{future::F, network::A};\nuse super::layer::L;\nuse super::super::future::F;";
        assert_eq!(found("network/service.rs", text), [""; 0]);
    }

    #[test]
    fn every_form_of_a_sideways_import_is_found() {
        for text in [
            "use crate::session::A;",
            "use crate::{future::F, session};",
            "use crate::{\n    session::{A, B as C},\n};",
            "fn a() -> crate::session::A {}",
            "use super::super::session::A;",
            "use super::super::{future, session::A};",
            "mod t { use super::super::super::session::A; }",
            "use crate::SessionLayer;",
            "use crate::{future, From};",
        ] {
            let found = found("network/service.rs", text);
            assert!(!found.is_empty(), "{text}");
            assert!(
                found[0].contains("layer `network` imports layer `session`"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_finding_names_the_line_of_the_item() {
        let found = found(
            "network/mod.rs",
            "//! Docs.\n\nuse crate::{\n    a,\n    session,\n};\n",
        );
        assert!(
            found[0].starts_with("crates/dwell-tower/src/network/mod.rs:5: "),
            "{found:?}"
        );
    }

    #[test]
    fn super_is_counted_from_the_file_itself() {
        assert_eq!(found("network/mod.rs", "use super::session::A;").len(), 1);
        assert_eq!(
            found("network/service.rs", "use super::session::A;").len(),
            0
        );
        assert_eq!(
            found("network/a/b.rs", "use super::super::super::session::A;").len(),
            1
        );
        assert_eq!(
            found("network/a/b.rs", "use super::super::session::A;").len(),
            0
        );
    }

    #[test]
    fn words_in_comments_strings_and_other_crates_do_not_count() {
        let text = "// use crate::session::A;\nconst A: &str = \"crate::session::A\";\nuse dwell_core::session::A;\n";
        assert_eq!(found("network/service.rs", text), [""; 0]);
    }

    #[test]
    fn only_the_stack_and_the_root_know_layers() {
        let text = "use crate::session::A;\nuse crate::network::B;";
        for path in ["stack.rs", "stack/builder.rs"] {
            assert_eq!(found(path, text), [""; 0]);
        }
        let shared = found("future.rs", text);
        assert_eq!(shared.len(), 2);
        assert!(shared[0].contains("`future` imports layer"), "{shared:?}");
    }
}
