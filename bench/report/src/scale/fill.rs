//! An application is filled with sessions, in a process of its own: what one
//! takes, and what a request costs then.

use std::time::Instant;

use dwell_axum::{ManualClock, MemoryStore};
use dwell_bench::app::App;
use dwell_bench::dwell;
use dwell_bench::row::find;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::{figure, median};

use crate::child::{Figures, print};
use crate::rows;
use crate::server::resident;

/// Each row with the most sessions that it is filled with.
const ROWS: [(&str, usize); 4] = [
    ("floor", 10_000_000),
    ("dwell", 10_000_000),
    ("tower-sessions", 1_000_000),
    ("session-guard", 1_000_000),
];

const SIZES: [usize; 3] = [1_000, 1_000_000, 10_000_000];
const QUICK_SIZES: [usize; 2] = [1_000, 100_000];

/// Sessions that requests come with: enough that their records do not fit
/// into a processor's caches.
const SHOWN: usize = 1_000_000;

/// Adds the table and the goals.
pub fn measure(section: &mut Section, quick: bool) -> Result<(), String> {
    let sizes = if quick { &QUICK_SIZES[..] } else { &SIZES };
    let mut cells = Vec::new();
    // Of Dwell and of the floor: what a request costs more with the most.
    let mut dearer = [0.0, 0.0];
    for (name, most) in ROWS {
        let mut costs = Vec::new();
        for sessions in sizes.iter().filter(|sessions| **sessions <= most) {
            let number = sessions.to_string();
            let figures = Figures::of(&["fill", name, &number])?;
            costs.push(figures.one("cost")?);
            let bytes = figures.one("resident")?;
            let few = *sessions < 100_000;
            cells.push(vec![
                name.to_owned(),
                number,
                format!("{:.0}", figures.one("cost")?),
                // The process's own growth would count for more than sessions.
                if few {
                    "–".to_owned()
                } else {
                    format!("{bytes:.0}")
                },
                format!("{:.0}", figures.one("login")?),
            ]);
            if name == "dwell" && !few {
                for bound in [192.0, 256.0] {
                    let what = format!("bytes per session, resident, at {sessions} ≤ {bound}");
                    section.at_most(&what, bytes, bound, "");
                }
            }
        }
        let more = costs
            .last()
            .zip(costs.first())
            .map(|(last, first)| last - first);
        match name {
            "dwell" => dearer[0] = more.unwrap_or_default(),
            "floor" => dearer[1] = more.unwrap_or_default(),
            _ => {}
        }
    }
    section.paragraph(
        "Each in a process of its own; a subject of 8 bytes for each session, all indexes. Memory is \
         what the process grew by, resident. Requests come with up to a million of the sessions in \
         turn; Dwell's clock stands, so that none records a touch.",
    );
    let heads = [
        "row",
        "sessions",
        "ns per request",
        "bytes per session",
        "ns per login",
    ];
    section.table(&heads, &cells);
    let [ours, floors] = dearer;
    let what = "a request costs more with the most sessions: ≤ 1.3 × what the floor's costs more";
    let text = format!(
        "{} / {} ns = {}",
        short(ours),
        short(floors),
        short(ours / floors)
    );
    section.goal(what, text, ours <= 1.3 * floors);
    Ok(())
}

/// A subject of 8 bytes.
pub fn subject(n: usize) -> String {
    format!("{n:08}")
}

/// Fills an application and prints figures.
pub fn child(name: &str, sessions: usize) -> Result<(), String> {
    let mut app = match name {
        "dwell" => {
            let store = MemoryStore::with_clock(ManualClock::new());
            App::new(|| dwell::full_over(&dwell::manager(store)))
        }
        name => App::new(find(&rows::all(), name)?.make),
    };
    let shown = SHOWN.min(sessions);
    let step = sessions / shown;
    // Taken and used before the memory is looked at, so that it does not count.
    let mut cookies: Vec<String> = (0..shown).map(|_| "x".repeat(80)).collect();
    let own = std::process::id();
    let before = resident(own)?;
    let started = Instant::now();
    for n in 0..sessions {
        let cookie = app.log_in(&subject(n))?;
        if n % step == 0
            && let Some(kept) = cookies.get_mut(n / step)
        {
            kept.clear();
            kept.push_str(&cookie);
        }
    }
    print(
        "login",
        &[started.elapsed().as_secs_f64() * 1e9 / figure(sessions)],
    );
    print("resident", &[(resident(own)? - before) / figure(sessions)]);
    let mut app = app.with_cookies(cookies);
    app.check()?;
    app.batch(100);
    let each = |_| app.batch(100).as_secs_f64() * 1e9 / 100.0;
    let nanos: Vec<f64> = (0..2_000).map(each).collect();
    print("cost", &[median(&nanos)]);
    Ok(())
}
