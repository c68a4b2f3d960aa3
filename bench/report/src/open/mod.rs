//! Connections that stay open: what thousands of event streams cost a server,
//! and how soon all of them end when their deadline comes.

pub mod apps;
mod streams;

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use core_affinity::CoreId;
use dwell_bench::app::runtime;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::{figure, median, median_difference};

use self::streams::Streams;
use crate::child::{program, section};
use crate::server::{Server, cores, pin};

/// Streams that share a session.
const PER_SESSION: usize = 10;

/// Until what has been opened or closed has settled.
const SETTLED: Duration = Duration::from_millis(500);

/// What is measured: a name, the application, and the stream's path.
const ROWS: [(&str, &str, &str); 3] = [
    ("bare", "stream-bare", "/stream"),
    ("dwell", "stream-dwell", "/stream"),
    (
        "dwell, `/session/events`",
        "stream-dwell",
        "/session/events",
    ),
];

/// Measures all of it, in a process that may open so many files: a shell asks
/// the system for it, which this program could do by unsafe code alone.
pub fn run(quick: bool) -> Result<Section, String> {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -S -n \"$0\" && exec \"$@\"", "10200"])
        .arg(program()?)
        .args(["--child", "open", if quick { "quick" } else { "whole" }]);
    section(command)
}

/// What was measured of one row, by round.
#[derive(Default)]
struct Rounds {
    /// Bytes of the server for each stream.
    resident: Vec<f64>,
    /// Milliseconds of the server's core in ten quiet seconds.
    quiet: Vec<f64>,
    /// Milliseconds after the deadline: half, and all streams have ended.
    ended: Vec<[f64; 2]>,
}

/// What the child process does.
pub fn child(quick: bool) -> Result<(), String> {
    let (streams, rounds) = if quick { (1_000, 1) } else { (10_000, 3) };
    // Before this thread is pinned, and sees one core alone.
    let [server_core, own_core] = cores()?;
    pin(own_core)?;
    let mut measured = ROWS.map(|_| Rounds::default());
    for _ in 0..rounds {
        for (row, rounds) in ROWS.iter().zip(&mut measured) {
            let failed = |error| format!("{}: {error}", row.0);
            hold(*row, server_core, streams, rounds).map_err(failed)?;
            if row.0 != "bare" {
                end(*row, server_core, streams, rounds).map_err(failed)?;
            }
        }
    }
    print!("{}", render(&measured, streams, rounds));
    Ok(())
}

/// Opens streams, and looks at what they cost a server that does nothing else.
fn hold(
    (name, app, path): (&str, &str, &str),
    core: CoreId,
    count: usize,
    rounds: &mut Rounds,
) -> Result<(), String> {
    let server = Server::start(app, core)?;
    let cookies = match name {
        "bare" => vec![server.cookie(false)?],
        _ => server.log_in(count / PER_SESSION, "")?,
    };
    runtime().block_on(async {
        let before = server.resident()?;
        let streams = Streams::open(server.address, path, &cookies, count).await?;
        sleep(SETTLED);
        rounds
            .resident
            .push((server.resident()? - before) / figure(count));
        let before = server.cpu_nanos()?;
        sleep(Duration::from_secs(10));
        rounds.quiet.push((server.cpu_nanos()? - before) / 1e6);
        drop(streams);
        Ok(())
    })
}

/// Opens streams that end together, and waits for the deadline.
fn end(
    (_, app, path): (&str, &str, &str),
    core: CoreId,
    count: usize,
    rounds: &mut Rounds,
) -> Result<(), String> {
    let server = Server::start(app, core)?;
    let until = streams::now() + 12_000_000;
    let query = (until / 1_000).to_string();
    let cookies = server.log_in(count / PER_SESSION, &query)?;
    let ended = runtime().block_on(async {
        let streams = Streams::open(server.address, path, &cookies, count).await?;
        streams.ended(until).await
    });
    rounds.ended.push(ended?);
    Ok(())
}

fn render(measured: &[Rounds; 3], streams: usize, rounds: usize) -> Section {
    let mut section = Section::new("Open streams");
    section.paragraph(&format!(
        "On the loopback: a server process of one thread on one core, and {streams} clients on the \
         other, each with an event stream of its own over HTTP/1.1; {PER_SESSION} streams share a \
         session. `bare` is a handler's stream on an axum router, `dwell` the same inside of the \
         full stack, and `/session/events` the stream of a session's deadlines. Bytes are what the \
         server's process grew by, sockets' buffers in the kernel apart; medians of {rounds} \
         rounds. `quiet` is the time of the server's core in 10 s in which nothing happens. Then \
         all sessions end at one instant: the time until half of the clients, and all, have their \
         last event and the end of the answer, in the worst round.",
    ));
    let heads = [
        "row",
        "bytes per stream",
        "over bare",
        "quiet, ms",
        "half ended, ms",
        "all ended, ms",
    ];
    let mut cells = Vec::new();
    for ((name, ..), rounds) in ROWS.into_iter().zip(measured) {
        let over = median_difference(&rounds.resident, &measured[0].resident);
        let mut row = vec![
            name.to_owned(),
            format!("{:.0}", median(&rounds.resident)),
            format!("{over:.0}"),
            short(median(&rounds.quiet)),
        ];
        let worst = rounds
            .ended
            .iter()
            .copied()
            .reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])]);
        match worst {
            None => row.extend(["–".to_owned(), "–".to_owned()]),
            Some([half, all]) => {
                row.extend([short(half), short(all)]);
                let what = format!("an open stream ({name}) costs ≤ 2,048 bytes");
                section.at_most(&what, over, 2_048.0, "");
                let what = format!("{streams} streams ({name}) end within 1 s of their deadline");
                section.at_most(&what, all, 1_000.0, " ms");
            }
        }
        cells.push(row);
    }
    section.table(&heads, &cells);
    section
}
