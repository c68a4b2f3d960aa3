//! Pages, and the blocks in them.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a page, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

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

/// The contents of a text's blocks in this language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(tag)) => {
                let tag = tag.split(',').next().unwrap_or_default();
                block = Some((tag == language, String::new()));
            }
            (Some(_), Some(_)) => {
                let (wanted, text) = block.take().unwrap();
                blocks.extend(wanted.then_some(text));
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(block.is_none(), "a block does not end");
    blocks
}
