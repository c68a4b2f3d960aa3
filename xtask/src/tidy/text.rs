//! Rules that one file alone can keep or break.

use crate::error::Finding;
use crate::files::TextFile;
use crate::source::{code_lines, line_at, occurrences, test_modules};
use crate::tidy::RustFile;

const MAX_CODE_LINES: usize = 300;

/// Left-overs, wherever they stand. In masked text, so these very strings are not found.
const LEFT_OVER: [(&str, &str); 3] = [
    ("#[ignore", "no `#[ignore]`: mend the test or delete it"),
    ("todo!(", "no `todo!`: finish it or leave it out"),
    (
        "unimplemented!(",
        "no `unimplemented!`: finish it or leave it out",
    ),
];

/// Plays people before real servers: they click, read for a while, and click
/// again. Its tests look at what they recorded, and do not sleep themselves.
const LOAD_GENERATOR: &str = "tests/faults/src/";

const SLEEPS: [&str; 2] = ["thread::sleep", "time::sleep("];

pub(crate) fn check(file: &RustFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.text.starts_with("//!") {
        findings.push(Finding::new(
            &file.path,
            1,
            "the first line is no `//!`: every file opens by saying what it is for",
        ));
    }
    let lines = code_lines(&file.masked);
    if lines > MAX_CODE_LINES {
        findings.push(Finding::new(
            &file.path,
            1,
            format!("{lines} code lines, at most {MAX_CODE_LINES}: split it by subject"),
        ));
    }
    for (needle, rule) in LEFT_OVER {
        for at in occurrences(&file.masked, needle) {
            findings.push(Finding::new(&file.path, line_at(&file.masked, at), rule));
        }
    }
    findings.extend(sleeps(file));
    findings
}

fn sleeps(file: &RustFile) -> Vec<Finding> {
    let modules = test_modules(&file.masked);
    let all = is_test_file(&file.path);
    SLEEPS
        .iter()
        .flat_map(|needle| occurrences(&file.masked, needle))
        .map(|at| line_at(&file.masked, at))
        .filter(|line| all || modules.iter().any(|lines| lines.contains(line)))
        .map(|line| {
            let rule = "tests do not sleep: drive a `ManualClock`, or wait for the event itself";
            Finding::new(&file.path, line, rule)
        })
        .collect()
}

/// `crates/x/tests/…`, `tests/…`, and `src/…/tests.rs`, the test module with a file of its own.
fn is_test_file(path: &str) -> bool {
    let is_test = |part| part == "tests" || part == "tests.rs";
    path.split('/').any(is_test) && !path.starts_with(LOAD_GENERATOR)
}

/// Home folders of whoever wrote the line.
pub(crate) fn machine_paths(file: &TextFile) -> Vec<Finding> {
    // Put together here, so that this file does not find itself.
    let needles = [concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for needle in needles.iter().filter(|needle| line.contains(**needle)) {
            let rule = format!("`{needle}…` is a path of somebody's machine");
            findings.push(Finding::new(&file.path, index + 1, rule));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = RustFile::from(TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        });
        check(&file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_clean_file_has_no_finding() {
        let text =
            "//! Docs.\n\n/// Calls no `todo!()`.\nfn a() -> &'static str {\n    \"todo!()\"\n}\n";
        assert_eq!(found("crates/x/src/a.rs", text), [""; 0]);
    }

    #[test]
    fn a_file_opens_with_its_docs() {
        for text in [
            "",
            "\n//! Late.\n",
            "#![no_main]\n//! Late.\n",
            "// plain\n",
        ] {
            let found = found("fuzz/fuzz_targets/a.rs", text);
            assert!(
                found[0].starts_with("fuzz/fuzz_targets/a.rs:1: the first line"),
                "{text}"
            );
        }
    }

    #[test]
    fn the_301st_code_line_is_one_too_many() {
        let code = |lines: usize| {
            format!(
                "//! Docs.\n\n{}",
                "const A: u8 = 0;\n// why\n".repeat(lines)
            )
        };
        let tests = "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
        assert!(found("a.rs", &(code(300) + tests)).is_empty());
        let found = found("a.rs", &code(301));
        assert!(found[0].starts_with("a.rs:1: 301 code lines"), "{found:?}");
    }

    #[test]
    fn left_overs_are_found_at_their_line() {
        let found = found(
            "a.rs",
            "//! Docs.\nfn a() { todo!() }\n#[ignore = \"slow\"]\nfn b() { unimplemented!(\"b\") }\n",
        );
        let lines: Vec<&str> = found.iter().filter_map(|f| f.split(": ").next()).collect();
        assert_eq!(lines, ["a.rs:3", "a.rs:2", "a.rs:4"]);
    }

    #[test]
    fn only_tests_may_not_sleep() {
        let sleeping = "//! Docs.\nfn a() { tokio::time::sleep(d); }\n";
        assert!(found("crates/x/src/a.rs", sleeping).is_empty());
        assert!(found("tests/faults/src/user.rs", sleeping).is_empty());
        for path in [
            "tests/faults/tests/a.rs",
            "crates/x/tests/a.rs",
            "tests/src/a.rs",
            "crates/x/src/a/tests.rs",
        ] {
            assert_eq!(found(path, sleeping).len(), 1, "{path}");
        }
        let module =
            "//! Docs.\n#[cfg(test)]\nmod tests {\n    fn a() { std::thread::sleep(d) }\n}\n";
        assert!(found("crates/x/src/a.rs", module)[0].starts_with("crates/x/src/a.rs:4:"));
    }

    #[test]
    fn machine_paths_are_found_even_in_comments() {
        let line = concat!("// see /ho", "me/me/notes and /Us", "ers/me\n");
        let file = TextFile {
            path: "README.md".to_owned(),
            text: format!("fine\n{line}"),
        };
        let found = machine_paths(&file);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|finding| finding.line == 2));
    }
}
