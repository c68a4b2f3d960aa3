//! `cargo xtask tidy`: the house rules that no compiler checks.
//!
//! CONTRIBUTING.md gives the reason for each. A finding names path, line and rule.

mod dependencies;
mod layers;
mod text;
mod uses;

use crate::error::{Result, report};
use crate::files::{self, TextFile};
use crate::metadata::Metadata;
use crate::source;
use crate::workspace::Workspace;

/// A Rust file, with the copy of its text that the checks search.
#[derive(Debug)]
pub(crate) struct RustFile {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) masked: String,
}

impl From<TextFile> for RustFile {
    fn from(file: TextFile) -> Self {
        Self {
            masked: source::mask(&file.text),
            path: file.path,
            text: file.text,
        }
    }
}

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let texts = files::read_all(workspace, &["rs", "md", "toml"])?;
    let mut findings: Vec<_> = texts.iter().flat_map(text::machine_paths).collect();
    let sources: Vec<RustFile> = texts
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"))
        .map(RustFile::from)
        .collect();
    findings.extend(sources.iter().flat_map(text::check));
    findings.extend(layers::check(&sources));
    findings.extend(dependencies::check(&Metadata::load(workspace, ".")?));
    report(findings)
}
