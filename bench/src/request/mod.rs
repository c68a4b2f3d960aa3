//! What one request costs, in this process and on one thread.

mod allocations;
pub mod callgrind;
mod nanos;
mod report;

pub use allocations::{Allocated, child as allocations_child};
pub use nanos::{Subscriber, child as nanos_child};

use crate::contenders::{actix, axum_login, axum_session, dwell, session_guard, tower_sessions};
use crate::rows::{ROWS, Row};
use crate::section::Section;

use self::allocations::Allocations;
use self::callgrind::Instructions;
use self::nanos::Cost;

/// Rows that are measured with a tracing subscriber too.
const TRACED: [&str; 4] = ["no-op", "dwell", "tower-sessions-save", "session-guard"];

/// Everybody does what they are compared for: sliding slides, and what is
/// idle ends.
pub fn verify() -> Result<(), String> {
    let named = |name: &str, result: Result<(), String>| result.map_err(|e| format!("{name}: {e}"));
    named("dwell", dwell::verify())?;
    named("tower-sessions", tower_sessions::verify())?;
    named("axum-login", axum_login::verify())?;
    named("session-guard", session_guard::verify())?;
    named("axum_session", axum_session::verify())?;
    named("actix-session", actix::verify())
}

/// What was measured of one row.
struct Measured {
    row: &'static Row,
    cost: Cost,
    allocations: Allocations,
    instructions: Instructions,
}

/// Measures every row, or the named ones.
pub fn run(quick: bool, only: Option<&[&str]>) -> Result<Section, String> {
    verify()?;
    let (rounds, requests) = if quick { (7, 4_000) } else { (31, 20_000) };
    let wanted = |row: &&Row| match only {
        None => true,
        Some(names) => names.contains(&row.name) || Some(row.name) == row.group.reference(),
    };
    let rows: Vec<&'static Row> = ROWS.iter().filter(wanted).collect();
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    let costs = nanos::measure(&names, rounds, requests, Subscriber::None)?;
    let traced: Vec<&str> = TRACED
        .into_iter()
        .filter(|name| names.contains(name))
        .collect();
    let traced_costs = nanos::measure(&traced, rounds, requests, Subscriber::Info)?;
    let allocations = allocations::measure(&names)?;
    let mut measured = Vec::new();
    for ((row, cost), allocations) in rows.into_iter().zip(costs).zip(allocations) {
        measured.push(Measured {
            row,
            cost,
            allocations,
            instructions: callgrind::instructions(row.name)?,
        });
    }
    let traced: Vec<_> = traced.into_iter().zip(traced_costs).collect();
    Ok(report::render(&measured, &traced, dwell::writes()))
}
