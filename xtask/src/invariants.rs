//! `docs/invariants.md`: each law and each nuance, with the tests that name it.
//!
//! The sentences are written by hand in `docs/invariants.toml`. The tests are found by their names: `l07_…`
//! for a law, `n07_…` for a nuance; those in scripts by `"L7: …"` and `"N7: …"`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::chores::{Chores, report};
use crate::source::{self, is_word};

const LIST: &str = "docs/invariants.toml";
const PAGE: &str = "docs/invariants.md";

const OPENING: &str = "\
# Invariants

What Dwell promises, and the tests that hold it to that. A test says in its name what it proves: `l07_…` belongs to
law 7, `n07_…` to nuance 7; in scripts they begin with `L7:` and `N7:`.

The sentences stand in [invariants.toml](invariants.toml); this page is written by `cargo xtask invariants --write`.
";

const LAWS: &str = "
## Laws

Each holds always. A violation is a vulnerability.
";

const NUANCES: &str = "
## Nuances

What is easily got wrong, collected from systems that do this job elsewhere.
";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    law: Vec<Entry>,
    nuance: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    number: u32,
    sentence: String,
    /// What an entry that cannot be tested yet waits for.
    later: Option<String>,
}

/// The names of the tests, by file, by kind (`l` or `n`) and number.
type Tests = BTreeMap<(char, u32), BTreeMap<String, BTreeSet<String>>>;

pub(crate) fn check(chores: &Chores) -> Result<()> {
    let (list, tests) = read(chores)?;
    let mut findings = gaps(&list, &tests);
    if chores.sh.read_file(PAGE)? != render(&list, &tests) {
        findings.push(format!(
            "{PAGE}: out of date; run `cargo xtask invariants --write` and commit the result"
        ));
    }
    report(findings)
}

/// Writes the page, and still reports what has no test: a page of gaps is no proof.
pub(crate) fn write(chores: &Chores) -> Result<()> {
    let (list, tests) = read(chores)?;
    chores.sh.write_file(PAGE, render(&list, &tests))?;
    println!("wrote {PAGE}");
    report(gaps(&list, &tests))
}

fn read(chores: &Chores) -> Result<(List, Tests)> {
    let list = parse(&chores.sh.read_file(LIST)?).context(LIST)?;
    let mut tests = Tests::new();
    for file in source::files(chores, &[".rs", ".mjs"])? {
        // The names in these chores are examples.
        if file.path.starts_with("xtask/") {
            continue;
        }
        let names = match file.path.ends_with(".rs") {
            true => in_rust(&file.text),
            false => in_script(&file.text),
        };
        for (entry, name) in names {
            let by_file = tests.entry(entry).or_default();
            by_file.entry(file.path.clone()).or_default().insert(name);
        }
    }
    Ok((list, tests))
}

fn parse(text: &str) -> Result<List> {
    let list: List = toml::from_str(text)?;
    for entries in [&list.law, &list.nuance] {
        for (entry, expected) in entries.iter().zip(1..) {
            ensure!(entry.number == expected, "`number` should be {expected}");
        }
    }
    Ok(list)
}

/// Every `fn l07_x`: the attribute is not asked for, since tests also come out of macros such as `proptest!`.
fn in_rust(text: &str) -> Vec<((char, u32), String)> {
    let lines = source::code(text).into_iter();
    let names = lines.flat_map(|line| line.text.split("fn ").skip(1));
    names
        .filter_map(|rest| {
            let name = rest.split(|c| !is_word(c)).next()?;
            let (head, _) = name.split_once('_')?;
            let digits = head
                .strip_prefix(['l', 'n'])
                .filter(|d| d.len() == 2 || (d.len() == 3 && !d.starts_with('0')))?;
            let entry = (name.chars().next()?, digits.parse().ok()?);
            Some((entry, name.to_owned()))
        })
        .collect()
}

/// Every string `"L7: x"`.
fn in_script(text: &str) -> Vec<((char, u32), String)> {
    let strings = text
        .lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2));
    strings
        .filter_map(|name| {
            let (head, _) = name.split_once(": ")?;
            let digits = head.strip_prefix(['L', 'N'])?;
            let kind = head.chars().next()?.to_ascii_lowercase();
            Some(((kind, digits.parse().ok()?), name.to_owned()))
        })
        .collect()
}

