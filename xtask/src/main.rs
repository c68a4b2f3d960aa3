//! The chores of this repository: `cargo xtask help` lists them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its user this way"
)]

mod bench;
mod browser;
mod checks;
mod command;
mod error;
mod features;
mod files;
mod fuzz;
mod invariants;
mod metadata;
mod msrv;
mod source;
mod space;
mod steps;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use crate::error::{Error, Result};
use crate::workspace::Workspace;

const HELP: &str = "\
cargo xtask <command>

  test [--only a,b] [--list]  run every check (what CI runs), or the named ones
  tidy                        the house rules that no compiler checks
  invariants [--write]        compare docs/invariants.md with the tests, or write it
  fuzz [--seconds N]          run every fuzz target for N seconds (10)
  msrv                        check the stated minimum Rust version
  bench [ARGS…]               run the benchmarks, passing ARGS on
  help                        this text
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Told) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[&str]) -> Result<()> {
    let (command, rest) = match args {
        [] => ("help", args),
        [command, rest @ ..] => (*command, rest),
    };
    match command {
        "test" => steps::command(&Workspace::find()?, rest),
        "tidy" => no_arguments(rest).and_then(|()| tidy::check(&Workspace::find()?)),
        "invariants" => invariants::command(&Workspace::find()?, rest),
        "fuzz" => fuzz::command(&Workspace::find()?, rest),
        "msrv" => no_arguments(rest).and_then(|()| msrv::check(&Workspace::find()?)),
        "bench" => bench::run(&Workspace::find()?, rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Error::Usage(format!(
            "no command `{other}`; `cargo xtask help` lists them"
        ))),
    }
}

fn no_arguments(rest: &[&str]) -> Result<()> {
    match rest {
        [] => Ok(()),
        [first, ..] => Err(Error::Usage(format!("unexpected argument `{first}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_named() {
        let error = dispatch(&["tset"]).unwrap_err().to_string();
        assert!(error.contains("`tset`"), "{error}");
    }

    #[test]
    fn stray_arguments_are_refused() {
        assert!(matches!(dispatch(&["tidy", "--fix"]), Err(Error::Usage(_))));
    }
}
