//! What every chore works with: a shell at the root of the checkout, and what cargo knows of the packages.

use std::cell::{Ref, RefCell};
use std::env;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};
use xshell::{Cmd, Shell};

pub(crate) struct Chores {
    pub(crate) sh: Shell,
    pub(crate) metadata: Metadata,
    ends: RefCell<Vec<String>>,
}

impl Chores {
    pub(crate) fn new() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .features(CargoOpt::AllFeatures)
            .other_options(["--locked".to_owned()])
            .exec()?;
        let sh = Shell::new()?;
        sh.change_dir(&metadata.workspace_root);
        if io::stdout().is_terminal() {
            // Cargo sees a pipe, and would leave them out.
            sh.set_var("CARGO_TERM_COLOR", "always");
        }
        Ok(Self {
            sh,
            metadata,
            ends: RefCell::default(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Returns a folder below cargo's target folder.
    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.metadata.target_directory.join(name).into()
    }

    /// Returns the packages that users get: those under `crates/`.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &Package> {
        let folder = self.metadata.workspace_root.join("crates");
        let packages = self.metadata.workspace_packages().into_iter();
        packages.filter(move |package| package.manifest_path.starts_with(&folder))
    }

    /// Runs a command with its output visible, and returns that output.
    pub(crate) fn run(&self, cmd: Cmd<'_>) -> Result<String> {
        let shown = cmd.to_string();
        let running = || format!("running `{shown}`");
        println!("$ {shown}");
        let (reader, writer) = io::pipe().with_context(running)?;
        let mut command = Command::from(cmd);
        command
            .stdin(Stdio::null())
            .stderr(writer.try_clone().with_context(running)?)
            .stdout(writer);
        let mut child = command.spawn().with_context(running)?;
        // Its copies of the writing end would keep the pipe open forever.
        drop(command);
        let mut seen = String::new();
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.with_context(running)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            seen.push_str(&line);
            seen.push('\n');
        }
        let status = child.wait().with_context(running)?;
        if !status.success() {
            let end = format!("---- the end of `{shown}` ----\n{}\n", last_lines(&seen));
            self.ends.borrow_mut().push(end);
            bail!("`{shown}`: {status}");
        }
        Ok(seen)
    }

    /// Returns the last lines of every command that failed.
    pub(crate) fn ends(&self) -> Ref<'_, [String]> {
        Ref::map(self.ends.borrow(), Vec::as_slice)
    }
}

/// As much as shows the reason, and as a log that was cut short still holds.
fn last_lines(seen: &str) -> String {
    const MOST: usize = 80;
    let lines: Vec<&str> = seen.lines().collect();
    lines[lines.len().saturating_sub(MOST)..].join("\n")
}

/// Goes through all results, also after a failure. Returns the failures together, if there are any.
pub(crate) fn all<T>(results: impl IntoIterator<Item = Result<T>>) -> Result<()> {
    let errors: Vec<String> = results
        .into_iter()
        .filter_map(|result| Some(format!("{:#}", result.err()?)))
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    bail!("{}", errors.join("\n"))
}

/// Prints what is to be mended. Returns an error if there is anything.
pub(crate) fn report(findings: impl IntoIterator<Item = impl Display>) -> Result<()> {
    let count = findings
        .into_iter()
        .inspect(|finding| println!("{finding}"))
        .count();
    if count > 0 {
        bail!("{count} finding(s), listed above");
    }
    Ok(())
}

/// Returns the program's file, if the search path has it, or Debian's place for
/// servers, which is not on everybody's path.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use xshell::cmd;

    use super::*;

    #[test]
    fn failed_command_leaves_its_last_lines() {
        let chores = Chores::new().unwrap();
        let error = chores
            .run(cmd!(chores.sh, "cargo no-such-command"))
            .unwrap_err();
        assert!(
            error.to_string().contains("`cargo no-such-command`: exit"),
            "{error}"
        );
        assert!(
            chores.ends()[0].contains("no such command"),
            "{:?}",
            chores.ends()
        );

        let many: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let last = last_lines(&many);
        assert!(last.starts_with("line 20\n") && last.ends_with("line 99"));
    }

    #[test]
    fn later_failures_are_collected_too() {
        let results = [Err(anyhow::anyhow!("a")), Ok(()), Err(anyhow::anyhow!("b"))];
        assert_eq!(all(results).unwrap_err().to_string(), "a\nb");
        assert!(all([Ok(())]).is_ok());
    }
}
