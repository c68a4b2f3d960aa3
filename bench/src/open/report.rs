//! The tables and goals of open streams.

use super::apps::APPS;
use super::{PER_SESSION, Plan, Rounds};
use crate::section::{Section, short};
use crate::stats::{median, median_difference};

/// The most bytes that a stream may cost over one without Dwell.
const MOST: f64 = 2_048.0;

/// The most milliseconds until the last stream has ended.
const LATEST: f64 = 1_000.0;

/// Adds them.
pub fn render(section: &mut Section, plan: &Plan, measured: &[Rounds]) {
    let Some(bare) = measured.first() else {
        return;
    };
    let streams = plan.streams;
    section.paragraph(&format!(
        "On the loopback: a server process of one thread on one core, and another process with \
         {streams} clients on the other, each with an event stream of its own over HTTP/1.1; \
         {PER_SESSION} streams share a session, the store is in memory. Sessions exist before the \
         first figure is taken. Medians of {} rounds, each with a server of its own.",
        plan.rounds,
    ));
    for app in &APPS {
        section.paragraph(&format!("- `{}`: {}.", app.name, app.about));
    }
    held(section, plan, measured, bare);
    ends(section, plan, measured);
}

fn held(section: &mut Section, plan: &Plan, measured: &[Rounds], bare: &Rounds) {
    let quiet = plan.quiet.as_secs();
    section.paragraph(&format!(
        "`allocated` is what the server's allocator has given out for each stream, and `resident` \
         what its process has grown by, sockets' buffers in the kernel apart. `quiet` is the time \
         of the server's core in {quiet} seconds in which nothing happens.",
    ));
    let heads = [
        "application",
        "allocated, bytes",
        "over bare",
        "resident, bytes",
        "over bare",
        "quiet, ms",
    ];
    let over = |of: &[f64], reference: &[f64]| format!("{:.0}", median_difference(of, reference));
    let cells = |(app, rounds): (&super::apps::App, &Rounds)| {
        vec![
            app.name.to_owned(),
            format!("{:.0}", median(&rounds.allocated)),
            over(&rounds.allocated, &bare.allocated),
            format!("{:.0}", median(&rounds.resident)),
            over(&rounds.resident, &bare.resident),
            short(median(&rounds.quiet)),
        ]
    };
    let rows: Vec<Vec<String>> = APPS.iter().zip(measured).map(cells).collect();
    section.table(&heads, &rows);
    let named = APPS.iter().zip(measured);
    for (app, rounds) in named.filter(|(app, _)| app.has_sessions) {
        let name = app.name;
        let allocated = median_difference(&rounds.allocated, &bare.allocated);
        let what = format!("an open stream ({name}) costs ≤ 2,048 bytes, allocated");
        section.at_most(&what, allocated, MOST, "");
        let resident = median_difference(&rounds.resident, &bare.resident);
        let what = format!("an open stream ({name}) costs ≤ 2,048 bytes, resident");
        section.at_most(&what, resident, MOST, "");
    }
}

fn ends(section: &mut Section, plan: &Plan, measured: &[Rounds]) {
    section.paragraph("### The deadline comes");
    section.paragraph(
        "All sessions end at one instant. Milliseconds from then until a client has its last \
         event, which says why, and the end of the answer; of all streams of a round. Of each \
         column the worst round. `server` is the time of its core that this took, and `waited` \
         how long others had that core meanwhile.",
    );
    let heads = [
        "application",
        "first",
        "half",
        "99 %",
        "last",
        "server",
        "waited",
    ];
    let named: Vec<_> = APPS
        .iter()
        .zip(measured)
        .filter(|(_, rounds)| !rounds.ended.is_empty())
        .collect();
    let mut rows = Vec::new();
    for (app, rounds) in &named {
        let worst = |of: fn(&super::Ended) -> f64| {
            let all = rounds.ended.iter().map(of);
            all.fold(0.0, f64::max) / 1e3
        };
        let last = worst(|ended| ended.last);
        rows.push(vec![
            app.name.to_owned(),
            short(worst(|ended| ended.first)),
            short(worst(|ended| ended.median)),
            short(worst(|ended| ended.most)),
            short(last),
            short(rounds.ending.iter().copied().fold(0.0, f64::max)),
            short(rounds.waited.iter().copied().fold(0.0, f64::max)),
        ]);
        let what = format!(
            "{} open streams ({}) end within 1 s of their deadline",
            plan.streams, app.name
        );
        section.at_most(&what, last, LATEST, " ms");
    }
    section.table(&heads, &rows);
}
