//! How `docs/invariants.md` looks.

use crate::invariants::list::{Kind, List};
use crate::invariants::scan::Tests;

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

pub(crate) fn render(list: &List, tests: &Tests) -> String {
    let mut page = OPENING.to_owned();
    for (kind, heading) in [(Kind::Law, LAWS), (Kind::Nuance, NUANCES)] {
        page.push_str(heading);
        for entry in list.of(kind) {
            page.push_str(&format!(
                "\n**{kind}{}.** {}\n",
                entry.number, entry.sentence
            ));
            let mut lines: Vec<String> = tests
                .of(kind, entry.number)
                .into_iter()
                .map(|(path, names)| format!("- [{path}](../{path}): `{}`\n", names.join("`, `")))
                .collect();
            lines.extend(
                entry
                    .later
                    .iter()
                    .map(|later| format!("- Later: {later}\n")),
            );
            if lines.is_empty() {
                lines.push("- No test yet.\n".to_owned());
            }
            page.push('\n');
            page.extend(lines);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_shows_its_tests_or_what_it_waits_for() {
        let list = List::parse(
            "[[law]]\nnumber = 1\nsentence = \"One.\"\n[[law]]\nnumber = 2\nsentence = \"Two.\"\n\
             later = \"needs a browser\"\n[[nuance]]\nnumber = 1\nsentence = \"Fine.\"\n",
        )
        .unwrap();
        let mut tests = Tests::default();
        tests.scan("crates/a.rs", "fn l01_a() {} fn l01_b() {}");
        let page = render(&list, &tests);
        assert!(
            page.contains("\n**L1.** One.\n\n- [crates/a.rs](../crates/a.rs): `l01_a`, `l01_b`\n")
        );
        assert!(page.contains("\n**L2.** Two.\n\n- Later: needs a browser\n"));
        assert!(page.ends_with("\n**N1.** Fine.\n\n- No test yet.\n"));
    }
}
