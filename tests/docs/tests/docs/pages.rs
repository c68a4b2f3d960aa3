//! What holds for every page.

use std::fs;
use std::path::Path;

use dwell_test_support::page::{blocks, read, root};

use crate::page::all;

/// The root's README is compiled by `dwell-axum`.
const ELSEWHERE: [&str; 1] = ["README.md"];

#[test]
fn every_page_with_rust_block_is_compiled() {
    let listed = read("tests/docs/src/lib.rs");
    for page in all() {
        let compiled = listed.contains(&format!("\"{page}\"")) || ELSEWHERE.contains(&&*page);
        let has_rust = !blocks(&read(&page), "rust").is_empty();
        assert_eq!(has_rust, compiled, "{page}: see tests/docs/src/lib.rs");
    }
}

#[test]
fn every_page_is_in_index() {
    let index = read("docs/README.md");
    for page in all() {
        if let Some(name) = page.strip_prefix("docs/").filter(|n| *n != "README.md") {
            assert!(index.contains(&format!("]({name})")), "{name}");
        }
    }
}

#[test]
fn every_link_leads_to_file() {
    for page in all() {
        let folder = root().join(&page);
        let folder = folder.parent().unwrap();
        for target in links(&read(&page)) {
            let path = target.split('#').next().unwrap_or_default();
            let is_here = !path.contains("://") && !path.is_empty();
            assert!(!is_here || folder.join(path).exists(), "{page}: {target}");
        }
    }
}

#[test]
fn every_log_line_on_monitoring_page_is_in_code() {
    let mut code = String::new();
    read_code(&root().join("crates"), &mut code);
    let page = read("docs/monitoring.md");
    let rows = page.lines().filter(|line| {
        let levels = ["| ERROR |", "| WARN |"];
        levels.iter().any(|level| line.starts_with(level))
    });
    let mut found = 0;
    for line in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
        // Names of fields and types have no blanks.
        if line.contains(' ') && !line.contains("panicked") && !line.starts_with("maxmemory") {
            assert!(code.contains(line), "{line}");
            found += 1;
        }
    }
    assert!(found > 10, "{found}");
}

#[test]
fn every_feature_in_docs_is_there() {
    let mut found = 0;
    for page in all() {
        let blocks = blocks(&read(&page), "toml").concat();
        for line in blocks.lines().filter(|line| line.starts_with("dwell-")) {
            let (name, value) = line.split_once(" = ").unwrap();
            let manifest = read(&format!("crates/{name}/Cargo.toml"));
            let (_, features) = value.split_once("features = [").unwrap_or_default();
            let (features, _) = features.split_once(']').unwrap_or_default();
            for feature in features.split(", ").filter(|f| !f.is_empty()) {
                let feature = feature.trim_matches('"');
                assert!(
                    manifest.contains(&format!("\n{feature} = [")),
                    "{page}: {line}"
                );
                found += 1;
            }
        }
    }
    assert!(found > 0);
}

/// Adds the sources below a folder, with strings over several lines joined.
fn read_code(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_code(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for line in fs::read_to_string(&path).unwrap().lines() {
                match line.trim_start().strip_suffix('\\') {
                    Some(begun) => code.push_str(begun),
                    None => {
                        code.push_str(line.trim_start());
                        code.push('\n');
                    }
                }
            }
        }
    }
}

/// The targets of a text's links, `](target)`, outside of its blocks.
fn links(text: &str) -> Vec<String> {
    let mut prose = true;
    let mut links = Vec::new();
    for line in text.lines() {
        prose ^= line.starts_with("```");
        if prose {
            let after = line.split("](").skip(1);
            let targets = after.filter_map(|rest| rest.split_once(')'));
            links.extend(targets.map(|(target, _)| target.to_owned()));
        }
    }
    links
}
