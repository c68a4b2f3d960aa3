//! Compares what Dwell adds to a request with the committed baseline: CI fails
//! when it has grown.

use std::fmt::Write as _;
use std::path::Path;

use crate::callgrind::{Counted, count};
use crate::row::{NOOP, OWN};

/// The growth of instructions that is allowed; of allocations, none is.
const ALLOWED: f64 = 0.05;

/// The profiles that the baseline has, as cargo names their folders.
const PROFILES: [&str; 2] = ["release", "tuned"];

const HEADER: &str = "\
# What Dwell adds to a request, by callgrind: instructions and allocations over
# a layer that does nothing. Instructions are without those of the allocator
# and of SHA-256. `release` is cargo's profile as it is, `tuned` has thin LTO
# and one codegen unit.
#
# `cargo run --release -- check` compares, here and in CI, and fails when
# instructions grow by more than 5 % or allocations at all. Renew it with
# `check --write`, by `--release` and by `--profile tuned`, and say why.
";

/// Counts and compares, or counts and writes.
///
/// # Errors
/// When something has grown, or can't be counted.
pub fn run(write: bool) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let profile = profile(&program)?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.toml");
    let noop = count(&program, NOOP.name)?;
    let mut counted = Vec::new();
    for row in OWN.iter().filter(|row| row.has_sessions) {
        let row_count = count(&program, row.name)?;
        let added = Counted {
            instructions: row_count.instructions - noop.instructions,
            allocations: row_count.allocations - noop.allocations,
        };
        counted.push((row.name, added));
    }
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let baseline: toml::Table = text.parse().map_err(|e| format!("baseline.toml: {e}"))?;
    if write {
        let text = render(&baseline, profile, &counted);
        return std::fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()));
    }
    let verdict = compare(&baseline, profile, &counted)?;
    print!("{}", verdict.text);
    match verdict.grown {
        0 => Ok(()),
        grown => Err(format!("{grown} figures have grown over the baseline")),
    }
}

/// The profile that a program was built with, by where it lies.
fn profile(program: &Path) -> Result<&'static str, String> {
    let folder = program.parent().and_then(Path::file_name);
    let found = PROFILES
        .into_iter()
        .find(|name| folder.is_some_and(|folder| folder == *name));
    found.ok_or_else(|| format!("{} has no baseline: use --release", program.display()))
}

/// The baseline's figures of a row: instructions, allocations.
fn before(baseline: &toml::Table, profile: &str, row: &str) -> Option<[f64; 2]> {
    let row = baseline.get(profile)?.get(row)?;
    let figure = |name| {
        row.get(name)?
            .as_integer()
            .and_then(|n| i32::try_from(n).ok())
    };
    Some([figure("instructions")?, figure("allocations")?].map(f64::from))
}

fn render(baseline: &toml::Table, profile: &str, counted: &[(&str, Counted)]) -> String {
    let mut text = String::from(HEADER);
    for name in PROFILES {
        let _ = writeln!(text, "\n[{name}]");
        for (row, count) in counted {
            let [instructions, allocations] = match before(baseline, name, row) {
                Some(figures) if name != profile => figures,
                _ => [count.instructions, count.allocations],
            };
            let _ = writeln!(
                text,
                "{row} = {{ instructions = {instructions:.0}, allocations = {allocations:.0} }}"
            );
        }
    }
    text
}

struct Verdict {
    text: String,
    grown: usize,
}

fn compare(
    baseline: &toml::Table,
    profile: &str,
    counted: &[(&str, Counted)],
) -> Result<Verdict, String> {
    let mut verdict = Verdict {
        text: format!("{:<14} {profile:>20} {:>20}\n", "", "allocations"),
        grown: 0,
    };
    for (row, count) in counted {
        let before = before(baseline, profile, row);
        let before = before.ok_or_else(|| format!("baseline.toml has no {profile}.{row}"))?;
        let mut line = format!("{row:<14}");
        let allowed = [before[0] * (1.0 + ALLOWED), before[1] + 0.5];
        let now = [count.instructions, count.allocations];
        for ((before, now), allowed) in before.into_iter().zip(now).zip(allowed) {
            let word = if now > allowed {
                verdict.grown += 1;
                "GROWN"
            } else if now < before * (1.0 - ALLOWED) {
                "shrunk: renew"
            } else {
                "ok"
            };
            let _ = write!(line, " {before:>6.0} → {now:<6.0} {word}");
        }
        let _ = writeln!(verdict.text, "{line}");
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(instructions: f64, allocations: f64) -> [(&'static str, Counted); 1] {
        let counted = Counted {
            instructions,
            allocations,
        };
        [("dwell", counted)]
    }

    fn grown(counted: &[(&str, Counted)]) -> usize {
        let text = "[release]\ndwell = { instructions = 1000, allocations = 6 }";
        compare(&text.parse().unwrap(), "release", counted)
            .unwrap()
            .grown
    }

    #[test]
    fn instructions_may_grow_by_five_percent() {
        assert_eq!(grown(&counted(1_050.0, 6.0)), 0);
        assert_eq!(grown(&counted(1_051.0, 6.0)), 1);
    }

    #[test]
    fn allocations_may_not_grow() {
        assert_eq!(grown(&counted(900.0, 7.0)), 1);
    }

    #[test]
    fn row_without_baseline_is_an_error() {
        assert!(compare(&toml::Table::new(), "release", &counted(1.0, 1.0)).is_err());
    }

    #[test]
    fn written_baseline_is_the_compared_one() {
        let counted = counted(1_234.4, 6.0);
        let text = render(&toml::Table::new(), "tuned", &counted);
        let verdict = compare(&text.parse().unwrap(), "tuned", &counted).unwrap();
        assert_eq!(verdict.grown, 0);
    }
}
