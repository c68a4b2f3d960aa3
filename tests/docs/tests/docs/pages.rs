//! What holds for every page.

use crate::page::{all, blocks, read, root};

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
