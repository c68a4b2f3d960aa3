//! What a bare machine lacks: said in one line, then installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::chores::{Chores, on_path};

/// Tools that cargo builds, with the seconds that takes on two cores: 45, 25 and 15.
const CARGO_TOOLS: [(&str, &str); 3] = [
    ("cargo-deny", "0.20.2"),
    // Reads the format that rustdoc 1.95 writes; a newer Rust may want a newer one.
    ("cargo-check-external-types", "0.5.0"),
    ("cargo-fuzz", "0.13.2"),
];

/// The oldest whose test runner does all that the tests ask of it.
const OLDEST_NODE: u32 = 20;

/// The linker that every cargo command needs.
pub(crate) fn linker(chores: &Chores) -> Result<()> {
    debian(chores, "cc", &["gcc", "libc6-dev"])
}

/// The servers that tests and benchmarks start, and the programs that start them.
pub(crate) fn servers(chores: &Chores) -> Result<()> {
    debian(chores, "setpriv", &["util-linux"])?;
    debian(chores, "faketime", &["faketime"])?;
    debian(chores, "redis-server", &["redis-server"])?;
    debian(chores, "redis-cli", &["redis-tools"])?;
    debian(chores, "nginx", &["nginx-light"])?;
    debian(chores, "haproxy", &["haproxy"])?;
    debian(chores, "caddy", &["caddy"])?;
    // Debian has its programs in a folder per version, where the tests look for them, too.
    if in_a_version(Path::new("/usr/lib/postgresql"), "initdb") {
        return Ok(());
    }
    debian(chores, "initdb", &["postgresql"])
}

fn in_a_version(versions: &Path, program: &str) -> bool {
    let versions = fs::read_dir(versions).into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin").join(program))
        .any(|file| file.is_file())
}

/// Node and npm, for the browser component and its tests.
pub(crate) fn node(chores: &Chores) -> Result<()> {
    debian(chores, "node", &["nodejs"])?;
    // Debian's npm comes apart from its node; others' nodes bring one along.
    debian(chores, "npm", &["npm"])?;
    let version = cmd!(chores.sh, "node --version").read()?;
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        bail!("node {OLDEST_NODE} or newer is needed, and the search path has {version}");
    }
    Ok(())
}

/// Returns the first number of a version such as `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// What the tests in browsers start: the variable by which they find it, the program, its Debian package.
const BROWSERS: [(&str, &str, &str); 4] = [
    ("DWELL_CHROMIUM", "chromium", "chromium"),
    ("DWELL_FIREFOX", "firefox-esr", "firefox-esr"),
    // Brings WebKit and a small browser along.
    (
        "DWELL_WEBKIT_DRIVER",
        "WebKitWebDriver",
        "webkit2gtk-driver",
    ),
    // The screen of that browser, which does not run without one.
    ("DWELL_XVFB", "Xvfb", "xvfb"),
];

/// Returns the files of the browsers and their helpers, each with the variable by which the tests find it.
pub(crate) fn browsers(chores: &Chores) -> Result<Vec<(&'static str, PathBuf)>> {
    let found = BROWSERS.iter().map(|(variable, program, package)| {
        debian(chores, program, &[package])?;
        let file = on_path(program)
            .with_context(|| format!("`{program}` was installed, but is not in the search path"))?;
        Ok((*variable, file))
    });
    found.collect()
}

/// Installs Debian packages unless the search path has the program.
pub(crate) fn debian(chores: &Chores, program: &str, packages: &[&str]) -> Result<()> {
    if on_path(program).is_some() {
        return Ok(());
    }
    let names = packages.join(" and ");
    if on_path("apt-get").is_none() {
        bail!("`{program}` is missing, and there is no apt-get: install {names}");
    }
    println!("installing {names} with apt-get");
    let sh = &chores.sh;
    // `sudo -n` asks nothing: where it may not act, it says so and fails.
    let sudo: &[&str] = match cmd!(sh, "id -u").read()?.as_str() {
        "0" => &[],
        _ => &["sudo", "-n"],
    };
    // Debian starts a server once it is installed, but not at the run level of one user. The tests start theirs.
    let env = ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    let apt_get: Vec<&str> = [sudo, &env, &["apt-get", "-qq"]].concat();
    let (first, rest) = apt_get.split_first().context("a command")?;
    chores.run(cmd!(sh, "{first} {rest...} update"))?;
    chores.run(cmd!(
        sh,
        "{first} {rest...} install -y --no-install-recommends {packages...}"
    ))?;
    Ok(())
}

/// Returns the file of a tool that cargo builds, under the target folder when the machine has none.
pub(crate) fn cargo_tool(chores: &Chores, name: &str) -> Result<PathBuf> {
    if let Some(program) = on_path(name) {
        return Ok(program);
    }
    let known = CARGO_TOOLS.iter().find(|tool| tool.0 == name);
    let (_, version) = known.with_context(|| format!("no version of {name} is stated"))?;
    let root = chores.target("tools").join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if program.is_file() {
        return Ok(program);
    }
    println!("installing {name} {version} with cargo, into the target folder");
    let build = chores.target("tools/build");
    // Built in half the time of `--release`, and fast enough for what they do here.
    let how = ["--debug", "--quiet", "--locked", "--version", version];
    let sh = &chores.sh;
    let install = cmd!(
        sh,
        "cargo install {name} {how...} --root {root} --target-dir {build}"
    );
    chores.run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_on_path_is_left_alone() {
        let chores = Chores::new().unwrap();
        assert!(debian(&chores, "cargo", &["no-such-package"]).is_ok());
    }

    #[test]
    fn major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("node 20"), None);
    }

    #[test]
    fn program_of_any_version_is_found() {
        let chores = Chores::new().unwrap();
        // Laid out as Debian's folder is: `versions/NAME/bin/PROGRAM`.
        let versions = chores.sh.create_temp_dir().unwrap();
        let initdb = versions.path().join("15/bin/initdb");
        chores.sh.write_file(initdb, "").unwrap();
        assert!(in_a_version(versions.path(), "initdb"));
        assert!(!in_a_version(versions.path(), "postgres"));
    }
}
