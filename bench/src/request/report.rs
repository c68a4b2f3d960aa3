//! The tables and goals of the costs per request.

use super::Measured;
use super::nanos::Cost;
use crate::rows::Group;
use crate::section::{Section, short};

/// The part of the report. `writes` are the store writes of a request that
/// records a touch, of one within the granularity, and of a passive one.
pub fn render(
    measured: &[Measured],
    traced: &[(&'static str, Cost)],
    writes: [usize; 3],
) -> Section {
    let mut section = Section::new("Per request, in process");
    section.paragraph(
        "One thread calls the service, with requests made beforehand, until the answer is dropped. \
         Every request brings a cookie, also where nobody reads it. \
         Nanoseconds are the median of interleaved rounds, with the fastest and the slowest round; \
         `over` is the median of the differences, round by round, to the row whose layer does \
         nothing. Absolute times differ from machine to machine, so compare within a table. \
         Instructions are counted by callgrind over N and 2N requests; `SHA` are those of SHA-256, \
         which valgrind runs without the processor's own SHA instructions, about 3,500 for a block. \
         Before it is measured, everything shows that it does its job: 200 with the session, a \
         refusal without it and with an unknown one; what slides, slides; what is idle, ends.",
    );
    for group in Group::ALL {
        table(&mut section, group, measured);
    }
    tracing_table(&mut section, measured, traced);
    let [touch, within, passive] = writes;
    section.paragraph(&format!(
        "Store writes of a request: {touch} where a touch is recorded, {within} within the \
         granularity, {passive} where the request is passive."
    ));
    goals(&mut section, measured, traced, within + passive);
    section
}

fn table(section: &mut Section, group: Group, measured: &[Measured]) {
    let in_group = |m: &&Measured| m.row.group == group;
    let rows: Vec<Vec<String>> = measured.iter().filter(in_group).map(cells).collect();
    if rows.is_empty() {
        return;
    }
    section.paragraph(&format!("### {}", group.title()));
    let heads = [
        "row",
        "ns",
        "range",
        "over",
        "allocations",
        "bytes",
        "instructions",
        "SHA",
        "what it is",
    ];
    section.table(&heads, &rows);
}

fn cells(m: &Measured) -> Vec<String> {
    let (low, high) = m.cost.range;
    let over = match m.cost.over.is_finite() {
        true => format!("{:.0}", m.cost.over),
        false => String::new(),
    };
    vec![
        m.row.name.to_owned(),
        format!("{:.0}", m.cost.nanos),
        format!("{low:.0}–{high:.0}"),
        over,
        format!("{:.1}", m.allocations.count),
        format!("{:.0}", m.allocations.bytes),
        format!("{:.0}", m.instructions.without_sha),
        format!("{:.0}", m.instructions.sha),
        m.row.about.to_owned(),
    ]
}

fn tracing_table(section: &mut Section, measured: &[Measured], traced: &[(&'static str, Cost)]) {
    if traced.is_empty() {
        return;
    }
    section.paragraph("### With a tracing subscriber at INFO");
    let row = |(name, cost): &(&'static str, Cost)| {
        let alone = find(measured, name).map_or(f64::NAN, |m| m.cost.over);
        vec![
            (*name).to_owned(),
            format!("{alone:.0}"),
            format!("{:.0}", cost.over),
        ]
    };
    let rows: Vec<Vec<String>> = traced.iter().map(row).collect();
    section.table(
        &["row", "over, nobody listens", "over, a formatter at INFO"],
        &rows,
    );
}

fn find<'a>(measured: &'a [Measured], name: &str) -> Option<&'a Measured> {
    measured.iter().find(|m| m.row.name == name)
}

fn goals(
    section: &mut Section,
    measured: &[Measured],
    traced: &[(&'static str, Cost)],
    needless_writes: usize,
) {
    let over = |name: &str| find(measured, name).map(|m| m.cost.over);
    let ratio = |of: &str, to: &str| Some((over(of)?, over(to)?));
    let mut at_most = |what: &str, pair: Option<(f64, f64)>, bound: f64| {
        let Some((ours, theirs)) = pair else { return };
        let figure = format!(
            "{} ns / {} ns = {:.2}",
            short(ours),
            short(theirs),
            ours / theirs
        );
        section.goal(what, figure, ours <= bound * theirs);
    };
    let floor = ratio("dwell", "floor");
    at_most("full stack over no-op ≤ 1.5 × the floor layer", floor, 1.5);
    let plain = ratio("plain-dwell", "plain-floor");
    at_most("the same without axum ≤ 1.5 × the floor layer", plain, 1.5);
    for peer in ["tower-sessions-save", "session-guard"] {
        let pair = ratio("dwell", peer);
        at_most(
            &format!("full stack over no-op ≤ 1/6 of {peer}"),
            pair,
            1.0 / 6.0,
        );
        at_most(
            &format!("full stack over no-op ≤ 1/3 of {peer}"),
            pair,
            1.0 / 3.0,
        );
    }
    for peer in ["dwell", "tower-sessions-save"] {
        let ten = ratio(&format!("{peer}-10"), peer);
        let alone = over(peer);
        let info = traced.iter().find(|(name, _)| *name == peer);
        let info = info.map(|(_, cost)| cost.over).zip(alone);
        for (what, pair) in [("ten more cookies", ten), ("tracing at INFO", info)] {
            let Some((with, without)) = pair else {
                continue;
            };
            let more = (with / without - 1.0) * 100.0;
            match peer {
                "dwell" => {
                    let what = format!("{what}: ≤ 10 % more over no-op");
                    section.at_most(&what, more, 10.0, " %");
                }
                peer => section.paragraph(&format!("{peer} with {what}: {more:+.0} %.")),
            }
        }
    }
    let allocations = |name: &str| find(measured, name).map(|m| m.allocations.count);
    if let (Some(dwell), Some(noop)) = (allocations("dwell"), allocations("no-op")) {
        section.at_most("allocations added per request ≤ 4", dwell - noop, 4.0, "");
    }
    // What the framework takes for the annotation, whatever it does.
    if let (Some(once), Some(twice)) = (allocations("no-op"), allocations("no-op-twice")) {
        let nanos = over("no-op-twice").unwrap_or_default();
        section.paragraph(&format!(
            "Of what the full stack takes over no-op, axum itself takes {:.0} allocations and {} ns \
             for a layer on the route, whatever it does (no-op-twice).",
            twice - once,
            short(nanos)
        ));
    }
    let writes = needless_writes.to_string();
    let what = "passive, or within the granularity: no store write";
    section.goal(what, writes, needless_writes == 0);
}
