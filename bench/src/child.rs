//! This program, run again: for a memory of its own, a core of its own, a
//! subscriber of its own, or under another program.

use std::process::{Command, Stdio};

/// A command that runs this program again.
pub fn command() -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    Ok(Command::new(program))
}

/// The program that counts allocations, which lies beside this one.
pub fn counting_program() -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let program = program.with_file_name("dwell-bench-allocations");
    match program.is_file() {
        true => Ok(Command::new(program)),
        false => Err(format!("{} is not built", program.display())),
    }
}

/// Runs this program again with these arguments; what it printed.
pub fn output(args: &[&str]) -> Result<String, String> {
    output_of(command()?, args)
}

/// Runs a program; what it printed.
pub fn output_of(mut command: Command, args: &[&str]) -> Result<String, String> {
    command
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("{args:?}: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(format!("{args:?} ended with {}: {text}", output.status)),
    }
}

/// The figures that a child printed, one a line: `name value value …`.
pub struct Figures(Vec<(String, Vec<f64>)>);

impl Figures {
    /// Runs a child and reads them.
    pub fn of(args: &[&str]) -> Result<Self, String> {
        Self::parse(&output(args)?)
    }

    /// Reads what a child printed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = |line: &str| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let values: Option<Vec<f64>> = words.map(|word| word.parse().ok()).collect();
            Some((name, values?))
        };
        let lines: Option<Vec<_>> = text.lines().map(line).collect();
        lines
            .map(Self)
            .ok_or_else(|| format!("not figures: {text}"))
    }

    /// All values under a name.
    pub fn all(&self, name: &str) -> Result<&[f64], String> {
        let found = self.0.iter().find(|(found, _)| found == name);
        let found = found.ok_or_else(|| format!("there is no figure {name}"))?;
        Ok(&found.1)
    }

    /// The one value under a name.
    pub fn one(&self, name: &str) -> Result<f64, String> {
        let first = self.all(name)?.first().copied();
        first.ok_or_else(|| format!("there is no value of {name}"))
    }
}

/// Prints a line that [`Figures`] reads.
pub fn print(name: &str, values: &[f64]) {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    println!("{name} {}", values.join(" "));
}
