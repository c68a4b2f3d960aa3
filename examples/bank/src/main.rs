//! The command `bank`: see `bank --help`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    bank::command(std::env::args_os()).await
}
