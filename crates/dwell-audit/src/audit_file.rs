//! The audit file, opened again when it is rotated.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that is appended to, and opened again when another file takes its
/// place; see [`JsonLines::create`](crate::JsonLines::create).
#[derive(Debug)]
pub struct AuditFile {
    path: PathBuf,
    file: File,
}

impl AuditFile {
    /// Opens the file. Returns whether its last line is incomplete, too.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, bool)> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        // A pipe is not opened for reading: this process would count as its
        // reader, and hide that the real one has left.
        let torn = match file.metadata()? {
            old if old.is_file() && old.len() > 0 => ends_inside_a_line(&mut File::open(path)?)?,
            _ => false,
        };
        // Another working directory must not change what the path means.
        let path = std::path::absolute(path)?;
        Ok((Self { path, file }, torn))
    }

    /// Opens the file at the path, whichever it is. Returns whether its last line
    /// is incomplete.
    pub(crate) fn open_again(&mut self) -> io::Result<bool> {
        let (file, torn) = Self::open(&self.path)?;
        *self = file;
        Ok(torn)
    }

    /// Does the same if the file was renamed or removed. Returns `None` if it was
    /// not. Pipes and devices stay open.
    pub(crate) fn open_again_if_moved(&mut self) -> io::Result<Option<bool>> {
        let open = self.file.metadata()?;
        if !open.is_file() || is_same(&open, &self.path) {
            return Ok(None);
        }
        self.open_again().map(Some)
    }
}

impl Write for AuditFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(unix)]
fn is_same(open: &Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    std::fs::metadata(path).is_ok_and(|now| (now.dev(), now.ino()) == (open.dev(), open.ino()))
}

/// Elsewhere an open file is neither renamed nor removed.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Path) -> bool {
    true
}

/// Whether the file ends inside a line, as after a kill in the middle of a
/// write.
fn ends_inside_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
