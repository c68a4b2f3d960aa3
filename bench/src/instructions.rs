//! Instructions per request, counted by callgrind.

use std::process::Command;

use crate::contender::{Entry, block_on};

/// Requests of the shorter run; the longer one makes twice as many, and the
/// difference leaves the set-up out.
const REQUESTS: u64 = 2_000;

/// Instructions per request, or why there is no figure.
pub fn instructions(entry: &Entry) -> Result<u64, String> {
    let once = run(entry, REQUESTS)?;
    let twice = run(entry, 2 * REQUESTS)?;
    Ok(twice.saturating_sub(once) / REQUESTS)
}

/// What the child process does: `requests` requests of one contender.
pub fn child(entry: &Entry, requests: u64) {
    let mut contender = (entry.make)();
    block_on(async {
        for _ in 0..requests {
            let request = contender.request();
            drop(contender.send(request).await);
        }
    });
}

fn run(entry: &Entry, requests: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--child", entry.name, &requests.to_string()])
        .output()
        .map_err(|e| format!("valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split("Collected :").nth(1))
        .and_then(|number| number.trim().parse().ok());
    collected.ok_or_else(|| format!("no count in valgrind's output: {}", text.trim()))
}