/// Returns the entries that have neither a test nor a reason to wait, and the tests of entries that do not exist.
fn gaps(list: &List, tests: &Tests) -> Vec<String> {
    let mut findings = Vec::new();
    let mut known = BTreeSet::new();
    for (kind, entries) in [('l', &list.law), ('n', &list.nuance)] {
        for entry in entries {
            let key = (kind, entry.number);
            known.insert(key);
            if entry.later.is_none() && !tests.contains_key(&key) {
                findings.push(format!(
                    "{LIST}: {kind}{:02} has no test; name one so, or say in `later` what it waits for",
                    entry.number
                ));
            }
        }
    }
    for (_, files) in tests.iter().filter(|(key, _)| !known.contains(key)) {
        for (path, names) in files {
            findings.push(format!("{path}: {names:?} name no entry of {LIST}"));
        }
    }
    findings
}

fn render(list: &List, tests: &Tests) -> String {
    let mut page = OPENING.to_owned();
    for (kind, heading, entries) in [('l', LAWS, &list.law), ('n', NUANCES, &list.nuance)] {
        page.push_str(heading);
        for entry in entries {
            let Entry {
                number,
                sentence,
                later,
            } = entry;
            let letter = kind.to_ascii_uppercase();
            let _ = writeln!(page, "\n**{letter}{number}.** {sentence}\n");
            for (path, names) in tests.get(&(kind, *number)).into_iter().flatten() {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let _ = writeln!(page, "- [{path}](../{path}): `{}`", names.join("`, `"));
            }
            if let Some(later) = later {
                let _ = writeln!(page, "- Later: {later}");
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "[[law]]\nnumber = 1\nsentence = \"One.\"\n[[law]]\nnumber = 2\nsentence = \"Two.\"\n\
        later = \"needs a browser\"\n[[nuance]]\nnumber = 1\nsentence = \"Fine.\"\n";

    fn tests(text: &str) -> Tests {
        let mut tests = Tests::new();
        for (entry, name) in in_rust(text) {
            let by_file = tests.entry(entry).or_default();
            by_file.entry("a.rs".to_owned()).or_default().insert(name);
        }
        tests
    }

    #[test]
    fn only_agreed_form_names_an_entry() {
        let text = "async fn l01_a() {}\nproptest! { fn n53_b(x in 0..9u8) {} }\n// fn l02_c() {}\n\
            fn l1_x() {}\nfn l001_x() {}\nfn m01_x() {}\nfn l01() {}\nfn lxx_y() {}\nfn new_x() {}\nfn n100_z() {}\n";
        let found: Vec<_> = in_rust(text).into_iter().map(|(entry, _)| entry).collect();
        assert_eq!(found, [('l', 1), ('n', 53), ('n', 100)]);

        let script =
            "test(\"N43: waking up\", () => {\n  say(\"Note: x\", \"N: y\", \"L14: cut\");";
        let found: Vec<_> = in_script(script)
            .into_iter()
            .map(|(entry, _)| entry)
            .collect();
        assert_eq!(found, [('n', 43), ('l', 14)]);
    }

    #[test]
    fn entry_without_test_and_test_without_entry_are_found() {
        let list = parse(TOML).unwrap();
        let found = gaps(&list, &tests("fn n01_fine() {}\nfn n02_c() {}"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("l01 has no test"), "{found:?}");
        assert!(found[1].contains("n02_c"), "{found:?}");
    }

    #[test]
    fn entry_shows_its_tests_or_what_it_waits_for() {
        let list = parse(TOML).unwrap();
        let page = render(&list, &tests("fn l01_b() {} fn l01_a() {}"));
        assert!(page.contains("\n**L1.** One.\n\n- [a.rs](../a.rs): `l01_a`, `l01_b`\n"));
        assert!(page.contains("\n**L2.** Two.\n\n- Later: needs a browser\n"));
    }

    #[test]
    fn numbers_count_up() {
        assert!(parse(&TOML.replacen("number = 2", "number = 3", 1)).is_err());
        assert!(parse(&TOML.replace("later", "latr")).is_err());
    }
}
