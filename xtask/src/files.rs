//! The files of the repository: what git knows or would take, or else what lies in the tree.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// A text file, with its path from the root in forward slashes.
#[derive(Clone, Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file whose name ends in one of these extensions, sorted by path.
pub(crate) fn read_all(workspace: &Workspace, extensions: &[&str]) -> Result<Vec<TextFile>> {
    let mut paths = match from_git(workspace.root()) {
        Some(paths) => paths,
        None => from_tree(workspace.root())?,
    };
    paths.retain(|path| {
        path.rsplit_once('.')
            .is_some_and(|(_, extension)| extensions.contains(&extension))
            // A file that was removed but not yet staged is still in git's list.
            && workspace.path(path).is_file()
    });
    paths.sort();
    paths.dedup();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let text = read(&workspace.path(&path))?;
        files.push(TextFile { path, text });
    }
    Ok(files)
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io(format!("reading {}", path.display())))
}

fn from_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "-z"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let listing = String::from_utf8(output.stdout).ok()?;
    Some(
        listing
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn from_tree(root: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let doing = || format!("listing {}", root.join(&folder).display());
        for entry in fs::read_dir(root.join(&folder)).map_err(Error::io(doing()))? {
            let entry = entry.map_err(Error::io(doing()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let kind = entry.file_type().map_err(Error::io(doing()))?;
            if kind.is_file() {
                paths.push(path);
            } else if kind.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_wanted_extensions_come_back_sorted() {
        let files = read_all(&Workspace::find().unwrap(), &["rs"]).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/files.rs"));
        assert!(files.iter().all(|file| file.path.ends_with(".rs")));
        assert!(files.is_sorted_by(|a, b| a.path < b.path));
    }

    #[test]
    fn the_tree_walk_skips_build_output_and_hidden_folders() {
        let paths = from_tree(Workspace::find().unwrap().root()).unwrap();
        assert!(paths.iter().any(|path| path == "xtask/src/files.rs"));
        assert!(paths.iter().all(|path| !path.starts_with("target/")));
        assert!(paths.iter().all(|path| !path.starts_with(".git/")));
    }
}
