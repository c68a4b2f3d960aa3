//! Compares the instructions that Dwell adds to a request with the committed
//! baseline: CI fails when they have grown.

use std::fmt::Write as _;

use crate::contenders::dwell;
use crate::machine;
use crate::request::callgrind;

/// What is compared, and the row that each is read over. The compiler and the
/// processor's choice of `memcpy` meet both alike, so that the difference
/// tells of Dwell.
const ROWS: [(&str, &str); 5] = [
    ("dwell", "no-op"),
    ("dwell-passive", "no-op"),
    ("dwell-touch", "no-op"),
    ("plain-dwell", "plain-no-op"),
    ("plain-dwell-passive", "plain-no-op"),
];

/// The growth that is allowed.
const ALLOWED: f64 = 0.05;

const HEADER: &str = "\
# Instructions that the full stack adds to a request, by callgrind: those of
# the row less those of the row whose layer does nothing, both counted in one
# run, without SHA-256 (which valgrind runs in software).
#
# Renewed by `cargo xtask bench check --write`. A change that adds more than
# 5 % fails in CI; if it is worth it, renew this file and say why.

";

/// Counts and compares, or counts and writes.
pub fn run(write: bool) -> Result<(), String> {
    dwell::verify()?;
    let mut counted = Vec::new();
    for (row, over) in ROWS {
        let row_count = callgrind::instructions(row)?.without_sha;
        let reference = callgrind::instructions(over)?.without_sha;
        counted.push((row, row_count - reference));
    }
    let file = machine::folder()?.join("baseline.toml");
    if write {
        let text = render(&counted);
        let written = std::fs::write(&file, text);
        return written.map_err(|e| format!("{}: {e}", file.display()));
    }
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let verdict = compare(&text, &counted)?;
    print!("{}", verdict.text);
    match verdict.grown {
        0 => Ok(()),
        grown => Err(format!(
            "{grown} of {} rows add more than {:.0} % to the baseline",
            counted.len(),
            ALLOWED * 100.0
        )),
    }
}

fn render(counted: &[(&str, f64)]) -> String {
    let mut text = String::from(HEADER);
    for (row, count) in counted {
        let _ = writeln!(text, "{row} = {count:.0}");
    }
    text
}

struct Verdict {
    text: String,
    grown: usize,
}

fn compare(baseline: &str, counted: &[(&str, f64)]) -> Result<Verdict, String> {
    let baseline: toml::Table = baseline
        .parse()
        .map_err(|e| format!("baseline.toml: {e}"))?;
    let mut verdict = Verdict {
        text: String::new(),
        grown: 0,
    };
    for (row, count) in counted {
        let before = baseline.get(*row).and_then(toml::Value::as_integer);
        let before = before.ok_or_else(|| format!("baseline.toml has no {row}"))?;
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let base = before as f64;
        let word = if *count > base * (1.0 + ALLOWED) {
            verdict.grown += 1;
            "GROWN"
        } else if *count < base * (1.0 - ALLOWED) {
            "shrunk: renew the baseline"
        } else {
            "ok"
        };
        let growth = (count / base - 1.0) * 100.0;
        let _ = writeln!(
            verdict.text,
            "{row:<20} {before:>7} {count:>7.0} {growth:>+6.1} %  {word}"
        );
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_allowed_growth_is_counted() {
        let verdict = |count| compare("dwell = 1000\n", &[("dwell", count)]).unwrap();
        assert_eq!(verdict(1_050.0).grown, 0);
        assert_eq!(verdict(1_051.0).grown, 1);
        assert!(verdict(900.0).text.contains("renew the baseline"));
    }

    #[test]
    fn a_row_without_a_baseline_is_an_error() {
        assert!(compare("dwell = 1000\n", &[("plain", 1.0)]).is_err());
    }

    #[test]
    fn what_is_written_is_what_is_compared() {
        let counted = [("dwell", 1_234.4), ("plain-dwell", 99.0)];
        let verdict = compare(&render(&counted), &counted).unwrap();
        assert_eq!(verdict.grown, 0);
    }
}
