//! The tables and goals of what goes over sockets.

use super::server::APPS;
use super::{Protocol, Rounds};
use crate::section::{Section, short};
use crate::stats::{median, median_ratio, percentile};

/// Adds them; the first application is what the others are read over.
pub fn render(section: &mut Section, measured: &[[Rounds; 2]]) {
    section.paragraph(
        "On the loopback: a server process of one thread on one core, the load on another, 32 \
         requests at a time (HTTP/1.1: 32 connections; HTTP/2: 4 with 8 streams each), all kept. \
         `of bare` is the median of the ratios of interleaved rounds. `server` is the time that the \
         server's core was busy with a request; where the core was not busy all the time, the load \
         was the bottleneck. Instructions are the server's, by callgrind, without SHA-256, one \
         request at a time.",
    );
    for (which, protocol) in Protocol::ALL.into_iter().enumerate() {
        let Some(bare) = measured.first().map(|rounds| &rounds[which]) else {
            return;
        };
        section.paragraph(&format!("### {}", protocol.name()));
        let heads = [
            "application",
            "requests/s",
            "of bare",
            "p50, µs",
            "p99, µs",
            "p99.9, µs",
            "server, µs",
            "core busy",
            "instructions",
        ];
        let named = APPS.iter().map(|app| app.name).zip(measured);
        let rows: Vec<Vec<String>> = named
            .map(|(name, rounds)| cells(name, &rounds[which], bare))
            .collect();
        section.table(&heads, &rows);
        let dwell = APPS.iter().position(|app| app.name == "dwell");
        if let Some(dwell) = dwell.and_then(|ix| measured.get(ix)) {
            let ratio = median_ratio(&dwell[which].rates, &bare.rates);
            let what = format!(
                "over {}: ≥ 0.92 of bare requests per second",
                protocol.name()
            );
            section.at_least(&what, ratio, 0.92, "");
        }
    }
}

fn cells(name: &str, rounds: &Rounds, bare: &Rounds) -> Vec<String> {
    let mut sorted = rounds.latencies.clone();
    sorted.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    let micros = |per_mille| short(percentile(&sorted, per_mille) as f64 / 1e3);
    vec![
        name.to_owned(),
        format!("{:.0}", median(&rounds.rates)),
        format!("{:.3}", median_ratio(&rounds.rates, &bare.rates)),
        micros(500),
        micros(990),
        micros(999),
        short(median(&rounds.busy) / 1e3),
        format!("{:.0} %", median(&rounds.share) * 100.0),
        format!("{:.0}", rounds.instructions),
    ]
}
