//! Over HTTP/1.1: a server on one core, load on another, connections kept.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dwell_bench::app::runtime;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::{figure, median, median_ratio, percentile};
use dwell_bench::traffic::{Kind, bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::http1::is_whole;
use crate::server::{Server, cores, pin};

/// Who is measured; the others are read over the first, which has no sessions.
const NAMES: [&str; 5] = ["bare", "floor", "dwell", "tower-sessions", "session-guard"];

const CONNECTIONS: usize = 32;

/// A server, and what was measured of it by round.
struct Measured {
    server: Server,
    request: Vec<u8>,
    /// Requests per second.
    rates: Vec<f64>,
    /// How long the server's core was busy with each, in nanoseconds.
    busy: Vec<f64>,
    /// Of every request, in nanoseconds.
    latencies: Vec<u64>,
}

/// Measures all of it.
pub fn run(quick: bool) -> Result<Section, String> {
    let [server_core, load_core] = cores()?;
    let rounds = if quick { 5 } else { 41 };
    let mut all = Vec::new();
    for name in NAMES {
        let server = Server::start(name, server_core)?;
        let cookie = server.cookie(name != "bare")?;
        all.push(Measured {
            request: bytes("/", Some(&cookie), Kind::BROWSER),
            server,
            rates: Vec::new(),
            busy: Vec::new(),
            latencies: Vec::new(),
        });
    }
    let given = &mut all;
    // A thread of its own: pinning is for good, and later parts need both cores.
    let measured = std::thread::scope(|scope| {
        let work = move || {
            pin(load_core)?;
            for round in 0..=rounds {
                let first = round % given.len();
                // Another one begins every time.
                given.rotate_left(first);
                for one in given.iter_mut() {
                    // The first round warms up.
                    one.round(round > 0)?;
                }
                given.rotate_right(first);
            }
            Ok::<(), String>(())
        };
        scope.spawn(work).join()
    });
    measured.map_err(|_| "the load panicked".to_owned())??;
    Ok(render(&mut all))
}

impl Measured {
    fn round(&mut self, counts: bool) -> Result<(), String> {
        let (before, started) = (self.server.cpu_nanos()?, Instant::now());
        let until = started + Duration::from_millis(250);
        let sent = runtime().block_on(load(self.server.address, &self.request, until))?;
        let took = started.elapsed().as_secs_f64();
        let used = self.server.cpu_nanos()? - before;
        if counts {
            self.rates.push(figure(sent.len()) / took);
            self.busy.push(used / figure(sent.len()));
            self.latencies.extend(sent);
        }
        Ok(())
    }
}

/// One request after the other on each connection; the latencies.
async fn load(server: SocketAddr, request: &[u8], until: Instant) -> Result<Vec<u64>, String> {
    let mut running = JoinSet::new();
    for _ in 0..CONNECTIONS {
        running.spawn(connection(server, request.to_vec(), until));
    }
    let mut latencies = Vec::new();
    while let Some(ended) = running.join_next().await {
        let ended = ended.map_err(|e| e.to_string())?;
        latencies.extend(ended.map_err(|e| e.to_string())?);
    }
    Ok(latencies)
}

async fn connection(server: SocketAddr, request: Vec<u8>, until: Instant) -> io::Result<Vec<u64>> {
    let mut socket = TcpStream::connect(server).await?;
    socket.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut answer = Vec::with_capacity(4_096);
    while Instant::now() < until {
        let sent = Instant::now();
        socket.write_all(&request).await?;
        answer.clear();
        while !is_whole(&answer)? {
            if socket.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let nanos = sent.elapsed().as_nanos();
        latencies.push(u64::try_from(nanos).unwrap_or(u64::MAX));
    }
    Ok(latencies)
}

fn render(all: &mut [Measured]) -> Section {
    let mut section = Section::new("Over HTTP/1.1");
    section.paragraph(&format!(
        "On the loopback: a server process of one thread on one core, the load on another, \
         {CONNECTIONS} connections that are kept, with a request at a time on each. `of bare` is \
         the median of the ratios of interleaved rounds. `server` is the time of its core for a \
         request.",
    ));
    let heads = [
        "row",
        "requests/s",
        "of bare",
        "p50, µs",
        "p99, µs",
        "server, µs",
    ];
    let bare = all
        .first()
        .map(|bare| bare.rates.clone())
        .unwrap_or_default();
    let mut cells = Vec::new();
    for (name, one) in NAMES.into_iter().zip(all) {
        one.latencies.sort_unstable();
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let micros = |per_mille| short(percentile(&one.latencies, per_mille) as f64 / 1e3);
        let ratio = median_ratio(&one.rates, &bare);
        cells.push(vec![
            name.to_owned(),
            format!("{:.0}", median(&one.rates)),
            format!("{ratio:.3}"),
            micros(500),
            micros(990),
            short(median(&one.busy) / 1e3),
        ]);
        if name == "dwell" {
            let what = "requests per second over HTTP/1.1 ≥ 0.92 of a bare router's";
            section.at_least(what, ratio, 0.92, "");
        }
    }
    section.table(&heads, &cells);
    section
}
