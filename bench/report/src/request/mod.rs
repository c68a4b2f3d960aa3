//! What one request costs, in this process and on one thread, by cargo's own
//! profile and by a tuned one.

pub mod nanos;

use std::path::{Path, PathBuf};
use std::process::Command;

use dwell_bench::callgrind::{Counted, count};
use dwell_bench::row::NOOP;
use dwell_bench::section::{Section, short};

use crate::child::{Figures, cargo, program};
use crate::rows;

/// What was measured by one profile.
struct Profile {
    /// By row: nanoseconds, and those over no-op.
    nanos: Figures,
    /// The same with a subscriber to `tracing`.
    traced: Figures,
    /// By row of the table.
    counted: Vec<Counted>,
}

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let programs = [program()?, tuned_program()?];
    let rounds = if quick { "200" } else { "2000" };
    let mut profiles = Vec::new();
    for program in &programs {
        profiles.push(measure(program, rounds)?);
    }
    let [plain, tuned] = profiles.as_slice() else {
        return Err("there are two profiles".to_owned());
    };
    let mut section = Section::new("Per request");
    section.paragraph(
        "One thread calls an axum router with requests made beforehand, as `axum::serve` does: with \
         `ConnectInfo` put in first, until the answer is dropped. The requests are Chromium's: 14 \
         headers, and three cookies beside the session's. Every row is logged in, and answers 401 \
         without its session. Figures are over a layer that does nothing: nanoseconds as the median \
         of the differences, round by round, in interleaved rounds of 200 requests; instructions and \
         allocations by callgrind, instructions without those of the allocator and of SHA-256. \
         `plain` is `cargo build --release` with nothing set; `tuned` has thin LTO and one codegen \
         unit.",
    );
    table(&mut section, plain, tuned)?;
    circumstances(&mut section, plain)?;
    goals(&mut section, plain, tuned)?;
    Ok(section)
}

/// This program by the tuned profile, built if need be.
fn tuned_program() -> Result<PathBuf, String> {
    let own = program()?;
    let name = own.file_name().ok_or("this program has no name")?;
    let folder = own.parent().filter(|folder| folder.ends_with("release"));
    let target = folder.and_then(Path::parent);
    let target = target.ok_or("run this by --release: the plain profile comes first")?;
    let mut build = cargo();
    build.args(["build", "--locked", "--quiet", "--profile", "tuned"]);
    build.args(["-p", env!("CARGO_PKG_NAME"), "--target-dir"]);
    let status = build.arg(target).status();
    match status.map_err(|e| format!("cargo build: {e}"))?.success() {
        true => Ok(target.join("tuned").join(name)),
        false => Err("the tuned profile does not build".to_owned()),
    }
}

fn measure(program: &Path, rounds: &str) -> Result<Profile, String> {
    let names: Vec<&str> = rows::all().iter().map(|row| row.name).collect();
    let nanos = |subscriber: &str, names: &[&str]| {
        let mut command = Command::new(program);
        command.args(["--child", "nanos", rounds, subscriber, &names.join(",")]);
        Figures::by(command)
    };
    let traced = [&[NOOP.name][..], &rows::BY_COOKIES].concat();
    let counted: Result<Vec<Counted>, String> = rows::table()
        .iter()
        .map(|row| count(program, row.name))
        .collect();
    Ok(Profile {
        nanos: nanos("none", &names)?,
        traced: nanos("info", &traced)?,
        counted: counted?,
    })
}

impl Profile {
    fn over(&self, row: &str) -> Result<f64, String> {
        self.nanos.all(row).map(|[_, over]| over)
    }

    /// Of a row of the table, over no-op.
    fn added(&self, row: usize) -> Counted {
        let (row, noop) = (self.counted[row], self.counted[0]);
        Counted {
            instructions: row.instructions - noop.instructions,
            allocations: row.allocations - noop.allocations,
        }
    }
}

