//! From a thousand sessions to ten million, and from one thread to four.

mod fill;
mod locks;
mod reap;
mod report;
mod threads;

pub use fill::child;

use crate::child::Figures;
use crate::section::Section;

/// Each store with the most sessions that it is filled with.
const STORES: [(&str, u64); 5] = [
    ("map", 10_000_000),
    ("dwell", 10_000_000),
    ("dwell-reaped", 10_000_000),
    ("tower-sessions", 1_000_000),
    ("session-guard", 1_000_000),
];

const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
const QUICK_SIZES: [u64; 3] = [1_000, 30_000, 300_000];

/// What a filled store showed.
struct Filled {
    store: &'static str,
    sessions: u64,
    figures: Figures,
}

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let sizes = if quick { &QUICK_SIZES[..] } else { &SIZES };
    let mut filled = Vec::new();
    for sessions in sizes {
        for (store, most) in STORES {
            if *sessions <= most {
                let number = sessions.to_string();
                let figures = Figures::of(&["--child", "scale", store, &number])?;
                filled.push(Filled {
                    store,
                    sessions: *sessions,
                    figures,
                });
            }
        }
    }
    let mut section = Section::new("From a thousand sessions to ten million");
    report::stores(&mut section, &filled)?;
    report::reaping(&mut section, &filled)?;
    report::goals(&mut section, &filled)?;
    let rounds = if quick { 3 } else { 9 };
    threads::measure(&mut section, rounds)?;
    locks::measure(&mut section);
    Ok(section)
}
