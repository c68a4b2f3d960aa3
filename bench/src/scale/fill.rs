//! A store is filled, in a process of its own: what a session takes, and what
//! a request costs then.

use std::time::{Duration, Instant};

use axum::Router;
use dwell_axum::{ManualClock, MemoryStore};

use super::reap;
use crate::child::print;
use crate::contender::{Contender, Meter, Session, Tower, block_on};
use crate::contenders::{dwell, floor, session_guard, tower_sessions};
use crate::stats::{figure, median};
use crate::traffic::Kind;

/// Sessions that requests come with: enough that their records do not fit
/// into a processor's caches.
const SHOWN: u64 = 1_000_000;

/// Fills a store and prints figures.
pub fn child(store: &str, sessions: u64) -> Result<(), String> {
    match store {
        "map" => map(sessions),
        "dwell" => dwell(sessions),
        "dwell-reaped" => reap::child(sessions),
        "tower-sessions" => {
            let store = ::tower_sessions::MemoryStore::default();
            let start = async |n| tower_sessions::start(&store, &subject(n)).await;
            let cookies = block_on(fill(sessions, start))?;
            cost(|| tower_sessions::saving_over(store.clone()), cookies)
        }
        "session-guard" => {
            let guard = session_guard::new();
            let start = async |n| session_guard::start(&guard, &subject(n)).await;
            let cookies = block_on(fill(sessions, start))?;
            cost(|| session_guard::guard_over(guard.clone()), cookies)
        }
        other => Err(format!("no store is named {other}")),
    }
}

/// A subject of 8 bytes.
pub fn subject(n: u64) -> String {
    format!("{n:08}")
}

/// Starts so many sessions, and prints the time and the memory that one
/// takes. Keeps the cookies of as many as are shown.
async fn fill(sessions: u64, start: impl AsyncFn(u64) -> String) -> Result<Vec<String>, String> {
    let shown = SHOWN.min(sessions);
    let step = sessions / shown;
    // Taken and used before the memory is looked at, so that it does not count.
    let mut cookies: Vec<String> = (0..shown).map(|_| "x".repeat(80)).collect();
    let before = resident()?;
    let started = Instant::now();
    for n in 0..sessions {
        let cookie = start(n).await;
        if n % step == 0
            && let Some(kept) = usize::try_from(n / step)
                .ok()
                .and_then(|ix| cookies.get_mut(ix))
        {
            kept.clear();
            kept.push_str(&cookie);
        }
    }
    let took = started.elapsed();
    let grown = resident()?.saturating_sub(before);
    created(sessions, took, grown);
    Ok(cookies)
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn created(sessions: u64, took: Duration, grown: u64) {
    print("create", &[took.as_secs_f64() * 1e9 / sessions as f64]);
    print("resident", &[grown as f64 / sessions as f64]);
}

/// Prints what a request costs.
fn cost(make: impl FnOnce() -> Router, cookies: Vec<String>) -> Result<(), String> {
    let tower = Tower::axum(make, Session::Required, Kind::default());
    cost_of(&mut tower.with_cookies(cookies))
}

fn cost_of(contender: &mut impl Contender) -> Result<(), String> {
    const ROUNDS: usize = 9;
    const REQUESTS: usize = 20_000;
    const BATCH: usize = 100;
    contender.check()?;
    let mut nanos = Vec::new();
    for _ in 0..=ROUNDS {
        let mut stopwatch = Stopwatch::default();
        for _ in 0..REQUESTS / BATCH {
            contender.batch(BATCH, &mut stopwatch);
        }
        nanos.push(stopwatch.total.as_secs_f64() * 1e9 / figure(REQUESTS));
    }
    // The first round warms up.
    print("cost", &[median(&nanos[1..])]);
    Ok(())
}

/// Adds up the time inside batches.
#[derive(Default)]
struct Stopwatch {
    started: Option<Instant>,
    total: Duration,
}

impl Meter for Stopwatch {
    fn start(&mut self) {
        self.started = Some(Instant::now());
    }

    fn stop(&mut self) {
        let elapsed = self.started.take().map(|started| started.elapsed());
        self.total += elapsed.unwrap_or_default();
    }
}

fn map(sessions: u64) -> Result<(), String> {
    let before = resident()?;
    let started = Instant::now();
    let filled = floor::Sessions::<floor::Fastest>::filled(sessions);
    let took = started.elapsed();
    let grown = resident()?.saturating_sub(before);
    created(sessions, took, grown);
    let shown = SHOWN.min(sessions);
    cost_of(&mut floor::Loop::over(filled, sessions, shown))
}

/// On a clock that stands, so that no request records a touch, few sessions
/// or many.
fn dwell(sessions: u64) -> Result<(), String> {
    let manager = dwell::manager(MemoryStore::with_clock(ManualClock::new()));
    let start = async |n| dwell::start(&manager, &subject(n)).await;
    let cookies = block_on(fill(sessions, start))?;
    cost(|| dwell::full_over(&manager), cookies)
}

/// Memory of this process that is resident.
fn resident() -> Result<u64, String> {
    const PAGE: u64 = 4_096;
    let text = std::fs::read_to_string("/proc/self/statm").map_err(|e| e.to_string())?;
    let pages = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    let pages: u64 = pages.ok_or("no resident pages in /proc/self/statm")?;
    Ok(pages * PAGE)
}
