//! What a session check costs, side by side with others.

use std::process::ExitCode;

fn main() -> ExitCode {
    dwell_bench::main()
}
