//! `cargo xtask tidy`: the house rules that no tool checks. CONTRIBUTING.md gives the reason for each.

mod arrows;

use anyhow::Result;

use crate::chores::{Chores, report};
use crate::source::{self, File, code};

const MAX_CODE_LINES: usize = 300;

/// What no file may contain. Put together here, so that this file does not find itself.
const BANNED_TEXT: [(&str, &str); 3] = [
    (concat!("/ho", "me/"), "is a path of somebody's machine"),
    (concat!("/Us", "ers/"), "is a path of somebody's machine"),
    (
        concat!("#[ign", "ore"),
        "hides a test: mend it or delete it",
    ),
];

/// What a test may not call. Clippy bans `std::thread::sleep` everywhere.
const SLEEP: &str = "time::sleep(";

/// Plays people before real servers: they click, read for a while, and click
/// again. Its tests look at what they recorded, and do not sleep themselves.
const LOAD_GENERATOR: &str = "tests/faults/src/";

pub(crate) fn check(chores: &Chores) -> Result<()> {
    let files = source::files(chores, &[".rs", ".md", ".toml"])?;
    let is_rust = |file: &&File| file.path.ends_with(".rs");
    let mut findings: Vec<String> = files.iter().flat_map(banned_text).collect();
    findings.extend(files.iter().filter(is_rust).flat_map(shape));
    findings.extend(arrows::check(chores, &files)?);
    report(findings)
}

fn banned_text(file: &File) -> Vec<String> {
    let mut findings = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        for (text, why) in BANNED_TEXT.iter().filter(|(text, _)| line.contains(text)) {
            findings.push(format!("{}:{number}: `{text}` {why}", file.path));
        }
    }
    findings
}

/// How a Rust file looks: how it opens, how long it is, and that its tests do not sleep.
fn shape(file: &File) -> Vec<String> {
    let path = &file.path;
    let lines = code(&file.text);
    let mut findings = Vec::new();
    if !file.text.starts_with("//!") {
        findings.push(format!(
            "{path}:1: does not open with a `//!` that says what it is for"
        ));
    }
    let count = lines.iter().filter(|line| !line.in_tests).count();
    if count > MAX_CODE_LINES {
        findings.push(format!(
            "{path}:1: {count} code lines, at most {MAX_CODE_LINES}: split it by subject"
        ));
    }
    let is_test = path
        .split('/')
        .any(|part| part == "tests" || part == "tests.rs");
    let is_test = is_test && !path.starts_with(LOAD_GENERATOR);
    for line in lines.iter().filter(|line| is_test || line.in_tests) {
        if line.text.contains(SLEEP) && !path.starts_with("xtask/") {
            findings.push(format!(
                "{path}:{}: a test sleeps: drive a `ManualClock`, or wait for the event itself",
                line.number
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn file_opens_with_its_docs() {
        assert!(shape(&file("a.rs", "//! Docs.\n")).is_empty());
        for text in [
            "",
            "\n//! Late.\n",
            "#![no_main]\n//! Late.\n",
            "// plain\n",
        ] {
            assert_eq!(shape(&file("a.rs", text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn tests_do_not_count_as_code_lines() {
        let code = |lines| format!("//! Docs.\n{}", "const A: u8 = 0;\n// why\n".repeat(lines));
        let tests = "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n";
        assert!(shape(&file("a.rs", &(code(300) + tests))).is_empty());
        let found = shape(&file("a.rs", &code(301)));
        assert!(found[0].starts_with("a.rs:1: 301 code lines"), "{found:?}");
    }

    #[test]
    fn only_tests_may_not_sleep() {
        let sleeping = "//! Docs.\nfn a() { tokio::time::sleep(d); }\n";
        for path in ["crates/x/src/a.rs", "tests/faults/src/user.rs"] {
            assert!(shape(&file(path, sleeping)).is_empty(), "{path}");
        }
        for path in [
            "crates/x/tests/a.rs",
            "tests/src/a.rs",
            "crates/x/src/a/tests.rs",
        ] {
            assert_eq!(shape(&file(path, sleeping)).len(), 1, "{path}");
        }
        let module = "//! Docs.\n#[cfg(test)]\nmod tests {\n    fn a() { time::sleep(d) }\n}\n";
        let found = shape(&file("crates/x/src/a.rs", module));
        assert!(found[0].starts_with("crates/x/src/a.rs:4:"), "{found:?}");
    }

    #[test]
    fn banned_text_is_found_even_in_comments() {
        let text = concat!("fine\n// see /ho", "me/me/notes and /Us", "ers/me\n");
        let found = banned_text(&file("README.md", text));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("README.md:2:"), "{found:?}");
    }
}
