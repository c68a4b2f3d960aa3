//! What a session check costs, side by side with others.

mod contender;
mod contenders;
mod instructions;
mod measure;
mod memory;
mod report;

use std::process::ExitCode;

use contender::{ENTRIES, Entry};
use report::Report;

const HELP: &str = "\
dwell-bench [--quick] [--rows NAME,NAME] [--no-valgrind] [--no-memory] [--markdown FILE]";

struct Options {
    quick: bool,
    rows: Option<Vec<String>>,
    valgrind: bool,
    memory: bool,
    markdown: Option<String>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["--child", name, requests] => child(name, requests),
        ["--fill", store, sessions] => number(sessions).and_then(|n| memory::child(store, n)),
        ["--help"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => options(&words).and_then(|options| run(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options(words: &[&str]) -> Result<Options, String> {
    let mut options = Options {
        quick: false,
        rows: None,
        valgrind: true,
        memory: true,
        markdown: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match *word {
            "--quick" => options.quick = true,
            "--no-valgrind" => options.valgrind = false,
            "--no-memory" => options.memory = false,
            "--rows" => {
                options.rows = Some(value()?.split(',').map(str::to_owned).collect());
            }
            "--markdown" => options.markdown = Some((*value()?).to_owned()),
            other => return Err(format!("unknown option {other}\n{HELP}")),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), String> {
    let wanted = |entry: &&Entry| match &options.rows {
        None => true,
        Some(rows) => entry.name == "no-op" || rows.iter().any(|row| row == entry.name),
    };
    let entries: Vec<&Entry> = ENTRIES.iter().filter(wanted).collect();
    let (rounds, requests, sessions) = if options.quick {
        (5, 2_000, 100_000)
    } else {
        (31, 20_000, 1_000_000)
    };
    let figures = measure::measure(&entries, rounds, requests);
    let count = |entry: &&Entry| match options.valgrind {
        true => instructions::instructions(entry),
        false => Err("not counted".to_owned()),
    };
    let instructions = entries.iter().map(count).collect();
    let stores = if options.memory { memory::STORES } else { &[] };
    let memory = stores
        .iter()
        .map(|store| (*store, memory::bytes(store, sessions)))
        .collect();
    let report = Report {
        entries,
        figures,
        instructions,
        memory,
        sessions,
    };
    let text = report.render();
    println!("{text}");
    if let Some(file) = &options.markdown {
        std::fs::write(file, &text).map_err(|e| format!("{file}: {e}"))?;
    }
    Ok(())
}

fn child(name: &str, requests: &str) -> Result<(), String> {
    let entry = ENTRIES.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or(format!("no row is named {name}"))?;
    instructions::child(entry, number(requests)?);
    Ok(())
}

fn number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number"))
}
