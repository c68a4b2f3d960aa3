//! Where the repository is, and what of it is there.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The checkout that the chores work on.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the checkout from the place that `cargo run` names, or else from the current folder.
    ///
    /// Asked at run time and not with `env!`, so that no path of the building machine is compiled in.
    pub(crate) fn find() -> Result<Self> {
        let start = match env::var_os("CARGO_MANIFEST_DIR") {
            Some(folder) => PathBuf::from(folder),
            None => env::current_dir().map_err(Error::io("reading the current folder"))?,
        };
        let root = start
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file());
        match root {
            Some(root) => Ok(Self {
                root: root.to_path_buf(),
            }),
            None => Err(Error::Usage(
                "run this inside the checkout, as `cargo xtask`".to_owned(),
            )),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub(crate) fn has(&self, relative: &str) -> bool {
        self.path(relative).exists()
    }

    /// `--locked` when the package or workspace in this folder has a lock file to honour.
    pub(crate) fn locked(&self, folder: &str) -> Option<&'static str> {
        self.path(folder)
            .join("Cargo.lock")
            .is_file()
            .then_some("--locked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_above_this_package() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.has("xtask/src/workspace.rs"));
        assert!(workspace.locked("no-such-folder").is_none());
    }
}
