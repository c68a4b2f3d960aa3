//! Measures what a session check costs, side by side with others, and writes
//! the report.

mod child;
mod http1;
mod machine;
mod open;
mod peers;
mod request;
mod rows;
mod scale;
mod server;
mod size;
mod sockets;
mod stores;

use std::path::Path;
use std::process::ExitCode;

use dwell_bench::app;
use dwell_bench::row::find;
use dwell_bench::section::{Section, goals};

const HELP: &str = "dwell-bench-report [request|scale|sockets|open|stores|size] [--quick]

Without a part it measures all of them and writes docs/benchmarks.md; a part, or
a fast look, is only printed.";

/// A part of the report: its name, and what measures it.
type Part = (&'static str, fn(bool) -> Result<Section, String>);

const PARTS: [Part; 6] = [
    ("request", request::run),
    ("scale", scale::run),
    ("sockets", sockets::run),
    ("open", open::run),
    ("stores", stores::run),
    ("size", |_| size::run()),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["--child", words @ ..] => as_child(words),
        words => report(words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn report(words: &[&str]) -> Result<(), String> {
    let is_part = |word: &&str| PARTS.iter().any(|(name, _)| name == word);
    let (parts, options): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| is_part(word));
    let quick = match options.as_slice() {
        [] => false,
        ["--quick"] => true,
        _ => return Err(HELP.to_owned()),
    };
    // Before anything is measured, so that it tells of others' load.
    let facts = machine::facts();
    let (mut sections, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in PARTS {
        if parts.is_empty() || parts.contains(&name) {
            eprintln!("measuring: {name}");
            // What was measured is written in any case: it took a while.
            sections.push(measure(quick).unwrap_or_else(|error| {
                eprintln!("{name}: {error}");
                failed.push(name);
                let mut section = Section::new(name);
                section.paragraph("Not measured: this part failed.");
                section
            }));
        }
    }
    let mut text = format!("# What a session check costs\n\n{facts}\n\n");
    text += &goals(&sections).text;
    for section in &sections {
        text += &section.text;
    }
    text += &format!("## Versions\n\n{}.\n", machine::versions()?);
    println!("{text}");
    if !quick && parts.is_empty() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks.md");
        std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("not measured: {}", failed.join(", "))),
    }
}

/// What this program does when it has started itself.
fn as_child(words: &[&str]) -> Result<(), String> {
    match words {
        ["count", row] => find(&rows::all(), row).and_then(app::to_be_counted),
        ["nanos", rounds, subscriber, rows] => {
            let rows: Vec<&str> = rows.split(',').collect();
            request::nanos::child(child::number(rounds)?, *subscriber == "info", &rows)
        }
        ["fill", row, sessions] => scale::fill::child(row, child::number(sessions)?),
        ["reap", sessions] => scale::reap::child(child::number(sessions)?),
        ["serve", row, core] => server::child(row, core),
        ["open", quick] => open::child(*quick == "quick"),
        other => Err(format!("{other:?} is no work for a child")),
    }
}
