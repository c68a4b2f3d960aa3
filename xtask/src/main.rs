//! The chores of this repository: `cargo xtask help` lists them.
//!
//! Here is what belongs to this project alone: its laws and its house rules, and the order of the steps. Everything
//! else is a tool's work: cargo, clippy, nextest, cargo-deny, cargo-check-external-types, cargo-fuzz, npm.
//!
//! The minimum Rust version needs no step: cargo's resolver picks dependencies that keep to `rust-version`, and
//! `clippy::incompatible_msrv` finds what the standard library did not have yet.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user this way"
)]

mod browser;
mod checks;
mod chores;
mod fuzz;
mod invariants;
mod package;
mod source;
mod steps;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::chores::Chores;

const HELP: &str = "\
cargo xtask <command>

  test [--only a,b] [--list]  run every step (what CI runs), or the named ones
  invariants --write          write docs/invariants.md
  fuzz --seconds N            run every fuzz target for N seconds
  bench [ARGS…]               run the benchmarks
  STEP                        run this step of `test` alone
  help                        this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what the arguments ask for. Returns `false` if a step failed and the summary says so.
fn dispatch(args: &[&str]) -> Result<bool> {
    match args {
        [] | ["help" | "--help" | "-h"] => print!("{HELP}"),
        ["test", "--list"] => print!("{}", steps::list()),
        ["test"] => return steps::run(&Chores::new()?, steps::STEPS),
        ["test", "--only", names] => return steps::run(&Chores::new()?, &steps::select(names)?),
        ["invariants", "--write"] => invariants::write(&Chores::new()?)?,
        ["fuzz", "--seconds", seconds] => fuzz::run(&Chores::new()?, seconds.parse()?)?,
        ["bench", args @ ..] => checks::bench(&Chores::new()?, args)?,
        [step] => return steps::run(&Chores::new()?, &steps::select(step)?),
        _ => bail!(
            "no such command: {}; see `cargo xtask help`",
            args.join(" ")
        ),
    }
    Ok(true)
}
