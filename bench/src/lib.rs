//! What a session check costs, side by side with others.
//!
//! A library, since three programs measure: one as applications run, and two
//! with an allocator that counts.

mod check;
mod child;
mod contender;
mod contenders;
mod machine;
mod open;
mod options;
mod request;
mod rows;
mod scale;
mod section;
mod serve;
mod size;
mod sockets;
mod stats;
mod stores;
mod traffic;

use std::process::ExitCode;

pub use request::Allocated;

use options::{Child, Options, Part};
use section::Section;

/// The program that measures.
pub fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    ended(match words.as_slice() {
        ["--child", words @ ..] => options::child(words).and_then(as_child),
        ["--help" | "-h"] => {
            println!("{}", options::HELP);
            Ok(())
        }
        words => Options::read(words).and_then(|options| run(&options)),
    })
}

/// The program that counts allocations: of the rows that its argument names.
pub fn count_allocations(allocated: fn() -> Allocated) -> ExitCode {
    let names = std::env::args().nth(1).unwrap_or_default();
    let names: Vec<&str> = names.split(',').collect();
    ended(request::allocations_child(allocated, &names))
}

/// The program that serves streams that stay open, by an allocator that tells
/// how many bytes are `allocated`.
pub fn serve_open(allocated: fn() -> usize) -> ExitCode {
    ended(open::serve(allocated))
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    if options.part == Some(Part::Check) {
        return check::run(options.write);
    }
    // Before anything is measured, so that it tells of others' load.
    let facts = machine::facts();
    let mut sections = Vec::new();
    for part in Part::MEASURED {
        if options.part.is_none_or(|wanted| wanted == part) {
            eprintln!("measuring: {}", part.name());
            sections.push(measure(part, options)?);
        }
    }
    let text = render(&facts, sections)?;
    println!("{text}");
    match &options.out {
        Some(file) => std::fs::write(file, &text).map_err(|e| format!("{file}: {e}")),
        None => Ok(()),
    }
}

fn measure(part: Part, options: &Options) -> Result<Section, String> {
    match part {
        Part::Request => {
            let rows: Option<Vec<&str>> = options.rows.as_ref().map(|r| r.split(',').collect());
            request::run(options.quick, rows.as_deref())
        }
        Part::Scale => scale::run(options.quick),
        Part::Sockets => sockets::run(options.quick),
        Part::Open => open::run(options.quick),
        Part::Stores => stores::run(options.quick),
        Part::Size => size::run(),
        Part::Check => Ok(Section::default()),
    }
}

fn render(facts: &str, sections: Vec<Section>) -> Result<String, String> {
    let mut text = String::from("# What a session check costs\n\n");
    text.push_str(&format!("Written by `cargo xtask bench`. {facts}\n\n"));
    text.push_str(&format!("Compared: {}.\n\n", machine::versions()?));
    text.push_str(&section::goals(&sections).text);
    for section in sections {
        text.push_str(&section.text);
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn as_child(child: Child) -> Result<(), String> {
    match child {
        Child::Row { row, requests } => request::callgrind::child(row, requests),
        Child::Nanos {
            rounds,
            requests,
            subscriber,
            rows,
        } => request::nanos_child(rounds, requests, subscriber, &rows),
        Child::Scale { store, sessions } => scale::child(store, sessions),
        Child::Serve { app, core } => sockets::serve(app, core),
        Child::Open(work) => open::clients(work),
    }
}
