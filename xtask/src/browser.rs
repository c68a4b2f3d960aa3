//! The browser component: its own checks, and the tests that drive it in Chromium against the bank.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::command::Cmd;
use crate::error::{Error, Finding, Result, report};
use crate::metadata::Metadata;
use crate::tools;
use crate::workspace::Workspace;

const COMPONENT: &str = "crates/dwell-axum/browser";
const TESTS: &str = "tests/browser";

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    tools::ensure_node(workspace)?;
    let chromium = tools::ensure_chromium(workspace)?;
    let target = Metadata::load(workspace, ".")?.target;

    install(workspace, COMPONENT)?;
    npm(workspace, COMPONENT, &["run", "check"]).run()?;
    let readable = ["test", "--", "--test-reporter=spec"];
    all_ran(&npm(workspace, COMPONENT, &readable).tee()?)?;
    is_built(workspace, &target.join("browser-component"))?;

    Cmd::cargo(workspace)
        .args(["build", "-p", "bank"])
        .args(workspace.locked("."))
        .run()?;
    install(workspace, TESTS)?;
    let artifacts = target.join("browser");
    // What an earlier run has left tells nothing about this one.
    remove(&artifacts)?;
    let output = npm(workspace, TESTS, &["test"])
        .env("DWELL_ARTIFACTS", &artifacts.to_string_lossy())
        .env("DWELL_BANK", &target.join("debug/bank").to_string_lossy())
        .env("DWELL_CHROMIUM", &chromium.to_string_lossy())
        .tee()?;
    all_ran(&output)
}

fn install(workspace: &Workspace, folder: &str) -> Result<()> {
    // Nothing that is installed needs its install script.
    let quietly = ["--no-audit", "--no-fund", "--ignore-scripts"];
    npm(workspace, folder, &["ci"]).args(quietly).run()
}

/// npm, at work in a folder with a package of its own.
fn npm(workspace: &Workspace, folder: &str, args: &[&str]) -> Cmd {
    Cmd::new(workspace, "npm")
        .args(["--prefix", folder])
        .args(args)
}

/// What is committed, and compiled into `dwell-axum`, is what the sources make.
///
/// They make it in a copy: a check changes nothing in the checkout.
fn is_built(workspace: &Workspace, copy: &Path) -> Result<()> {
    let component = workspace.path(COMPONENT);
    remove(copy)?;
    copy_sources(&component, copy)?;
    // Installed anew it would be the same, by the lock file.
    let packages = component.join("node_modules");
    symlink(packages, copy.join("node_modules")).map_err(Error::io("linking node_modules"))?;
    Cmd::new(workspace, "npm")
        .args(["--prefix".as_ref(), copy.as_os_str()])
        .args(["run", "build"])
        .run()?;
    let committed = contents(&component.join("dist"))?;
    report(differences(&committed, &contents(&copy.join("dist"))?))
}

fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    let copying = || format!("copying {}", from.display());
    fs::create_dir_all(to).map_err(Error::io(copying()))?;
    for entry in fs::read_dir(from).map_err(Error::io(copying()))? {
        let entry = entry.map_err(Error::io(copying()))?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_file() {
            fs::copy(&path, to.join(&name)).map_err(Error::io(copying()))?;
        } else if name != "dist" && name != "node_modules" {
            copy_sources(&path, &to.join(&name))?;
        }
    }
    Ok(())
}

type Contents = BTreeMap<String, Vec<u8>>;

fn contents(folder: &Path) -> Result<Contents> {
    let reading = || format!("reading {}", folder.display());
    let mut files = Contents::new();
    for entry in fs::read_dir(folder).map_err(Error::io(reading()))? {
        let entry = entry.map_err(Error::io(reading()))?;
        let bytes = fs::read(entry.path()).map_err(Error::io(reading()))?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    Ok(files)
}

fn differences(committed: &Contents, fresh: &Contents) -> Vec<Finding> {
    let names = committed.keys().chain(fresh.keys());
    names
        .filter(|name| committed.get(*name) != fresh.get(*name))
        .map(|name| {
            let what = format!(
                "is not what the sources make: renew it with `npm run build` in {COMPONENT}"
            );
            Finding::new(&format!("{COMPONENT}/dist/{name}"), 1, what)
        })
        .collect()
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        let removing = format!("removing {}", folder.display());
        fs::remove_dir_all(folder).map_err(Error::io(removing))?;
    }
    Ok(())
}

/// A run without tests, or with tests that were passed over, proves less than it seems to.
fn all_ran(output: &str) -> Result<()> {
    match (count(output, "tests"), count(output, "pass")) {
        (Some(tests), Some(passed)) if tests > 0 && tests == passed => Ok(()),
        (Some(tests), Some(passed)) => Err(Error::malformed(
            "node's test runner",
            format!("of {tests} tests {passed} ran and passed; none may be passed over"),
        )),
        _ => Err(Error::malformed("node's test runner", "it gave no summary")),
    }
}

/// A number of the summary, whichever way the reporter marks its lines.
fn count(output: &str, name: &str) -> Option<usize> {
    output.lines().rev().find_map(|line| {
        let line = line.trim_start_matches(['ℹ', '#', ' ']);
        line.strip_prefix(name)?.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_must_have_run() {
        let spec = "✔ a (1 ms)\nℹ tests 3\nℹ suites 0\nℹ pass 3\nℹ fail 0\nℹ skipped 0\n";
        assert!(all_ran(spec).is_ok());
        assert!(all_ran("# tests 3\n# pass 3\n").is_ok());
        let skipped = spec.replace("pass 3", "pass 2");
        let error = all_ran(&skipped).unwrap_err().to_string();
        assert!(error.contains("of 3 tests 2 ran"), "{error}");
        assert!(all_ran("ℹ tests 0\nℹ pass 0\n").is_err());
        assert!(all_ran("tests of something\n").is_err());
    }

    #[test]
    fn a_file_that_differs_is_named_once_with_what_to_do() {
        let contents = |files: &[(&str, &str)]| -> Contents {
            let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().into());
            files.iter().map(owned).collect()
        };
        let committed = contents(&[("a.js", "1"), ("b.js", "2"), ("old.js", "3")]);
        assert!(differences(&committed, &committed).is_empty());
        let fresh = contents(&[("a.js", "1"), ("b.js", "2 "), ("new.js", "4")]);
        let mut found: Vec<String> = differences(&committed, &fresh)
            .iter()
            .map(ToString::to_string)
            .collect();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].contains("dist/b.js") && found[0].contains("`npm run build`"),
            "{found:?}"
        );
    }
}
