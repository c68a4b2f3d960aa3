//! Running other programs: from the root of the checkout, without standard input.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{Error, Result};
use crate::workspace::Workspace;

/// A program about to be run, and how to show it.
#[derive(Debug)]
pub(crate) struct Cmd {
    inner: Command,
    shown: String,
}

impl Cmd {
    pub(crate) fn new(workspace: &Workspace, program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut inner = Command::new(program);
        inner.current_dir(workspace.root()).stdin(Stdio::null());
        let name = Path::new(program).file_name().unwrap_or(program);
        Self {
            inner,
            shown: name.to_string_lossy().into_owned(),
        }
    }

    /// The cargo that runs this very program.
    pub(crate) fn cargo(workspace: &Workspace) -> Self {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::new(workspace, program)
    }

    pub(crate) fn args<I, A>(mut self, args: I) -> Self
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.inner.arg(arg);
        }
        self
    }

    /// Sets a variable; `CARGO_ENCODED_RUSTFLAGS` gives way, since it would outrank `RUSTFLAGS`.
    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        if key == "RUSTFLAGS" {
            self.inner.env_remove("CARGO_ENCODED_RUSTFLAGS");
        }
        self.inner.env(key, value);
        self.shown = format!("{key}={} {}", quoted(value), self.shown);
        self
    }

    /// Adds flags behind those that the caller's environment already has.
    pub(crate) fn add_flags(self, key: &str, flags: &str) -> Self {
        let value = match env::var(key) {
            Ok(before) if !before.is_empty() => format!("{before} {flags}"),
            _ => flags.to_owned(),
        };
        self.env(key, &value)
    }

    /// Runs it with its output visible.
    pub(crate) fn run(mut self) -> Result<()> {
        if !io::stdout().is_terminal() {
            return self.tee().map(drop);
        }
        // Somebody is looking: in colours, and they can scroll back.
        println!("    {}", self.shown);
        let status = self.inner.status().map_err(Error::io(self.doing()))?;
        self.judge(status, "")
    }

    /// Runs it and returns what it wrote to standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        self.inner.stderr(Stdio::inherit());
        let output = self.inner.output().map_err(Error::io(self.doing()))?;
        self.judge(output.status, "")?;
        String::from_utf8(output.stdout).map_err(|error| Error::malformed(&self.shown, error))
    }

    /// Runs it with its output visible, and returns all that it wrote.
    pub(crate) fn tee(mut self) -> Result<String> {
        println!("    {}", self.shown);
        let (reader, writer) = io::pipe().map_err(Error::io(self.doing()))?;
        let other = writer.try_clone().map_err(Error::io(self.doing()))?;
        let mut child = self
            .inner
            .stdout(writer)
            .stderr(other)
            .spawn()
            .map_err(Error::io(self.doing()))?;
        // Its copies of the writing end would keep the pipe open for ever.
        self.inner.stdout(Stdio::null()).stderr(Stdio::null());
        let mut seen = String::new();
        for line in BufReader::new(reader)
            .split(b'\n')
            .map_while(std::result::Result::ok)
        {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            seen.push_str(&line);
            seen.push('\n');
        }
        let status = child.wait().map_err(Error::io(self.doing()))?;
        self.judge(status, &seen).map(|()| seen)
    }

    fn doing(&self) -> String {
        format!("running `{}`", self.shown)
    }

    fn judge(&self, status: ExitStatus, seen: &str) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Command {
            shown: self.shown.clone(),
            code: status.code(),
            last: last_lines(seen),
        })
    }
}

/// As much of the end as says why, and as a log that was cut short still holds.
fn last_lines(seen: &str) -> String {
    const MOST: usize = 80;
    let lines: Vec<&str> = seen.lines().collect();
    lines[lines.len().saturating_sub(MOST)..].join("\n")
}

/// The program's file, when the search path has it.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn quoted(value: &str) -> String {
    if value.contains(' ') {
        format!("\"{value}\"")
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        Workspace::find().unwrap()
    }

    #[test]
    fn a_bad_end_is_an_error_that_shows_the_command() {
        let error = Cmd::cargo(&workspace())
            .args(["no-such-subcommand"])
            .output()
            .unwrap_err();
        assert!(error.to_string().contains("cargo no-such-subcommand"));
    }

    #[test]
    fn a_missing_program_is_an_error_too() {
        let error = Cmd::new(&workspace(), "no-such-program").run();
        assert!(matches!(error, Err(Error::Io { .. })));
    }

    #[test]
    fn variables_are_shown_before_the_program() {
        let cmd = Cmd::new(&workspace(), "tool").env("FLAGS", "-D warnings");
        assert_eq!(cmd.shown, "FLAGS=\"-D warnings\" tool");
    }

    #[test]
    fn tee_returns_what_it_prints() {
        let text = Cmd::cargo(&workspace()).args(["--version"]).tee().unwrap();
        assert!(text.starts_with("cargo "), "{text}");
    }

    #[test]
    fn what_failed_carries_the_end_of_what_it_said() {
        let error = Cmd::cargo(&workspace())
            .args(["no-such-subcommand"])
            .tee()
            .unwrap_err();
        let said = error.last_lines().join("\n");
        assert!(said.contains("no such command"), "{said}");

        let many: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let last = last_lines(&many);
        assert!(
            last.starts_with("line 20\n") && last.ends_with("line 99"),
            "{last}"
        );
        assert_eq!(last_lines(""), "");
    }
}
