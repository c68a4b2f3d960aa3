//! `docs/invariants.md`: each law and each nuance, with the tests that name it.
//!
//! The sentences are written by hand in `docs/invariants.toml`. The tests are found by their names: `l07_…`
//! for a law, `n07_…` for a nuance; those in scripts by `"L7: …"` and `"N7: …"`.

mod list;
mod page;
mod scan;

use std::fs;

use crate::error::{Error, Finding, Result, report};
use crate::files;
use crate::invariants::list::List;
use crate::invariants::scan::Tests;
use crate::source;
use crate::workspace::Workspace;

const LIST: &str = "docs/invariants.toml";
const PAGE: &str = "docs/invariants.md";

pub(crate) fn command(workspace: &Workspace, args: &[&str]) -> Result<()> {
    match args {
        [] => check(workspace),
        ["--write"] => write(workspace),
        _ => Err(Error::Usage(
            "usage: cargo xtask invariants [--write]".to_owned(),
        )),
    }
}

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let (list, tests) = read(workspace)?;
    let mut findings = gaps(&list, &tests);
    let page = fs::read_to_string(workspace.path(PAGE)).unwrap_or_default();
    if let Some(line) = first_difference(&page, &page::render(&list, &tests)) {
        let what = "is out of date: run `cargo xtask invariants --write` and commit the result";
        findings.push(Finding::new(PAGE, line, what));
    }
    report(findings)
}

/// Writes the page, and still tells what has no test: a page of gaps is no proof.
fn write(workspace: &Workspace) -> Result<()> {
    let (list, tests) = read(workspace)?;
    fs::write(workspace.path(PAGE), page::render(&list, &tests))
        .map_err(Error::io(format!("writing {PAGE}")))?;
    println!("wrote {PAGE}");
    report(gaps(&list, &tests))
}

fn read(workspace: &Workspace) -> Result<(List, Tests)> {
    let text = files::read(&workspace.path(LIST))?;
    let list = List::parse(&text).map_err(|why| Error::malformed(LIST, why))?;
    let mut tests = Tests::default();
    for file in files::read_all(workspace, &["rs"])? {
        tests.scan(&file.path, &source::mask(&file.text));
    }
    for file in files::read_all(workspace, &["mjs"])? {
        tests.scan_script(&file.path, &file.text);
    }
    Ok((list, tests))
}

/// Entries without a test that are not put off, and tests of numbers that do not exist.
fn gaps(list: &List, tests: &Tests) -> Vec<Finding> {
    let mut findings: Vec<Finding> = list
        .entries()
        .filter(|(kind, entry)| entry.later.is_none() && tests.of(*kind, entry.number).is_empty())
        .map(|(kind, entry)| {
            let what = format!(
                "{kind}{} has no test: name one `{}`, or say in `later` what it waits for",
                entry.number,
                kind.prefix(entry.number)
            );
            Finding::new(LIST, entry.line, what)
        })
        .collect();
    for test in tests.all() {
        if !list.has(test.kind, test.number) {
            let what = format!("`{}` names no entry of {LIST}", test.name);
            findings.push(Finding::new(&test.path, test.line, what));
        }
    }
    findings
}

fn first_difference(is: &str, should: &str) -> Option<usize> {
    if is == should {
        return None;
    }
    let same = is.lines().zip(should.lines()).take_while(|(a, b)| a == b);
    Some(same.count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::list::{Entry, Kind};

    const TOML: &str = "[[law]]\nnumber = 1\nsentence = \"One.\"\n\n[[law]]\nnumber = 2\nsentence = \"Two.\"\n\
        later = \"waits\"\n\n[[nuance]]\nnumber = 1\nsentence = \"Fine.\"\n";

    fn found(code: &str) -> Vec<String> {
        let mut tests = Tests::default();
        tests.scan("a.rs", &source::mask(code));
        let list = List::parse(TOML).unwrap();
        gaps(&list, &tests)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn an_entry_without_a_test_is_found_unless_put_off() {
        let found = found("fn n01_fine() {}");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("docs/invariants.toml:1: L1 has no test"),
            "{found:?}"
        );
        assert!(found[0].contains("`l01_…`"), "{found:?}");
    }

    #[test]
    fn a_test_of_an_unknown_number_is_found_where_it_stands() {
        let found = found("fn l01_a() {}\nfn n01_b() {}\nfn n02_c() {}");
        assert_eq!(
            found,
            ["a.rs:3: `n02_c` names no entry of docs/invariants.toml"]
        );
    }

    #[test]
    fn the_first_differing_line_is_told() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("", "a\n"), Some(1));
    }

    /// The sentences themselves: complete, numbered without a gap, one line each.
    #[test]
    fn the_list_of_the_repository_is_sound() {
        let workspace = Workspace::find().unwrap();
        let list = List::parse(&files::read(&workspace.path(LIST)).unwrap()).unwrap();
        assert_eq!((list.laws.len(), list.nuances.len()), (17, 53));
        let put_off = |entry: &&Entry| entry.later.is_some();
        let numbers: Vec<u32> = list.laws.iter().filter(put_off).map(|l| l.number).collect();
        assert_eq!(numbers, [15]);
        assert!(list.has(Kind::Nuance, 53));
    }
}
