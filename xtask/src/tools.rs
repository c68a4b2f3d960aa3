//! What a bare machine lacks, and how to get it: said in one line, then done.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Cmd, on_path};
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::workspace::Workspace;

const CARGO_FUZZ: &str = "0.13.2";
/// The oldest whose test runner does all that the tests ask of it.
const OLDEST_NODE: u32 = 20;
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The linker that every cargo command needs.
pub(crate) fn ensure_linker(workspace: &Workspace) -> Result<()> {
    ensure_debian(workspace, "cc", &["gcc", "libc6-dev"])
}

/// The C++ compiler that libFuzzer is built with.
pub(crate) fn ensure_cxx(workspace: &Workspace) -> Result<()> {
    ensure_debian(workspace, "c++", &["g++"])
}

/// The servers that tests and benchmarks start, and what they are started with.
pub(crate) fn ensure_servers(workspace: &Workspace) -> Result<()> {
    ensure_debian(workspace, "setpriv", &["util-linux"])?;
    ensure_debian(workspace, "faketime", &["faketime"])?;
    ensure_debian(workspace, "redis-server", &["redis-server"])?;
    ensure_debian(workspace, "redis-cli", &["redis-tools"])?;
    // Debian has its programs in a folder per version, where the tests look for them, too.
    ensure(workspace, "initdb", &["postgresql"], has_postgres)
}

/// Node and npm, for the browser component and its tests.
pub(crate) fn ensure_node(workspace: &Workspace) -> Result<()> {
    ensure_debian(workspace, "node", &["nodejs"])?;
    // Debian's npm comes apart from its node; others' nodes bring one along.
    ensure_debian(workspace, "npm", &["npm"])?;
    let version = Cmd::new(workspace, "node").args(["--version"]).output()?;
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => Err(Error::Usage(format!(
            "node {OLDEST_NODE} or newer is needed, and the search path has {}: install one",
            version.trim()
        ))),
    }
}

/// The first number of a version such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    let digits = version.trim().strip_prefix('v')?.split('.').next()?;
    digits.parse().ok()
}

/// The file of Chromium.
pub(crate) fn ensure_chromium(workspace: &Workspace) -> Result<PathBuf> {
    ensure_debian(workspace, "chromium", &["chromium"])?;
    on_path("chromium").ok_or_else(|| {
        Error::Usage("`chromium` was installed, but is not in the search path".to_owned())
    })
}

fn has_postgres(program: &str) -> bool {
    on_path(program).is_some() || in_a_version(Path::new(POSTGRES_VERSIONS), program)
}

fn in_a_version(versions: &Path, program: &str) -> bool {
    let versions = fs::read_dir(versions).into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin").join(program))
        .any(|file| file.is_file())
}

/// Installs Debian packages unless the search path has the program.
pub(crate) fn ensure_debian(workspace: &Workspace, program: &str, packages: &[&str]) -> Result<()> {
    ensure(workspace, program, packages, |program| {
        on_path(program).is_some()
    })
}

fn ensure(
    workspace: &Workspace,
    program: &str,
    packages: &[&str],
    is_there: fn(&str) -> bool,
) -> Result<()> {
    if is_there(program) {
        return Ok(());
    }
    if on_path("apt-get").is_none() {
        return Err(Error::Usage(format!(
            "`{program}` is missing, and there is no apt-get: install {}",
            packages.join(" and ")
        )));
    }
    println!("installing {} with apt-get", packages.join(" and "));
    apt_get(workspace, &["update"], &[])?;
    apt_get(
        workspace,
        &["install", "-y", "--no-install-recommends"],
        packages,
    )
}

fn apt_get(workspace: &Workspace, command: &[&str], packages: &[&str]) -> Result<()> {
    // `sudo -n` asks nothing: where it may not act, it says so and fails.
    let cmd = if is_root(workspace) {
        Cmd::new(workspace, "env")
    } else {
        Cmd::new(workspace, "sudo").args(["-n", "env"])
    };
    // Debian starts a server once it is installed, but not at the run level of one user. The tests start theirs.
    cmd.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"])
        .args(["apt-get", "-qq"])
        .args(command)
        .args(packages)
        .run()
}

fn is_root(workspace: &Workspace) -> bool {
    Cmd::new(workspace, "id")
        .args(["-u"])
        .output()
        .is_ok_and(|id| id.trim() == "0")
}

/// The file of cargo-fuzz, installed under the target folder when the machine has none.
pub(crate) fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = on_path("cargo-fuzz") {
        return Ok(program);
    }
    let tools = Metadata::load(workspace, ".")?.target.join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.is_file() {
        println!("installing cargo-fuzz {CARGO_FUZZ} with cargo, into the target folder");
        Cmd::cargo(workspace)
            .args(["install", "--quiet", "--locked", "cargo-fuzz"])
            .args(["--version", CARGO_FUZZ])
            .args(["--root".as_ref(), tools.as_os_str()])
            .run()?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_there_is_left_alone() {
        let workspace = Workspace::find().unwrap();
        assert!(ensure_debian(&workspace, "cargo", &["no-such-package"]).is_ok());
    }

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v9"), Some(9));
        assert_eq!(major("node 20"), None);
    }

    #[test]
    fn a_program_in_the_folder_of_any_version_is_found() {
        let workspace = Workspace::find().unwrap();
        // Laid out as Debian's folder is: `versions/NAME/bin/PROGRAM`.
        let versions = workspace.path("target/xtask-versions");
        let bin = versions.join("15/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("initdb"), "").unwrap();
        assert!(in_a_version(&versions, "initdb"));
        assert!(!in_a_version(&versions, "no-such-program"));
        fs::remove_dir_all(&versions).unwrap();
        assert!(!in_a_version(&versions, "initdb"));
    }
}
