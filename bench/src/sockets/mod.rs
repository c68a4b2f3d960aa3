//! Over sockets: a server on one core, load on another, connections kept.

mod http1;
mod http2;
mod load;
mod report;
mod server;

pub use server::child as serve;

use std::time::Duration;

use crate::section::Section;

use self::load::{Limit, Load};
use self::server::{APPS, Server};

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One request at a time on each of many connections.
    Http1,
    /// Several at a time on each of a few.
    Http2,
}

impl Protocol {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// What was measured of one application by one protocol, by round.
#[derive(Debug, Default)]
struct Rounds {
    /// Requests per second.
    rates: Vec<f64>,
    /// How busy the server was with each, in nanoseconds of its core.
    busy: Vec<f64>,
    /// The share of its core that the server used.
    share: Vec<f64>,
    /// The latency of every request, in nanoseconds.
    latencies: Vec<u64>,
    /// Instructions of the server for one request.
    instructions: f64,
}

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let mut section = Section::new("Over sockets");
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let [server_core, load_core, ..] = cores.as_slice() else {
        section.paragraph("Not measured: it takes a core for the server and one for the load.");
        return Ok(section);
    };
    let (rounds, time) = match quick {
        true => (5, Duration::from_millis(200)),
        false => (41, Duration::from_millis(250)),
    };
    let core = server_core.id;
    let started: Result<Vec<Server>, String> = APPS
        .iter()
        .map(|app| Server::start(app.name, core))
        .collect();
    let mut servers = started?;
    // A thread of its own: pinning is for good, and later parts need both cores.
    let (load_core, given) = (*load_core, &servers);
    let measured = std::thread::scope(|scope| {
        let work = move || {
            if !core_affinity::set_for_current(load_core) {
                return Err("the load can't be pinned to its core".to_owned());
            }
            measure(given, rounds, time)
        };
        scope.spawn(work).join()
    });
    let mut measured = measured.map_err(|_| "the load panicked".to_owned())??;
    for server in &mut servers {
        server.stop()?;
    }
    for (app, rounds) in APPS.iter().zip(&mut measured) {
        for (protocol, rounds) in Protocol::ALL.into_iter().zip(rounds) {
            rounds.instructions = server::instructions(app.name, protocol)?;
        }
    }
    report::render(&mut section, &measured);
    Ok(section)
}

/// The rounds of each server by each protocol.
fn measure(servers: &[Server], rounds: usize, time: Duration) -> Result<Vec<[Rounds; 2]>, String> {
    let mut measured: Vec<[Rounds; 2]> = servers.iter().map(|_| Default::default()).collect();
    let cookies: Result<Vec<Option<String>>, String> =
        servers.iter().map(|server| server.log_in()).collect();
    let cookies = cookies?;
    for round in 0..=rounds {
        for (which, protocol) in Protocol::ALL.into_iter().enumerate() {
            for step in 0..servers.len() {
                // Another one begins every time.
                let ix = (round + step) % servers.len();
                let (server, cookie) = (&servers[ix], cookies[ix].as_deref());
                let load = Load::full(server.address(), protocol, cookie);
                let before = server.cpu_nanos()?;
                let sent = load.send(Limit::Time(time))?;
                let used = server.cpu_nanos()? - before;
                // The first round warms up.
                if round > 0 {
                    measured[ix][which].add(sent, used);
                }
            }
        }
    }
    Ok(measured)
}

impl Rounds {
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn add(&mut self, sent: load::Sent, used: u64) {
        let requests = sent.latencies.len() as f64;
        let seconds = sent.took.as_secs_f64();
        self.rates.push(requests / seconds);
        self.busy.push(used as f64 / requests);
        self.share.push(used as f64 / (seconds * 1e9));
        self.latencies.extend(sent.latencies);
    }
}
