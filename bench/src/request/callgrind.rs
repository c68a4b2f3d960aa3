//! Instructions per request, counted by callgrind: the same on a busy machine
//! as on a quiet one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::contender::Meter;
use crate::rows::named;
use crate::stats::figure;

/// Requests that the shorter run sends; the longer one sends twice as many.
/// Both make as many, so that the difference is what the service took.
const REQUESTS: usize = 1_000;

/// Instructions of one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Instructions {
    /// All but those of SHA-256.
    pub without_sha: f64,
    /// Those of SHA-256. Valgrind knows no SHA instructions, so this is the
    /// code for processors without them, some 3,500 for a block.
    pub sha: f64,
}

/// Counts a row's.
pub fn instructions(row: &str) -> Result<Instructions, String> {
    let run = |requests: usize| count(&["--child", "row", row, &requests.to_string()]);
    let once = run(REQUESTS)?;
    let twice = run(2 * REQUESTS)?;
    Ok(per_request(once, twice, REQUESTS))
}

/// The difference of two runs, of which one had so many requests more.
pub fn per_request(once: Counted, twice: Counted, requests: usize) -> Instructions {
    let each = |once: u64, twice: u64| {
        let difference = usize::try_from(twice.saturating_sub(once));
        figure(difference.unwrap_or_default()) / figure(requests)
    };
    Instructions {
        without_sha: each(once.total - once.sha, twice.total - twice.sha),
        sha: each(once.sha, twice.sha),
    }
}

/// What the child process does.
pub fn child(row: &str, requests: usize) -> Result<(), String> {
    for row in named(&[row])? {
        let mut contender = row.make();
        contender.check()?;
        contender.batch(2 * REQUESTS, &mut First(requests));
    }
    Ok(())
}

/// Sends the first so many.
struct First(usize);

impl Meter for First {
    fn sends(&self) -> usize {
        self.0
    }

    fn start(&mut self) {}
    fn stop(&mut self) {}
}

/// Instructions of a whole run.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    total: u64,
    sha: u64,
}

fn count(args: &[&str]) -> Result<Counted, String> {
    let file = out_file();
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = callgrind(&file);
    command.arg(program).args(args).stdin(Stdio::null());
    let output = command.output().map_err(|e| format!("valgrind: {e}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind {args:?}: {text}"));
    }
    read(&file)
}

/// Where callgrind writes its counts.
pub fn out_file() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("dwell-bench-{}.callgrind", std::process::id()))
}

/// Valgrind, ready to be given a program.
pub fn callgrind(file: &Path) -> Command {
    let mut command = Command::new("valgrind");
    let out = format!("--callgrind-out-file={}", file.display());
    command.args(["--quiet", "--tool=callgrind", "--compress-strings=no", &out]);
    command
}

/// Reads and removes what callgrind wrote.
pub fn read(file: &Path) -> Result<Counted, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let _ = std::fs::remove_file(file);
    parse(&text).ok_or_else(|| format!("{} has no counts", file.display()))
}

/// Sums the cost lines: of the function that a `fn=` line names, unless a
/// `calls=` line says that it is the cost of a call.
fn parse(text: &str) -> Option<Counted> {
    let (mut total, mut sha) = (0, 0);
    let (mut in_sha, mut is_call) = (false, false);
    for line in text.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            in_sha = function.contains("sha2") || function.contains("sha256");
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split(' ').nth(1)?.parse().ok()?;
            if !std::mem::take(&mut is_call) {
                total += cost;
                sha += if in_sha { cost } else { 0 };
            }
        }
    }
    (total > 0).then_some(Counted { total, sha })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_summed_by_function_and_calls_are_left_out() {
        let text = "events: Ir\n\nfl=a.rs\nfn=main\n10 5\n+2 7\ncfn=sha2::sha256::compress\n\
                    calls=1 20\n* 300\n\nfn=sha2::sha256::compress\n20 290\n-3 10\n\ntotals: 312\n";
        let counted = parse(text).unwrap();
        assert_eq!((counted.total, counted.sha), (312, 300));
    }

    #[test]
    fn what_holds_no_counts_is_refused() {
        assert!(parse("events: Ir\n").is_none());
    }
}
