//! What a request costs by callgrind: the same on a busy machine as on a quiet
//! one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::app::COUNTED_REQUESTS;
use crate::stats::figure;

/// The function that is counted, when it is called for the last time.
const COUNTED: &str = "*::App::send_all";

/// What one request costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Instructions, without those of the allocator, which depend on what was
    /// freed before, and of SHA-256: valgrind knows no SHA instructions, so it
    /// runs the code for processors without them.
    pub instructions: f64,
    /// Allocations.
    pub allocations: f64,
}

/// Counts a row of a program, which knows `--child count ROW`.
///
/// # Errors
/// When valgrind can't be run, or the row does not do its job.
pub fn count(program: &Path, row: &str) -> Result<Counted, String> {
    let file = std::env::temp_dir().join(format!("dwell-bench-{}.callgrind", std::process::id()));
    let mut command = Command::new("valgrind");
    command
        .args(["--quiet", "--tool=callgrind", "--compress-strings=no"])
        // The requests alone, not how they are made.
        .args(["--toggle-collect", "--zero-before"].map(|option| format!("{option}={COUNTED}")))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["--child", "count", row])
        .stdin(Stdio::null());
    let output = command.output().map_err(|e| format!("valgrind: {e}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{row}: valgrind: {text}"));
    }
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let _ = std::fs::remove_file(&file);
    let sums = parse(&text).ok_or_else(|| format!("{} has no counts", file.display()))?;
    let requests = figure(COUNTED_REQUESTS);
    Ok(Counted {
        instructions: sums.instructions / requests,
        allocations: sums.allocations / requests,
    })
}

/// Sums the cost lines: of the function that a `fn=` line names, unless a
/// `calls=` line says that it is the cost of a call.
fn parse(text: &str) -> Option<Counted> {
    let mut sums = Counted::default();
    let (mut is_left_out, mut is_call, mut allocates) = (false, false, false);
    for line in text.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            is_left_out = function.contains("sha2") || is_of_the_allocator(function);
        } else if let Some(function) = line.strip_prefix("cfn=") {
            allocates = ["malloc", "calloc", "realloc", "posix_memalign"].contains(&function);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            is_call = true;
            if std::mem::take(&mut allocates) {
                let calls: f64 = calls.split(' ').next()?.parse().ok()?;
                sums.allocations += calls;
            }
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: f64 = line.split(' ').nth(1)?.parse().ok()?;
            if !std::mem::take(&mut is_call) && !is_left_out {
                sums.instructions += cost;
            }
        }
    }
    (sums.instructions > 0.0).then_some(sums)
}

/// Whether it is a function of glibc's allocator.
fn is_of_the_allocator(function: &str) -> bool {
    let names = [
        "malloc",
        "calloc",
        "realloc",
        "free",
        "unlink_chunk",
        "_int_",
    ];
    names.iter().any(|name| function.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "events: Ir\n\nfl=a.rs\nfn=main\n10 5\n+2 7\ncfn=sha2::sha256::compress\n\
                        calls=1 20\n* 300\n\nfn=sha2::sha256::compress\n20 290\n-3 10\n\
                        fn=alloc\n1 8\ncfn=malloc\ncalls=3 0\n* 90\n\nfn=malloc\n5 90\n\
                        cfn=malloc_consolidate\ncalls=1 0\n* 50\n\ntotals: 410\n";

    #[test]
    fn calls_allocator_and_hash_are_left_out() {
        assert_eq!(parse(TEXT).unwrap().instructions, 5.0 + 7.0 + 8.0);
    }

    #[test]
    fn allocations_are_calls_of_malloc() {
        assert_eq!(parse(TEXT).unwrap().allocations, 3.0);
    }

    #[test]
    fn text_without_counts_is_refused() {
        assert!(parse("events: Ir\n").is_none());
    }
}
