//! The pages that are written by hand.

use std::fs;

use dwell_test_support::page::root;

/// Every page that is written by hand, by its path from the root.
pub(crate) fn all() -> Vec<String> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "examples", "crates/dwell-axum/browser"] {
        pages.extend(markdown_in(folder));
    }
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name();
        pages.extend(markdown_in(&format!("crates/{}", name.display())));
    }
    pages.sort();
    pages
}

fn markdown_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| name.ends_with(".md"));
    let path = |name| {
        format!("{folder}/{name}")
            .trim_start_matches('/')
            .to_owned()
    };
    names.map(path).collect()
}
