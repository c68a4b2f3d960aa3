//! Reading Rust text line by line: which line is code, and which is part of a test.
//!
//! No parser is needed, since rustfmt decides where everything stands: a module starts and ends at the left margin.

use anyhow::Result;
use xshell::cmd;

use crate::chores::Chores;

/// A text file, with its path from the root.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Reads every file of the checkout that git knows or would take, and whose name ends in one of these.
pub(crate) fn files(chores: &Chores, endings: &[&str]) -> Result<Vec<File>> {
    let sh = &chores.sh;
    let listing = cmd!(sh, "git ls-files -co --exclude-standard")
        .quiet()
        .read()?;
    let mut files = Vec::new();
    for path in listing.lines() {
        // A file that was removed but not yet staged is still in git's list.
        if endings.iter().any(|ending| path.ends_with(ending)) && sh.path_exists(path) {
            files.push(File {
                path: path.to_owned(),
                text: sh.read_file(path)?,
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// A line that is neither blank nor a comment.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
    /// Whether it is part of a module that exists only for tests.
    pub(crate) in_tests: bool,
}

/// Returns the lines of code.
pub(crate) fn code(text: &str) -> Vec<Line<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut code = Vec::new();
    let mut tests_end = 0;
    for (index, line) in lines.iter().enumerate() {
        if index >= tests_end && is_for_tests(line) {
            tests_end = module_end(&lines, index).unwrap_or(tests_end);
        }
        let trimmed = line.trim_start();
        if !trimmed.is_empty() && !trimmed.starts_with("//") {
            code.push(Line {
                number: index + 1,
                text: line,
                in_tests: index < tests_end,
            });
        }
    }
    code
}

fn is_for_tests(line: &str) -> bool {
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test,")
}

/// Returns the line after a module's closing brace, if the attribute at `start` belongs to a module.
fn module_end(lines: &[&str], start: usize) -> Option<usize> {
    let rest = lines.get(start + 1..)?;
    let is_attribute = |line: &str| line.starts_with(['#', ' ', ')']);
    let item = rest.iter().find(|line| !is_attribute(line))?;
    let is_module = item.contains("mod ") && item.ends_with('{');
    let length = rest.iter().position(|line| *line == "}")?;
    is_module.then_some(start + 1 + length + 1)
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (usize, usize) {
        let code = code(text);
        let tests = code.iter().filter(|line| line.in_tests).count();
        (code.len() - tests, tests)
    }

    #[test]
    fn blanks_and_comments_are_no_code() {
        let text = "//! Docs.\n\nfn a() {\n    // why\n    b();\n}\n";
        assert_eq!(lines(text), (3, 0));
    }

    #[test]
    fn test_module_ends_at_its_brace() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(\n    x,\n)]\nmod t {\n    fn b() {\n    }\n}\nfn c() {}\n";
        assert_eq!(lines(text), (2, 8));
        let text = "#[cfg(all(test, shuttle))]\npub(crate) mod t {\n    fn b() {}\n}\n";
        assert_eq!(lines(text), (0, 4));
    }

    #[test]
    fn other_items_for_tests_are_code() {
        let text = "#[cfg(test)]\nmod t;\n#[cfg(test)]\nimpl A {\n}\n";
        assert_eq!(lines(text), (5, 0));
        assert_eq!(lines("#[cfg(not(test))]\nmod t {\n}\n"), (3, 0));
    }
}
