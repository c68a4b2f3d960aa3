//! Reading Rust text without parsing it: what is code, what is comment, what is test.
//!
//! The checks look for words, and a word in a comment or a string is not code. So every check works on a
//! *masked* copy: comments become spaces, what stands inside quotes becomes quotes, and lines stay where they are.

use std::ops::RangeInclusive;

/// The text with comments blanked and literals filled in; same number of lines.
pub(crate) fn mask(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut masked = Masked {
        out: String::with_capacity(source.len()),
        at: 0,
        chars: &chars,
    };
    masked.run();
    masked.out
}

struct Masked<'a> {
    chars: &'a [char],
    at: usize,
    out: String,
}

impl Masked<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    /// Copies `count` characters, or writes `filler` in their place; line ends always stay.
    fn take(&mut self, count: usize, filler: Option<char>) {
        for _ in 0..count {
            let Some(c) = self.peek(0) else { return };
            self.out.push(match filler {
                Some(filler) if c != '\n' => filler,
                _ => c,
            });
            self.at += 1;
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('/')) => self.take(self.until('\n'), Some(' ')),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('\'', Some('\\')) => self.escaped_char(),
                ('\'', Some(_)) if self.peek(2) == Some('\'') => self.take(3, Some('"')),
                _ if is_word(c) => self.word(),
                _ => self.take(1, None),
            }
        }
    }

    fn until(&self, end: char) -> usize {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        rest.iter().position(|&c| c == end).unwrap_or(rest.len())
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => {
                    depth += 1;
                    self.take(2, Some(' '));
                }
                ('*', Some('/')) => {
                    depth -= 1;
                    self.take(2, Some(' '));
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.take(1, Some(' ')),
            }
        }
    }

    fn string(&mut self) {
        self.take(1, Some('"'));
        while let Some(c) = self.peek(0) {
            match c {
                '\\' => self.take(2, Some('"')),
                '"' => return self.take(1, Some('"')),
                _ => self.take(1, Some('"')),
            }
        }
    }

    fn escaped_char(&mut self) {
        // Past the quote, the backslash and what it escapes, so that `'\''` does not end early.
        self.take(3, Some('"'));
        let rest = self.until('\'') + 1;
        self.take(rest, Some('"'));
    }

    /// A word, or the prefix of a raw string.
    fn word(&mut self) {
        let length = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|&&c| is_word(c))
            .count();
        let word: String = self.chars.iter().skip(self.at).take(length).collect();
        self.take(length, None);
        if !matches!(word.as_str(), "r" | "br" | "cr") {
            return;
        }
        let hashes = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|&&c| c == '#')
            .count();
        if self.peek(hashes) != Some('"') {
            return;
        }
        self.take(hashes + 1, Some('"'));
        while self.peek(0).is_some() {
            let closes = self.peek(0) == Some('"')
                && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                return self.take(hashes + 1, Some('"'));
            }
            self.take(1, Some('"'));
        }
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line (from 1) in which this byte stands.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    1 + text
        .bytes()
        .take(byte)
        .filter(|&byte| byte == b'\n')
        .count()
}

/// Where `needle` stands as a word of its own at its left edge: `my_todo!` holds no `todo!`.
pub(crate) fn occurrences<'a>(
    masked: &'a str,
    needle: &'a str,
) -> impl Iterator<Item = usize> + 'a {
    masked
        .match_indices(needle)
        .map(|(at, _)| at)
        .filter(move |&at| {
            !needle.starts_with(is_word)
                || !masked
                    .get(..at)
                    .is_some_and(|before| before.ends_with(is_word))
        })
}

/// The lines of every module that exists only for tests, in masked text.
pub(crate) fn test_modules(masked: &str) -> Vec<RangeInclusive<usize>> {
    occurrences(masked, "#[cfg(")
        .filter_map(|at| {
            let rest = masked.get(at + "#[cfg(".len()..)?;
            let (condition, rest) = split_balanced(rest, '(', ')')?;
            let item = rest.trim_start().strip_prefix(']')?;
            let body = module_body(item).filter(|_| needs_test(condition))?;
            let (_, after) = split_balanced(body, '{', '}')?;
            let end = masked.len() - after.len();
            Some(line_at(masked, at)..=line_at(masked, end.saturating_sub(1)))
        })
        .collect()
}

