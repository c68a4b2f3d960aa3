//! Bytes per session, each store in a process of its own.

use std::any::Any;
use std::process::Command;

use crate::contender::block_on;
use crate::contenders;
use crate::measure::allocated_bytes;

/// The stores that are filled.
pub const STORES: &[&str] = &["dwell", "tower-sessions", "session-guard"];

/// Bytes per session.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// By the growth of the process's resident memory.
    pub resident: u64,
    /// By the allocator's own count.
    pub allocated: u64,
}

/// Bytes per session of a store that holds `sessions`.
pub fn bytes(store: &str, sessions: u64) -> Result<Bytes, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = Command::new(program)
        .args(["--fill", store, &sessions.to_string()])
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().filter_map(|n| n.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(resident), Some(allocated)) => Ok(Bytes {
            resident,
            allocated,
        }),
        _ => Err(format!("{store} did not fill: {text}")),
    }
}

/// What the child process does: fills one store and prints both figures.
pub fn child(store: &str, sessions: u64) -> Result<(), String> {
    let before = (resident()?, allocated_bytes());
    let kept: Box<dyn Any> = block_on(async {
        Ok::<Box<dyn Any>, String>(match store {
            "dwell" => Box::new(contenders::dwell::fill(sessions).await),
            "tower-sessions" => Box::new(contenders::tower_sessions::fill(sessions).await),
            "session-guard" => Box::new(contenders::session_guard::fill(sessions).await),
            other => return Err(format!("no store is named {other}")),
        })
    })?;
    let after = (resident()?, allocated_bytes());
    drop(kept);
    let resident = after.0.saturating_sub(before.0) / sessions;
    let allocated = after.1.saturating_sub(before.1) as u64 / sessions;
    println!("{resident} {allocated}");
    Ok(())
}

fn resident() -> Result<u64, String> {
    const PAGE: u64 = 4_096;
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|e| e.to_string())?;
    let pages = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    pages
        .map(|pages: u64| pages * PAGE)
        .ok_or_else(|| "no resident pages in /proc/self/statm".to_owned())
}
