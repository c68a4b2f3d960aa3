//! The paths that a piece of Rust text names, with grouped imports taken apart.

use crate::source::is_word;

/// One path, such as `crate::session::Source`, and where it starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) at: usize,
    pub(crate) segments: Vec<String>,
    /// What an import calls it: its last segment, or the word after `as`.
    pub(crate) name: String,
}

/// Every path in masked text that starts with one of these words.
pub(crate) fn paths_from(masked: &str, starts: &[&str]) -> Vec<Named> {
    let mut found = Vec::new();
    for start in starts {
        for (at, _) in masked.match_indices(start) {
            let before = masked.get(..at).unwrap_or_default();
            let after = masked.get(at + start.len()..).unwrap_or_default();
            let inside = before.ends_with(is_word) || before.trim_end().ends_with("::");
            if !inside && after.trim_start().starts_with("::") {
                found.extend(tree_at(masked, at));
            }
        }
    }
    found
}

/// Every path that `pub use` gives on to others.
pub(crate) fn exports(masked: &str) -> Vec<Named> {
    const WORDS: &str = "pub use ";
    masked
        .match_indices(WORDS)
        .flat_map(|(at, _)| tree_at(masked, at + WORDS.len()))
        .collect()
}

fn tree_at(masked: &str, at: usize) -> Vec<Named> {
    let mut reader = Reader {
        text: masked,
        at,
        found: Vec::new(),
    };
    reader.tree(&mut Vec::new());
    reader.found
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn word(&mut self) -> Option<String> {
        self.eat("");
        self.eat("r#");
        let rest = self.rest();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = rest.get(..end)?.to_owned();
        self.at += word.len();
        (!word.is_empty()).then_some(word)
    }

    /// Reads `a::b`, `a::{b, c::d}`, `a::*` or `a as b`, below the path that stands so far.
    fn tree(&mut self, path: &mut Vec<String>) {
        let depth = path.len();
        self.eat("");
        let at = self.at;
        loop {
            if self.eat("{") {
                while !self.eat("}") {
                    let before = self.at;
                    self.tree(path);
                    self.eat(",");
                    if self.at == before {
                        break;
                    }
                }
                break;
            }
            let word = if self.eat("*") {
                Some("*".to_owned())
            } else {
                self.word()
            };
            let Some(word) = word else { break };
            path.push(word);
            if !self.eat("::") {
                self.leaf(at, path);
                break;
            }
        }
        path.truncate(depth);
    }

    fn leaf(&mut self, at: usize, path: &[String]) {
        let before = self.at;
        let renamed = if self.eat("as ") { self.word() } else { None };
        if renamed.is_none() {
            self.at = before;
        }
        self.found.push(Named {
            at,
            segments: path.to_vec(),
            name: renamed.or_else(|| path.last().cloned()).unwrap_or_default(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        paths_from(text, &["crate", "super"])
            .into_iter()
            .map(|named| named.segments.join("::"))
            .collect()
    }

    #[test]
    fn plain_and_inline_paths_are_read() {
        assert_eq!(shown("use crate::a::B;"), ["crate::a::B"]);
        assert_eq!(shown("let x = crate::a::b(1);"), ["crate::a::b"]);
        assert_eq!(shown("$crate::a!()"), ["crate::a"]);
        assert_eq!(shown("use super::super::a;"), ["super::super::a"]);
    }

    #[test]
    fn groups_are_taken_apart_over_lines() {
        assert_eq!(
            shown("use crate::{\n    a::{B, self},\n    c,\n};"),
            ["crate::a::B", "crate::a::self", "crate::c"]
        );
        assert_eq!(
            shown("use {crate::a, super::b as c};"),
            ["crate::a", "super::b"]
        );
        assert_eq!(shown("use crate::a::*;"), ["crate::a::*"]);
    }

    #[test]
    fn visibility_and_other_words_are_no_paths() {
        assert_eq!(
            shown("pub(crate) fn a() {} pub(in super) fn b() {}"),
            [""; 0]
        );
        assert_eq!(shown("my_crate::a; other::super::b"), [""; 0]);
    }

    #[test]
    fn exports_keep_the_name_others_see() {
        let names: Vec<String> = exports("pub use session::{Layer, Source as From};\nuse a::B;")
            .into_iter()
            .map(|named| format!("{} = {}", named.name, named.segments.join("::")))
            .collect();
        assert_eq!(names, ["Layer = session::Layer", "From = session::Source"]);
    }

    #[test]
    fn broken_text_ends_the_reading() {
        assert_eq!(shown("use crate::{a, ]"), ["crate::a"]);
        assert_eq!(shown("use crate::"), [""; 0]);
    }
}