/// Whether a `cfg` condition can hold in tests only.
fn needs_test(condition: &str) -> bool {
    let condition = condition.trim();
    if condition == "test" {
        return true;
    }
    let Some(all) = condition.strip_prefix("all(") else {
        return false;
    };
    all.trim_end_matches(')')
        .split(',')
        .any(|part| part.trim() == "test")
}

/// What follows the opening brace, when the text is (attributes and) `mod name {`.
fn module_body(item: &str) -> Option<&str> {
    let mut rest = item.trim_start();
    while let Some(attribute) = rest.strip_prefix("#[") {
        rest = split_balanced(attribute, '[', ']')?.1.trim_start();
    }
    if let Some(public) = rest.strip_prefix("pub") {
        rest = public.trim_start();
        if let Some(scope) = rest.strip_prefix('(') {
            rest = split_balanced(scope, '(', ')')?.1.trim_start();
        }
    }
    rest.strip_prefix("mod ")?
        .trim_start()
        .trim_start_matches(is_word)
        .trim_start()
        .strip_prefix('{')
}

/// Splits after the bracket that closes one opened just before `text`.
pub(crate) fn split_balanced(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let mut depth = 1_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return text
                    .split_at_checked(at)
                    .and_then(|(inside, rest)| Some((inside, rest.strip_prefix(close)?)));
            }
        }
    }
    None
}

/// The lines that count: neither blank, nor comment, nor in a module for tests.
pub(crate) fn code_lines(masked: &str) -> usize {
    let tests = test_modules(masked);
    masked
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .filter(|(index, _)| !tests.iter().any(|lines| lines.contains(&(index + 1))))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blank_and_lines_stay() {
        let masked = mask("a // todo!(\n/* x\n/* y */ z */ b\n/// doc\n");
        assert!(!masked.contains("todo"));
        assert_eq!(masked.lines().count(), 4);
        assert_eq!(masked.split_whitespace().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn literals_are_filled_whatever_their_form() {
        for literal in [
            r#""x\"x""#,
            r##"r#"x"x"#"##,
            r##"br#"x{"#"##,
            r#"b"x""#,
            r"'x'",
            r"'\''",
            r"'\u{78}'",
            "\"x // \nx\"",
        ] {
            let masked = mask(&format!("({literal}, end)"));
            assert!(!masked.contains('x'), "{literal}: {masked}");
            assert!(masked.ends_with(", end)"), "{literal}: {masked}");
        }
    }

    #[test]
    fn lifetimes_and_raw_words_are_not_literals() {
        let code = "fn f<'a>(r#type: &'a str, r: u8) -> &'static str { r#type }";
        assert_eq!(mask(code), code);
    }

    #[test]
    fn a_needle_must_start_a_word() {
        assert_eq!(occurrences("my_todo!( todo!(", "todo!(").count(), 1);
        assert_eq!(occurrences("x#[ignore]", "#[ignore").count(), 1);
    }

    #[test]
    fn code_lines_leave_out_blanks_comments_and_tests() {
        let text = "//! Docs.\n\nfn a() {\n    // why\n    b();\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn c() { '}' }\n}\n";
        assert_eq!(code_lines(&mask(text)), 3);
    }

    #[test]
    fn strings_over_several_lines_are_code() {
        assert_eq!(
            code_lines(&mask("const A: &str = \"one\n// two\nthree\";\n")),
            3
        );
    }

    #[test]
    fn test_modules_are_found_in_every_dress() {
        for (text, found) in [
            ("#[cfg(test)]\nmod t {\n}\n", true),
            ("#[cfg(all(test, shuttle))]\nmod t {\n}\n", true),
            ("#[cfg(test)]\n#[allow(x)]\npub(crate) mod t { }", true),
            ("#[cfg(any(test, feature = \"x\"))]\nmod t {\n}\n", false),
            ("#[cfg(not(test))]\nmod t {\n}\n", false),
            ("#[cfg(test)]\nmod t;\n", false),
            ("#[cfg(test)]\nuse x;\nfn a() {}\n", false),
        ] {
            assert_eq!(!test_modules(&mask(text)).is_empty(), found, "{text}");
        }
    }

    #[test]
    fn a_test_module_covers_its_attribute_and_its_closing_brace() {
        let text = "fn a() {}\n#[cfg(test)]\nmod t {\n    fn b() {}\n}\nfn c() {}\n";
        assert_eq!(test_modules(&mask(text)), [2..=5]);
    }
}
