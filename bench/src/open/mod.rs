//! Connections that stay open: what thousands of event streams cost a server,
//! and how soon all of them end when their deadline comes.
//!
//! | file | what |
//! |---|---|
//! | `apps` | what is served |
//! | `server` | the server, a process of its own |
//! | `clients` | its clients, another process |
//! | `process` | talking to the two by lines |
//! | `report` | the tables and goals |
//! | `program` | the program that serves |

mod apps;
mod clients;
mod process;
mod report;
mod server;

pub use clients::{Work, child as clients};
pub use server::serve;

use std::time::Duration;

use crate::section::Section;

use self::apps::APPS;
use self::clients::{Clients, Ended};
use self::process::may_open;
use self::server::{Held, Server};

/// Streams that share a session.
const PER_SESSION: usize = 10;

/// The first look at the session is over by then, and whatever was needed to
/// accept a connection is given back.
const SETTLED: Duration = Duration::from_secs(2);

/// How much is measured, and for how long.
#[derive(Clone, Copy, Debug)]
struct Plan {
    streams: usize,
    rounds: usize,
    /// How long it is looked at open streams on which nothing happens.
    quiet: Duration,
    /// How long opening may take until a deadline.
    opening: Duration,
}

/// What was measured of one application, by round.
#[derive(Debug, Default)]
struct Rounds {
    /// Bytes that the server holds for each stream.
    allocated: Vec<f64>,
    /// Bytes of its resident memory for each stream.
    resident: Vec<f64>,
    /// Milliseconds of its core while nothing happens.
    quiet: Vec<f64>,
    /// When its streams ended, where they do.
    ended: Vec<Ended>,
    /// Milliseconds of its core from shortly before the deadline to the end.
    ending: Vec<f64>,
    /// Milliseconds of that time in which somebody else had the core.
    waited: Vec<f64>,
}

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let plan = match quick {
        true => Plan {
            streams: 1_000,
            rounds: 1,
            quiet: Duration::from_secs(2),
            opening: Duration::from_secs(6),
        },
        false => Plan {
            streams: 10_000,
            rounds: 3,
            quiet: Duration::from_secs(10),
            opening: Duration::from_secs(15),
        },
    };
    let mut section = Section::new("Open streams");
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let [server_core, clients_core, ..] = cores.as_slice() else {
        section.paragraph("Not measured: it takes a core for the server and one for the clients.");
        return Ok(section);
    };
    let files = plan.streams + 200;
    if !may_open(files)? {
        section.paragraph(&format!(
            "Not measured: a process may not open {files} files."
        ));
        return Ok(section);
    }
    let cores = [server_core.id, clients_core.id];
    let mut measured: Vec<Rounds> = APPS.iter().map(|_| Rounds::default()).collect();
    for round in 0..plan.rounds {
        for step in 0..APPS.len() {
            // Another one begins every time.
            let ix = (round + step) % APPS.len();
            hold(&mut measured[ix], APPS[ix].name, &plan, cores)?;
        }
    }
    for _ in 0..plan.rounds {
        for (app, rounds) in APPS.iter().zip(&mut measured) {
            if app.has_sessions {
                end(rounds, app.name, &plan, cores)?;
            }
        }
    }
    report::render(&mut section, &plan, &measured);
    Ok(section)
}

/// Opens the streams and holds them.
fn hold(rounds: &mut Rounds, app: &str, plan: &Plan, cores: [usize; 2]) -> Result<(), String> {
    let (mut server, mut clients) = start(app, plan, cores, None)?;
    let Held {
        allocated,
        resident,
        ..
    } = server.held()?;
    clients.open()?;
    std::thread::sleep(SETTLED);
    let open = server.held()?;
    std::thread::sleep(plan.quiet);
    let later = server.held()?;
    clients.leave()?;
    server.stop()?;
    let each = |before: u64, after: u64| {
        let grown = i128::from(after) - i128::from(before);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (grown, streams) = (grown as f64, plan.streams as f64);
        grown / streams
    };
    rounds.allocated.push(each(allocated, open.allocated));
    rounds.resident.push(each(resident, open.resident));
    let [quiet, _] = millis_between(&open, &later);
    rounds.quiet.push(quiet);
    Ok(())
}

/// Opens the streams and waits for the deadline.
fn end(rounds: &mut Rounds, app: &str, plan: &Plan, cores: [usize; 2]) -> Result<(), String> {
    let (mut server, mut clients) = start(app, plan, cores, Some(plan.opening))?;
    clients.open()?;
    std::thread::sleep(SETTLED);
    let before = server.held()?;
    let ended = clients.ended()?;
    let after = server.held()?;
    server.stop()?;
    rounds.ended.push(ended);
    let [cpu, waited] = millis_between(&before, &after);
    rounds.ending.push(cpu);
    rounds.waited.push(waited);
    Ok(())
}

fn start(
    app: &str,
    plan: &Plan,
    [server_core, clients_core]: [usize; 2],
    until: Option<Duration>,
) -> Result<(Server, Clients), String> {
    let files = plan.streams + 200;
    let server = Server::start(app, server_core, files)?;
    let clients = Clients::start(&server, clients_core, files, plan.streams, until)?;
    Ok((server, clients))
}

/// How long the server's thread has run, and how long it waited for its core.
fn millis_between(before: &Held, after: &Held) -> [f64; 2] {
    let run = after.cpu_nanos - before.cpu_nanos;
    let waited = after.waited_nanos - before.waited_nanos;
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    [run, waited].map(|nanos| nanos as f64 / 1e6)
}
