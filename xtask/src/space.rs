//! Room on the disk: what a step leaves and no later one needs goes where little is left.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Cmd;
use crate::error::Result;
use crate::metadata::Metadata;
use crate::workspace::Workspace;

/// With this much free, in KiB, nothing is removed: what is there makes the next run faster.
const PLENTY: u64 = 20 * 1024 * 1024;

/// Removes what only this step and those before it need, when little room is left. A run takes some 8 GiB
/// otherwise.
pub(crate) fn free(workspace: &Workspace, step: &str) -> Result<()> {
    let Some(folder) = left_by(workspace, step)? else {
        return Ok(());
    };
    if !folder.is_dir() || room(workspace, &folder).is_none_or(|kib| kib >= PLENTY) {
        return Ok(());
    }
    println!(
        "little room is left on the disk: removing {}",
        folder.display()
    );
    // What can't be removed is in nobody's way but that of a full disk, which says so itself.
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}

fn left_by(workspace: &Workspace, step: &str) -> Result<Option<PathBuf>> {
    Ok(match step {
        // The last of those that build for themselves what the workspace is.
        "msrv" => Some(Metadata::load(workspace, ".")?.target.join("debug")),
        "shuttle" => Some(Metadata::load(workspace, ".")?.target.join("shuttle")),
        "fuzz" => Some(Metadata::load(workspace, "fuzz")?.target),
        _ => None,
    })
}

/// How many KiB are free where this folder is; `None` where that can't be told.
fn room(workspace: &Workspace, folder: &Path) -> Option<u64> {
    let df = Cmd::new(workspace, "df").args(["-Pk".as_ref(), folder.as_os_str()]);
    available(&df.output().ok()?)
}

/// The fourth column of the last line (POSIX, `df -P`).
fn available(output: &str) -> Option<u64> {
    output
        .lines()
        .last()?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_room_is_read_as_posix_has_it() {
        let output = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                      /dev/vda 264000000 12000000 84000000 13% /\n";
        assert_eq!(available(output), Some(84_000_000));
        assert_eq!(available(""), None);
        assert_eq!(available("df: no such file"), None);
    }
}
