//! The tables and goals of filled stores.

use super::Filled;
use crate::section::{Section, short};

/// The store that is reaped, in a process of its own.
const REAPED: &str = "dwell-reaped";

/// What a session takes and what a request costs.
pub fn stores(section: &mut Section, filled: &[Filled]) -> Result<(), String> {
    section.paragraph(
        "Each store in a process of its own; a subject of 8 bytes for each session, all indexes. \
         Memory is what the process grew by, resident. Requests come with up to a million of the \
         sessions in turn. `map` is the floor's: the check in a bare loop on the fastest concurrent \
         map. tower-sessions saves with every request.",
    );
    let heads = [
        "store",
        "sessions",
        "ns per request",
        "bytes per session",
        "ns to create one",
    ];
    let mut rows = Vec::new();
    for one in filled.iter().filter(|one| one.store != REAPED) {
        rows.push(vec![
            one.store.to_owned(),
            one.sessions.to_string(),
            format!("{:.0}", one.figures.one("cost")?),
            match one.sessions {
                // The process's own growth would count for more than sessions.
                few if few < 100_000 => "–".to_owned(),
                _ => format!("{:.0}", one.figures.one("resident")?),
            },
            format!("{:.0}", one.figures.one("create")?),
        ]);
    }
    rows.sort_by_key(|row| super::STORES.iter().position(|(store, _)| *store == row[0]));
    section.table(&heads, &rows);
    Ok(())
}

/// What the reaper takes, and what requests notice of it.
pub fn reaping(section: &mut Section, filled: &[Filled]) -> Result<(), String> {
    section.paragraph("### Reaping");
    section.paragraph(
        "In passes of 1,000 entries. All sessions but 100 run out at once while another thread \
         sends requests with those 100; `before` are the same requests without a reaper.",
    );
    let heads = [
        "sessions",
        "nothing due, µs",
        "after a reload, ms",
        "1 %, ms",
        "all, ms",
        "longest pass, ms",
        "p99 before, µs",
        "worst before, µs",
        "p99 while reaping, µs",
        "worst while reaping, µs",
    ];
    let mut rows = Vec::new();
    for one in filled.iter().filter(|one| one.store == REAPED) {
        let longest = longest_pass(one)?;
        let [_, _, quiet, _, quiet_worst] = five(one, "quiet")?;
        let [_, _, busy, _, busy_worst] = five(one, "busy")?;
        rows.push(vec![
            one.sessions.to_string(),
            short(one.figures.one("reap_none")?),
            short(one.figures.one("reap_reload")? / 1e3),
            short(one.figures.one("reap_early")? / 1e3),
            short(one.figures.one("reap_all")? / 1e3),
            short(longest / 1e3),
            short(quiet / 1e3),
            short(quiet_worst / 1e3),
            short(busy / 1e3),
            short(busy_worst / 1e3),
        ]);
    }
    section.table(&heads, &rows);
    Ok(())
}

fn longest_pass(one: &Filled) -> Result<f64, String> {
    let mut longest: f64 = 0.0;
    for what in ["reap_reload", "reap_early", "reap_all"] {
        let values = one.figures.all(what)?;
        longest = longest.max(values.last().copied().unwrap_or_default());
    }
    Ok(longest)
}

fn five(one: &Filled, what: &str) -> Result<[f64; 5], String> {
    let values = one.figures.all(what)?;
    let values = values.try_into();
    values.map_err(|_| format!("{what} is not five figures"))
}

/// Judges the largest store, and the one of a million.
pub fn goals(section: &mut Section, filled: &[Filled]) -> Result<(), String> {
    let of =
        |store: &str| -> Vec<&Filled> { filled.iter().filter(|one| one.store == store).collect() };
    let (dwell, map) = (of("dwell"), of("map"));
    let (Some(first), Some(last)) = (dwell.first(), dwell.last()) else {
        return Ok(());
    };
    let (Some(map_first), Some(map_last)) = (map.first(), map.last()) else {
        return Ok(());
    };
    let million = dwell.iter().find(|one| one.sessions == 1_000_000);
    let bytes = million.unwrap_or(last);
    let resident = bytes.figures.one("resident")?;
    let at = format!("bytes per session, resident, at {}", bytes.sessions);
    section.at_most(&format!("{at} ≤ 192"), resident, 192.0, "");
    section.at_most(&format!("{at} ≤ 256"), resident, 256.0, "");

    let ours = last.figures.one("cost")? - first.figures.one("cost")?;
    let maps = map_last.figures.one("cost")? - map_first.figures.one("cost")?;
    let what = format!(
        "a request costs more from {} to {} sessions: ≤ 1.3 × what the bare map's costs more",
        first.sessions, last.sessions
    );
    let figure = format!(
        "{} ns / {} ns = {:.2}",
        short(ours),
        short(maps),
        ours / maps
    );
    section.goal(&what, figure, ours <= 1.3 * maps);

    let what = format!("reaping when nothing is due < 1 ms at {}", last.sessions);
    let Some(last) = of(REAPED).pop() else {
        return Ok(());
    };
    let none = last.figures.one("reap_none")?;
    section.goal(&what, format!("{} µs", short(none)), none < 1_000.0);
    let (quiet, busy) = (five(last, "quiet")?, five(last, "busy")?);
    let what = "the worst request while all are reaped ≤ 2 × the p99 without";
    let figure = format!("{} µs / {} µs", short(busy[4] / 1e3), short(quiet[2] / 1e3));
    section.goal(what, figure, busy[4] <= 2.0 * quiet[2]);
    Ok(())
}
