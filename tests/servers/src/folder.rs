//! A temporary folder that is removed on drop.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, io, process};

use crate::error::{Error, Result};

static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates an empty folder. Other users may pass through it, since Postgres
    /// runs as another user.
    pub(crate) fn create(name: &str) -> Result<Self> {
        Self::create_in(&env::temp_dir(), name)
    }

    /// Creates an empty folder in memory if Linux has a place for that, so that
    /// no server waits for a disk.
    pub(crate) fn create_in_memory(name: &str) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            Self::create_in(memory, name)
        } else {
            Self::create(name)
        }
    }

    fn create_in(parent: &Path, name: &str) -> Result<Self> {
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("dwell-{name}-{}-{number}", process::id()));
            match fs::DirBuilder::new().mode(0o755).create(&path) {
                Ok(()) => return Ok(Self { path }),
                // Left behind by a killed process with the same id.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(format!("creating {}", path.display()))(error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that was moved away is no longer ours to remove.
        let _gone = fs::remove_dir_all(&self.path);
    }
}
