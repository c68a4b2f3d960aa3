//! `cargo xtask test`: the named steps, run one after another, and the table at the end.

use std::fmt::Write;
use std::time::Instant;

use anyhow::{Result, bail};
use xshell::cmd;

use crate::chores::Chores;
use crate::{browser, checks, fuzz, invariants, package, tidy, tools};

type Step = (&'static str, &'static str, fn(&Chores) -> Result<()>);

/// Cheap ones first, so that the usual slip is known within seconds.
pub(crate) const STEPS: &[Step] = &[
    ("fmt", "every file is formatted", checks::fmt),
    ("tidy", "the house rules that no tool checks", tidy::check),
    ("invariants", "every law has a test", invariants::check),
    ("clippy", "no warning", checks::clippy),
    ("tests", "unit and integration tests", checks::tests),
    ("doctests", "the examples in the docs run", checks::doctests),
    ("docs", "the docs build as on docs.rs", checks::docs),
    ("features", "each feature builds alone", checks::features),
    ("package", "packages pass their tests", package::check),
    ("deny", "licenses, sources and bans", checks::deny),
    ("api", "no foreign type but the listed", checks::api),
    ("browser", "the component, in browsers", browser::check),
    ("shuttle", "models of concurrent parts", checks::shuttle),
    ("fuzz", "each fuzz target, for a while", fuzz::check),
    ("bench-check", "no request costs more", checks::bench_check),
];

pub(crate) fn list() -> String {
    let line = |(name, about, _): &Step| format!("{name:<12} {about}\n");
    STEPS.iter().map(line).collect()
}

/// Returns the named steps, in the order in which they always run.
pub(crate) fn select(names: &str) -> Result<Vec<Step>> {
    let mut steps = STEPS.to_vec();
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    for name in &names {
        if !STEPS.iter().any(|step| step.0 == *name) {
            bail!("no step `{name}`; the steps are\n{}", list());
        }
    }
    steps.retain(|step| names.contains(&step.0));
    Ok(steps)
}

/// Runs all of them, also after a failure: one run shows everything there is to mend.
#[allow(
    clippy::disallowed_methods,
    reason = "measures how long a step took; no session depends on it"
)]
pub(crate) fn run(chores: &Chores, steps: &[Step]) -> Result<bool> {
    tools::linker(chores)?;
    let (mut failures, mut table, mut failed) = (String::new(), String::new(), 0);
    for (name, _, step) in steps {
        println!("==> {name}");
        let start = Instant::now();
        let outcome = step(chores);
        let seconds = start.elapsed().as_secs_f64();
        let result = if outcome.is_ok() { "ok" } else { "FAILED" };
        writeln!(table, "{name:<12} {result:<6} {seconds:>8.1}")?;
        if let Err(error) = outcome {
            failed += 1;
            println!("{name} FAILED: {error:#}");
            writeln!(failures, "{name} FAILED: {error:#}")?;
        }
        make_room(chores, name)?;
    }
    let passed = steps.len() - failed;
    // Once more at the end, where a log that was cut short still shows it.
    println!("\n{}{failures}", chores.ends().join("\n"));
    println!("{:<12} {:<6} {:>8}\n{table}", "step", "result", "seconds");
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// Removes what no later step needs, when little room is left on the disk: a run takes some 10 GiB otherwise.
fn make_room(chores: &Chores, step: &str) -> Result<()> {
    const PLENTY: u64 = 20 * 1024 * 1024;
    let folder = match step {
        // The last one to build for debugging.
        "browser" => chores.target("debug"),
        "shuttle" => chores.target("shuttle"),
        "fuzz" => chores.root().join("fuzz/target"),
        _ => return Ok(()),
    };
    let df = cmd!(chores.sh, "df -Pk .").quiet().read()?;
    if folder.is_dir() && available(&df).is_some_and(|kib| kib < PLENTY) {
        println!("little room on the disk: removing {}", folder.display());
        chores.sh.remove_path(folder)?;
    }
    Ok(())
}

/// Returns the fourth column of the last line, by POSIX the room that is left.
fn available(df: &str) -> Option<u64> {
    df.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_their_order() {
        let selected = select("tidy, fmt").unwrap();
        let names: Vec<&str> = selected.iter().map(|step| step.0).collect();
        assert_eq!(names, ["fmt", "tidy"]);
    }

    #[test]
    fn unknown_step_is_refused_with_list() {
        let error = select("fmt,lint").unwrap_err().to_string();
        assert!(
            error.contains("`lint`") && error.contains("shuttle"),
            "{error}"
        );
    }

    #[test]
    fn room_is_read_in_posix_format() {
        let df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                  /dev/vda 264000000 12000000 84000000 13% /\n";
        assert_eq!(available(df), Some(84_000_000));
        assert_eq!(available("df: no such file"), None);
    }
}
