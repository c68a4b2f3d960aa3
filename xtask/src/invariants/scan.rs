//! Finding the tests by their names.

use std::collections::BTreeMap;

use crate::invariants::list::Kind;
use crate::source::{is_word, line_at, occurrences};

/// A test that names a law or a nuance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Test {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) line: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Tests {
    found: Vec<Test>,
}

impl Tests {
    /// Adds the tests of one file, given its masked text.
    ///
    /// The attribute is not asked for: tests also come out of macros such as `proptest!`, and no other function
    /// has a reason to bear such a name.
    pub(crate) fn scan(&mut self, path: &str, masked: &str) {
        for at in occurrences(masked, "fn ") {
            let rest = masked
                .get(at + "fn ".len()..)
                .unwrap_or_default()
                .trim_start();
            let name = rest.get(..rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            let Some((name, (kind, number))) = name.and_then(|name| Some((name, read(name)?)))
            else {
                continue;
            };
            self.found.push(Test {
                kind,
                number,
                path: path.to_owned(),
                name: name.to_owned(),
                line: line_at(masked, at),
            });
        }
    }

    /// Adds the tests of a script, whose names are sentences: `"N43: …"`.
    pub(crate) fn scan_script(&mut self, path: &str, text: &str) {
        for (line, code) in (1..).zip(text.lines()) {
            for name in code.split('"').skip(1).step_by(2) {
                if let Some((kind, number)) = read_sentence(name) {
                    self.found.push(Test {
                        kind,
                        number,
                        path: path.to_owned(),
                        name: name.to_owned(),
                        line,
                    });
                }
            }
        }
    }

    pub(crate) fn all(&self) -> &[Test] {
        &self.found
    }

    /// The names of an entry's tests, by file, both in order.
    pub(crate) fn of(&self, kind: Kind, number: u32) -> BTreeMap<&str, Vec<&str>> {
        let mut by_path: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for test in &self.found {
            if (test.kind, test.number) == (kind, number) {
                by_path.entry(&test.path).or_default().push(&test.name);
            }
        }
        for names in by_path.values_mut() {
            names.sort_unstable();
            names.dedup();
        }
        by_path
    }
}

/// `l07_x` is of law 7, `n53_x` of nuance 53.
fn read(name: &str) -> Option<(Kind, u32)> {
    let (head, tail) = name.split_once('_')?;
    let kind = [Kind::Law, Kind::Nuance]
        .into_iter()
        .find(|kind| head.starts_with(kind.letter()))?;
    let digits = head.get(1..).filter(|digits| digits.len() == 2)?;
    let number = digits.parse().ok()?;
    (!tail.is_empty()).then_some((kind, number))
}

/// `L14: x` is of law 14, `N5: x` of nuance 5.
fn read_sentence(name: &str) -> Option<(Kind, u32)> {
    let (head, tail) = name.split_once(": ")?;
    let (letter, digits) = head.split_at_checked(1)?;
    let kind = [Kind::Law, Kind::Nuance]
        .into_iter()
        .find(|kind| letter == kind.letter().to_ascii_uppercase().to_string())?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = all_digits.then(|| digits.parse().ok())??;
    (!tail.is_empty()).then_some((kind, number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::mask;

    #[test]
    fn only_the_agreed_form_names_an_entry() {
        assert_eq!(read("l01_deadline"), Some((Kind::Law, 1)));
        assert_eq!(read("n53_host_bits"), Some((Kind::Nuance, 53)));
        for other in [
            "l1_x", "l001_x", "m01_x", "l01", "l01_", "lxx_y", "new_x", "nn1_x",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn tests_are_grouped_by_file_and_sorted() {
        let mut tests = Tests::default();
        tests.scan("b.rs", "async fn l01_b() {}\nfn l01_a() {}\nfn n02_c() {}");
        tests.scan("a.rs", "proptest! { #[test] fn l01_z(x in 0..9u8) {} }");
        let of = tests.of(Kind::Law, 1);
        assert_eq!(
            of.into_iter().collect::<Vec<_>>(),
            [("a.rs", vec!["l01_z"]), ("b.rs", vec!["l01_a", "l01_b"])]
        );
        assert!(tests.of(Kind::Law, 2).is_empty());
    }

    #[test]
    fn a_script_names_its_tests_by_sentences() {
        let mut tests = Tests::default();
        tests.scan_script(
            "a.mjs",
            "test(\"N43: waking up\", async () => {\n  say(\"Note: x\", \"N: y\", \"L14: cut\");",
        );
        let found: Vec<_> = tests
            .all()
            .iter()
            .map(|t| (t.kind, t.number, t.line))
            .collect();
        assert_eq!(found, [(Kind::Nuance, 43, 1), (Kind::Law, 14, 2)]);
    }

    #[test]
    fn comments_and_strings_are_no_tests() {
        let mut tests = Tests::default();
        tests.scan(
            "a.rs",
            &mask("// fn l01_a() {}\nconst A: &str = \"fn l01_a\";"),
        );
        assert!(tests.all().is_empty());
    }
}
