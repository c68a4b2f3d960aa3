//! The command `gateway`: see `gateway --help`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    gateway::command(std::env::args_os()).await
}
