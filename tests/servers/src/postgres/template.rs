//! A cluster that `initdb` made once. Every server starts with a copy of it,
//! which is faster than `initdb`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::folder::Folder;
use crate::postgres::binaries::Binaries;
use crate::programs;

/// Increased when the arguments of `initdb` change, so that no older template
/// is used.
const FORMAT: u32 = 1;

/// Returns the template's folder. Makes it on the first use of a version by a
/// user.
pub(crate) fn ensure(binaries: &Binaries) -> Result<PathBuf> {
    let version = binaries.run("initdb", &["--version"])?;
    let version = version.split_whitespace().nth(2).unwrap_or("unknown");
    let owner = owner(binaries)?;
    let name = format!("dwell-postgres-{version}-{FORMAT}-user-{owner}");
    let template = env::temp_dir().join(name);
    if !template.exists() {
        make(binaries, owner, &template)?;
    }
    // Any user may create a temporary folder with this name, and we run what is
    // in it.
    let found = fs::metadata(&template).map_err(reading(&template))?.uid();
    if found != owner {
        return Err(Error::Refused(format!(
            "{} belongs to user {found} instead of {owner}: remove it",
            template.display()
        )));
    }
    Ok(template)
}

/// Copies the template, with its owner, to a folder that does not exist yet.
pub(crate) fn copy(template: &Path, to: &Path) -> Result<()> {
    let args = ["-a".as_ref(), "--reflink=auto".as_ref(), "--".as_ref()];
    let paths = [template.as_os_str(), to.as_os_str()];
    let line: Vec<&OsStr> = args.into_iter().chain(paths).collect();
    programs::output(&programs::find("cp", "coreutils")?, &line)?;
    Ok(())
}

/// Makes an empty folder that belongs to the server's user.
pub(crate) fn make_folder(binaries: &Binaries, to: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(to)
        .map_err(reading(to))?;
    chown(to, Some(owner(binaries)?), None).map_err(reading(to))
}

/// Makes the template. If several processes do so at once, the first one keeps
/// its own and the others remove theirs.
fn make(binaries: &Binaries, owner: u32, template: &Path) -> Result<()> {
    let folder = Folder::create("initdb")?;
    chown(folder.path(), Some(owner), None).map_err(reading(folder.path()))?;
    let args = ["-U", super::USER, "-A", "trust", "-E", "UTF8"];
    let rest = ["--locale=C", "--no-sync", "-D"];
    let mut line: Vec<&OsStr> = args.into_iter().chain(rest).map(AsRef::as_ref).collect();
    line.push(folder.path().as_os_str());
    binaries.run("initdb", &line)?;
    match fs::rename(folder.path(), template) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result.map_err(reading(template)),
    }
}

/// Returns the numeric id of the server's user.
fn owner(binaries: &Binaries) -> Result<u32> {
    let Some(user) = binaries.user() else {
        return Ok(rustix::process::geteuid().as_raw());
    };
    let id = programs::output(&programs::find("id", "coreutils")?, &["-u", user])?;
    String::from_utf8_lossy(&id)
        .trim()
        .parse()
        .map_err(|error| Error::Refused(format!("the id of user {user} is no number: {error}")))
}

fn reading(path: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::io(format!("preparing {}", path.display()))
}
