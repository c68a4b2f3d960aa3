//! Shared stores on real servers, side by side with others.
//!
//! Another program measures, the package beside this one: it depends on sqlx,
//! which turns on a feature of `tracing` that would change what the other
//! parts measure.

mod counts;
mod memory;
mod speed;

use std::process::Command;

use crate::child::{self, Figures};
use crate::machine;
use crate::section::Section;

/// The package that measures.
const PACKAGE: &str = "dwell-bench-stores";

/// What keeps sessions: its name among the figures, and in the report.
const KEPT: [(&str, &str); 2] = [("redis", "Redis"), ("postgres", "Postgres")];

/// Whose sessions they are; Dwell's stand first.
const WHO: [&str; 4] = ["dwell", "dwell-near", "tower-sessions", "session-guard"];

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let figures = Figures::parse(&child::output_of(program()?, arguments(quick))?)?;
    let mut section = Section::new("Shared stores");
    section.paragraph(&about(&figures)?);
    counts::render(&mut section, &figures)?;
    speed::render(&mut section, &figures)?;
    memory::render(&mut section, &figures)?;
    Ok(section)
}

/// Builds it and runs it, with the cargo that runs this program.
fn program() -> Result<Command, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(machine::folder()?);
    command.args(["run", "--locked", "--quiet", "--profile", "stores"]);
    command.args(["-p", PACKAGE, "--"]);
    Ok(command)
}

fn arguments(quick: bool) -> &'static [&'static str] {
    match quick {
        true => &["--quick"],
        false => &[],
    }
}

fn about(figures: &Figures) -> Result<String, String> {
    let version = |kept: &str| -> Result<String, String> {
        let parts = figures.all(&format!("version.{kept}"))?;
        let parts: Vec<String> = parts.iter().map(f64::to_string).collect();
        Ok(parts.join("."))
    };
    let [idle, granularity, ..] = settings(figures)?;
    Ok(format!(
        "On the loopback of this machine: Redis {} without persistence, Postgres {} with its \
         defaults but for `fsync` and `full_page_writes`, which are off. Everybody runs in one \
         process on a runtime of two workers, called as a router without sockets, with stores \
         connected as their documentation shows it, sliding expiry, and {} minutes of idle \
         timeout. `dwell` is the full stack over `RedisStore` or `PostgresStore`, `dwell-near` the \
         same with `NearCache` around the store; at most one touch per session is recorded in the \
         granularity of {granularity} s, and session-guard writes `last_seen` as seldom. \
         tower-sessions saves with every answer, which is how its expiry slides; its stores need \
         its version 0.14.",
        version("redis")?,
        version("postgres")?,
        idle / 60.0,
    ))
}

/// Idle timeout and granularity, how long busy sessions were looked at, all in
/// seconds, and how many of them there were.
fn settings(figures: &Figures) -> Result<[f64; 4], String> {
    several(figures, "settings")
}

/// A fixed number of figures under a name.
fn several<const N: usize>(figures: &Figures, name: &str) -> Result<[f64; N], String> {
    let found = figures.all(name)?.try_into();
    found.map_err(|_| format!("{name} is not {N} figures"))
}
