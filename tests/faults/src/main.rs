//! Does all runs and writes the results to `target/faults.md`.
//!
//! With `node` as its first argument this program is a bank instead: the runs
//! start it as the nodes that they break.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use dwell_faults::figures::Outcome;
use dwell_faults::node::NODE;
use dwell_faults::{Result, runs};

#[tokio::main]
async fn main() -> ExitCode {
    let mut args: Vec<_> = env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == NODE) {
        args.remove(1);
        return bank::command(args).await;
    }
    match report().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            tell(&format!("faults: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn report() -> Result<usize> {
    let program = env::current_exe()?;
    let outcomes = runs::all(&program, |outcome| tell(&outcome.to_string())).await?;
    let rows: Vec<String> = outcomes.iter().map(Outcome::row).collect();
    let text = format!("{INTRODUCTION}\n{}\n{}\n", Outcome::HEAD, rows.join("\n"));
    fs::write(page(), text)?;
    Ok(outcomes
        .iter()
        .map(|outcome| outcome.violations.len())
        .sum())
}

const INTRODUCTION: &str = "\
# Faults

What users notice when something breaks, measured by `cargo run -p dwell-faults`.

Virtual users bank at two nodes that share a store, each request at a random node. Every request is
recorded with its answer, and so is every event of both nodes. Then a checker compares the record with the laws: L1
(hard cutoff), L2 (only activity prolongs), L4 (the dead stay dead), L5 (no active user is thrown out), L8 (503 with `Retry-After`, cookie and session
kept), L10 (rotation), L12 (every end has a witness), L18 (a poll takes no token), and that no active user is signed out early by more than
the granularity. A violation is a failed test: each run is one, in `tests/faults/tests`.

An *outage* is how long a user got nothing but 503 or no answer. Ends that are reported *again* are those of a node or
a store that went down between an end and its report; they are identical. Sessions have an idle timeout of 4 s where
the store is there all the time, of 12 to 14 s elsewhere, and of two minutes where nodes keep copies.
";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/faults.md")
}

#[allow(clippy::print_stdout, reason = "the program's output")]
fn tell(text: &str) {
    println!("{text}");
}
