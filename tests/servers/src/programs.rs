//! Finds programs, and runs those that print an answer and end.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::wait::BOUND;

/// Finds a program on the search path.
pub(crate) fn find(program: &str, package: &'static str) -> Result<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    find_in(env::split_paths(&folders), program, package)
}

/// Finds a program in the first of these folders that has it.
pub(crate) fn find_in(
    folders: impl Iterator<Item = PathBuf>,
    program: &str,
    package: &'static str,
) -> Result<PathBuf> {
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| Error::Missing {
            program: program.to_owned(),
            package,
        })
}

/// Runs a program to its end. Returns its output. A program that hangs is
/// killed after the bound.
pub(crate) fn output<A: AsRef<OsStr>>(program: &Path, args: &[A]) -> Result<Vec<u8>> {
    let mut line: Vec<OsString> = vec![program.into()];
    line.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
    let shown = line
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let output = Command::new(find("timeout", "coreutils")?)
        .args(["--signal=KILL", &BOUND.as_secs().to_string()])
        .args(&line)
        // A folder that other users may enter.
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io(format!("running `{shown}`")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let texts = [output.stdout, output.stderr];
    let mut said: Vec<String> = texts
        .iter()
        .map(|text| String::from_utf8_lossy(text).trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    said.push(output.status.to_string());
    Err(Error::Command {
        shown,
        output: said.join("; "),
    })
}
