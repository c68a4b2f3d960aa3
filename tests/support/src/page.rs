//! Pages of the documentation, and the blocks in them.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a page, by its path from the root.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

/// The contents of a text's blocks that have this tag: a language, such as
/// `nginx`, or a language and a name, such as `nginx,prefix`.
pub fn blocks(text: &str, wanted: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(tag)) => {
                let language = tag.split(',').next().unwrap_or_default();
                block = Some((wanted == tag || wanted == language, String::new()));
            }
            (Some(_), Some(_)) => {
                let (is_wanted, text) = block.take().unwrap();
                blocks.extend(is_wanted.then_some(text));
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