fn table(section: &mut Section, plain: &Profile, tuned: &Profile) -> Result<(), String> {
    let heads = [
        "row",
        "ns, plain",
        "ns, tuned",
        "allocations",
        "instructions, plain",
        "tuned",
        "what it is",
    ];
    let mut cells = Vec::new();
    for (ix, row) in rows::table().iter().enumerate() {
        let (of_plain, of_tuned) = (plain.added(ix), tuned.added(ix));
        cells.push(vec![
            row.name.to_owned(),
            format!("{:.0}", plain.over(row.name)?),
            format!("{:.0}", tuned.over(row.name)?),
            format!("{:.0}", of_plain.allocations),
            format!("{:.0}", of_plain.instructions),
            format!("{:.0}", of_tuned.instructions),
            row.about.to_owned(),
        ]);
    }
    section.table(&heads, &cells);
    let [alone, _] = plain.nanos.all(NOOP.name)?;
    let noop = plain.counted[0];
    section.paragraph(&format!(
        "axum itself, with the layer that does nothing: {alone:.0} ns, {:.0} allocations, {:.0} \
         instructions in the plain profile.",
        noop.allocations, noop.instructions,
    ));
    Ok(())
}

/// By what surrounds a check: cookies, and a subscriber.
fn circumstances(section: &mut Section, plain: &Profile) -> Result<(), String> {
    let heads = [
        "ns over no-op, plain profile",
        "the session's cookie alone",
        "3 others",
        "13 others",
        "3 others, `tracing` at INFO",
    ];
    let mut cells = Vec::new();
    for name in rows::BY_COOKIES {
        let [_, traced] = plain.traced.all(name)?;
        let figures = [
            plain.over(&format!("{name}-alone"))?,
            plain.over(name)?,
            plain.over(&format!("{name}-many"))?,
            traced,
        ];
        let figures = figures.map(|figure| format!("{figure:.0}"));
        cells.push([name.to_owned()].into_iter().chain(figures).collect());
    }
    section.table(&heads, &cells);
    Ok(())
}

/// A figure in proportion to another, as text.
fn ratio(of: f64, to: f64) -> String {
    format!("{} / {} ns = {}", short(of), short(to), short(of / to))
}

fn goals(section: &mut Section, plain: &Profile, tuned: &Profile) -> Result<(), String> {
    let both = [plain, tuned];
    for (suffix, requests) in [("", "3 other cookies"), ("-alone", "no other cookie")] {
        let pair = |profile: &Profile| -> Result<(f64, f64), String> {
            let over = |name: &str| profile.over(&format!("{name}{suffix}"));
            let better = over("tower-sessions")?.min(over("session-guard")?);
            Ok((over("dwell")?, better))
        };
        let pairs = [pair(plain)?, pair(tuned)?];
        let bounds: &[f64] = if suffix.is_empty() {
            &[0.40, 0.33, 0.17]
        } else {
            &[0.40]
        };
        for bound in bounds {
            let what = format!(
                "added to a request with {requests} ≤ {bound:.2} × the better of tower-sessions \
                 and session-guard"
            );
            let met = pairs[0].0 <= bound * pairs[0].1;
            section.goal_of_both(&what, pairs.map(|(of, to)| ratio(of, to)), met);
        }
    }
    let floor = both.map(|profile| Ok((profile.over("dwell")?, profile.over("floor")?)));
    let [floor, tuned_floor] = floor.map(|pair: Result<(f64, f64), String>| pair);
    let floors = [floor?, tuned_floor?];
    let met = floors[0].0 <= 1.5 * floors[0].1;
    let what = "added to a request ≤ 1.5 × the floor layer";
    section.goal_of_both(what, floors.map(|(of, to)| ratio(of, to)), met);
    let dwell = plain.over("dwell")?;
    let [_, traced] = plain.traced.all("dwell")?;
    for (what, with) in [
        ("ten more cookies", plain.over("dwell-many")?),
        ("`tracing` at INFO", traced),
    ] {
        let more = (with / dwell - 1.0) * 100.0;
        section.at_most(&format!("{what}: ≤ 10 % more over no-op"), more, 10.0, " %");
    }
    let ix = rows::table().iter().position(|row| row.name == "dwell");
    let allocations = both.map(|profile| profile.added(ix.unwrap_or_default()).allocations);
    let met = allocations[0] <= 4.0;
    let figures = allocations.map(|count| format!("{count:.0}"));
    section.goal_of_both("allocations added to a request ≤ 4", figures, met);
    Ok(())
}
