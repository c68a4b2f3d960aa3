//! `cargo xtask test`: the named steps, run one after another, and the table at the end.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::workspace::Workspace;
use crate::{bench, browser, checks, features, fuzz, invariants, msrv, space, tidy, tools};

/// One named check.
#[derive(Clone, Copy, Debug)]
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace) -> Result<()>,
}

const fn step(name: &'static str, about: &'static str, run: fn(&Workspace) -> Result<()>) -> Step {
    Step { name, about, run }
}

/// Cheap ones first, so that the usual slip is known within seconds.
const STEPS: &[Step] = &[
    step("fmt", "every file is formatted", checks::fmt),
    step(
        "tidy",
        "the house rules that no compiler checks",
        tidy::check,
    ),
    step(
        "invariants",
        "every law has a test that names it",
        invariants::check,
    ),
    step(
        "clippy",
        "no warning, all targets and features",
        checks::clippy,
    ),
    step("tests", "unit and integration tests", checks::tests),
    step(
        "doctests",
        "every example in the docs runs",
        checks::doctests,
    ),
    step("docs", "the docs build without a warning", checks::docs),
    step(
        "browser",
        "the browser component and its tests in Chromium",
        browser::check,
    ),
    step(
        "features",
        "each library builds with each feature alone",
        features::check,
    ),
    step(
        "msrv",
        "nothing needs a newer Rust than we state",
        msrv::check,
    ),
    step(
        "shuttle",
        "model tests of the concurrent parts",
        checks::shuttle,
    ),
    step("fuzz", "each fuzz target, for a few seconds", fuzz::check),
    step("bench-build", "the benchmarks compile", bench::check),
    step(
        "bench-check",
        "no request takes more instructions than it did",
        bench::compare,
    ),
];

/// How a step ended.
#[derive(Debug)]
struct Ended {
    name: &'static str,
    outcome: Result<()>,
    took: Duration,
}

pub(crate) fn command(workspace: &Workspace, args: &[&str]) -> Result<()> {
    match args {
        [] => run(workspace, STEPS),
        ["--list"] => {
            for step in STEPS {
                println!("{:<12} {}", step.name, step.about);
            }
            Ok(())
        }
        ["--only", names] => run(workspace, &select(names)?),
        _ => Err(Error::Usage(
            "usage: cargo xtask test [--only a,b] [--list]".to_owned(),
        )),
    }
}

/// The named steps, in the order in which they always run.
fn select(names: &str) -> Result<Vec<Step>> {
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let unknown = names
        .iter()
        .find(|name| !STEPS.iter().any(|step| step.name == **name));
    if let Some(unknown) = unknown {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(Error::Usage(format!(
            "no step `{unknown}`; there are {}",
            known.join(", ")
        )));
    }
    Ok(STEPS
        .iter()
        .filter(|step| names.contains(&step.name))
        .copied()
        .collect())
}

/// Runs all of them, also after a failure: one run shows everything there is to mend.
fn run(workspace: &Workspace, steps: &[Step]) -> Result<()> {
    tools::ensure_linker(workspace)?;
    let mut ended = Vec::with_capacity(steps.len());
    for step in steps {
        println!("==> {}", step.name);
        let (outcome, took) = timed(|| (step.run)(workspace));
        if let Err(error) = &outcome {
            println!("{} FAILED: {error}", step.name);
        }
        ended.push(Ended {
            name: step.name,
            outcome,
            took,
        });
        space::free(workspace, step.name)?;
    }
    print!("\n{}{}", failures(&ended), summary(&ended));
    if ended.iter().all(|step| step.outcome.is_ok()) {
        Ok(())
    } else {
        Err(Error::Told)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "measures how long a step took; no session depends on it"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// What failed, said once more where a log that was cut short still shows it.
fn failures(ended: &[Ended]) -> String {
    let mut text = String::new();
    for step in ended {
        let Err(error) = &step.outcome else { continue };
        for last in error.last_lines() {
            text.push_str(&format!("---- {}, at its end ----\n{last}\n\n", step.name));
        }
        text.push_str(&format!("{} FAILED: {error}\n\n", step.name));
    }
    text
}

fn summary(ended: &[Ended]) -> String {
    let mut text = format!("{:<12} {:<6} {:>8}\n", "step", "result", "seconds");
    for step in ended {
        let result = if step.outcome.is_ok() { "ok" } else { "FAILED" };
        let seconds = step.took.as_secs_f64();
        text.push_str(&format!("{:<12} {result:<6} {seconds:>8.1}\n", step.name));
    }
    let passed = ended.iter().filter(|step| step.outcome.is_ok()).count();
    let failed = ended.len() - passed;
    text.push_str(&format!("\n{passed} passed, {failed} failed\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_summary_counts_the_steps() {
        let failed = Error::Command {
            shown: "tool".to_owned(),
            code: Some(3),
            last: "because".to_owned(),
        };
        let ended = [("fmt", Ok(())), ("tidy", Err(failed))].map(|(name, outcome)| Ended {
            name,
            outcome,
            took: Duration::from_millis(1250),
        });
        let told = failures(&ended);
        assert!(told.contains("tidy, at its end ----\nbecause\n"), "{told}");
        assert!(told.contains("`tool` ended with code 3"), "{told}");
        assert!(!told.contains("fmt"), "{told}");
        let text = summary(&ended);
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed"));
        assert!(text.contains("tidy         FAILED      1.2\n"), "{text}");
    }

    #[test]
    fn steps_keep_their_order_however_they_are_asked_for() {
        let names: Vec<&str> = select("tidy, fmt")
            .unwrap()
            .iter()
            .map(|s| s.name)
            .collect();
        assert_eq!(names, ["fmt", "tidy"]);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = select("fmt,lint").unwrap_err().to_string();
        assert!(
            error.contains("`lint`") && error.contains("shuttle"),
            "{error}"
        );
    }
}
