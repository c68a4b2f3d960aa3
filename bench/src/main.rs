//! Compares what Dwell adds to a request with the committed baseline.

use std::process::ExitCode;

use dwell_bench::row::{OWN, find};
use dwell_bench::{app, check};

const HELP: &str = "dwell-bench check [--write]

Compares instructions and allocations with baseline.toml, for the profile that
this program was built with; --write renews them.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["check"] => check::run(false),
        ["check", "--write"] => check::run(true),
        ["--child", "count", row] => find(&OWN, row).and_then(app::to_be_counted),
        _ => Err(HELP.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
