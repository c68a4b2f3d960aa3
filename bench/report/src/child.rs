//! This program, run again: for a memory of its own, a core of its own, or by
//! another profile.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use dwell_bench::section::Section;

/// The program that runs now.
pub fn program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|e| e.to_string())
}

/// Runs a program; what it printed.
pub fn output(mut command: Command) -> Result<String, String> {
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(format!("{command:?} ended with {}: {text}", output.status)),
    }
}

/// The cargo that runs this program, in the folder of the benchmarks.
pub fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env_remove("RUSTFLAGS");
    command
}

/// A section that another program prints.
pub fn section(command: Command) -> Result<Section, String> {
    Ok(Section::read(&output(command)?))
}

/// The figures that a child printed, one a line: `name value value …`.
pub struct Figures(Vec<(String, Vec<f64>)>);

impl Figures {
    /// Runs this program as a child and reads them.
    pub fn of(args: &[&str]) -> Result<Self, String> {
        let mut command = Command::new(program()?);
        command.arg("--child").args(args);
        Self::by(command)
    }

    /// Runs a command and reads them.
    pub fn by(command: Command) -> Result<Self, String> {
        let text = output(command)?;
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

    /// All values under a name, which are so many.
    pub fn all<const N: usize>(&self, name: &str) -> Result<[f64; N], String> {
        let found = self.0.iter().find(|(found, _)| found == name);
        let found = found.and_then(|(_, values)| values.as_slice().try_into().ok());
        found.ok_or_else(|| format!("there are no {N} figures {name}"))
    }

    /// The one value under a name.
    pub fn one(&self, name: &str) -> Result<f64, String> {
        self.all(name).map(|[value]| value)
    }
}

/// Prints a line that [`Figures`] reads.
pub fn print(name: &str, values: &[f64]) {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    println!("{name} {}", values.join(" "));
}

/// Reads a number.
pub fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number"))
}
