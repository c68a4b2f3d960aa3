//! The tables and the goals, for a terminal and for the docs.

use std::fmt::Write as _;
use std::process::Command;
use std::time::SystemTime;

use crate::contender::Entry;
use crate::measure::Figures;
use crate::memory::Bytes;

/// Everything that was measured.
pub struct Report<'a> {
    /// The contenders.
    pub entries: Vec<&'a Entry>,
    /// Their figures, in the same order.
    pub figures: Vec<Figures>,
    /// Their instructions, in the same order.
    pub instructions: Vec<Result<u64, String>>,
    /// Bytes per session by store.
    pub memory: Vec<(&'static str, Result<Bytes, String>)>,
    /// How many sessions were kept for that.
    pub sessions: u64,
}

impl Report<'_> {
    /// The report as Markdown, which reads well in a terminal too.
    pub fn render(&self) -> String {
        let mut text = String::from("# What a session check costs\n\n");
        let _ = writeln!(text, "Made by `cargo xtask bench`. {}\n", machine());
        text.push_str(
            "Every row is the same axum handler behind another layer, called in process on one thread. \
             Nanoseconds are the median of interleaved rounds (and their range); absolute times differ \
             from machine to machine, so compare within a table. Allocations are counted from the \
             finished request to the dropped answer. Instructions are counted by callgrind over N and 2N \
             requests; valgrind knows no SHA instructions, so each SHA-256 block counts about 3,500.\n\n",
        );
        self.requests(&mut text);
        self.memory(&mut text);
        self.goals(&mut text);
        text.push_str("\n## The rows\n\n");
        for entry in &self.entries {
            let _ = writeln!(text, "- `{}`: {}", entry.name, entry.about);
        }
        text
    }

    fn requests(&self, text: &mut String) {
        text.push_str("## Per request\n\n");
        text.push_str("| row | ns | range | over no-op | allocations | bytes | instructions |\n");
        text.push_str("|---|--:|--:|--:|--:|--:|--:|\n");
        for ((entry, figures), instructions) in self
            .entries
            .iter()
            .zip(&self.figures)
            .zip(&self.instructions)
        {
            let low = figures.nanos.first().copied().unwrap_or_default();
            let high = figures.nanos.last().copied().unwrap_or_default();
            let over = self
                .over_noop(entry.name)
                .map_or(String::new(), |ns| format!("{ns:.0}"));
            let instructions = match instructions {
                Ok(count) => count.to_string(),
                Err(reason) => reason.clone(),
            };
            let _ = writeln!(
                text,
                "| {} | {:.0} | {low:.0}–{high:.0} | {over} | {:.1} | {:.0} | {instructions} |",
                entry.name,
                figures.median(),
                figures.allocations,
                figures.bytes,
            );
        }
    }

    fn memory(&self, text: &mut String) {
        if self.memory.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\n## Bytes per session, with {} sessions of a subject of 8 bytes each\n",
            self.sessions
        );
        text.push_str("| store | resident | allocated |\n|---|--:|--:|\n");
        for (store, bytes) in &self.memory {
            let _ = match bytes {
                Ok(b) => writeln!(text, "| {store} | {} | {} |", b.resident, b.allocated),
                Err(reason) => writeln!(text, "| {store} | {reason} | |"),
            };
        }
    }

    fn goals(&self, text: &mut String) {
        text.push_str("\n## Goals\n\n");
        let ours = self.over_noop("dwell");
        for peer in ["tower-sessions-save", "session-guard"] {
            if let (Some(ours), Some(theirs)) = (ours, self.over_noop(peer)) {
                let ratio = ours / theirs;
                let met = verdict(ratio <= 1.0 / 3.0);
                let _ = writeln!(
                    text,
                    "- Dwell over no-op ≤ 1/3 of {peer}: {ours:.0} ns / {theirs:.0} ns = {ratio:.2}: {met}"
                );
            }
        }
        let dwell = self.memory.iter().find(|(store, _)| *store == "dwell");
        if let Some((_, Ok(bytes))) = dwell {
            let met = verdict(bytes.resident <= 256);
            let resident = bytes.resident;
            let _ = writeln!(
                text,
                "- bytes per session, resident ≤ 256: {resident}: {met}"
            );
        }
    }

    fn over_noop(&self, name: &str) -> Option<f64> {
        let median = |wanted: &str| {
            let ix = self.entries.iter().position(|e| e.name == wanted)?;
            Some(self.figures[ix].median())
        };
        Some(median(name)? - median("no-op")?)
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or(String::new(), |o| {
        String::from_utf8_lossy(&o.stdout).trim().to_owned()
    });
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let date = date.split('T').next().unwrap_or_default();
    format!("{date}, {cpu}, {cores} cores, {rustc}.")
}
