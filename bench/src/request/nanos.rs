//! Nanoseconds per request, in interleaved rounds: A B C … A B C …, so
//! that a slow moment of the machine meets them all.

use std::time::Instant;

use crate::child::{Figures, print};
use crate::contender::{Contender, Meter, Unmetered};
use crate::rows::{Row, named};
use crate::stats::{figure, median, median_difference};

/// Requests that are made before they are sent: few, so that they are as warm
/// as a server's.
const BATCH: usize = 100;

/// Who listens to `tracing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscriber {
    /// Nobody.
    None,
    /// A formatter at INFO that writes nowhere.
    Info,
}

/// The costs of one row, per request.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Nanoseconds, the median round.
    pub nanos: f64,
    /// The fastest and the slowest round.
    pub range: (f64, f64),
    /// Nanoseconds over the group's layer that does nothing, the median round.
    pub over: f64,
}

/// Measures the named rows in a process of their own.
pub fn measure(
    names: &[&str],
    rounds: usize,
    requests: usize,
    subscriber: Subscriber,
) -> Result<Vec<Cost>, String> {
    let (rounds, requests) = (rounds.to_string(), requests.to_string());
    let listening = match subscriber {
        Subscriber::None => "none",
        Subscriber::Info => "info",
    };
    let names_given = names.join(",");
    let args = [
        "--child",
        "nanos",
        &rounds,
        &requests,
        listening,
        &names_given,
    ];
    let figures = Figures::of(&args)?;
    let cost = |name: &&str| match figures.all(name)? {
        [nanos, low, high, over] => Ok(Cost {
            nanos: *nanos,
            range: (*low, *high),
            over: *over,
        }),
        other => Err(format!("{name}: {other:?}")),
    };
    names.iter().map(cost).collect()
}

/// What that process does.
pub fn child(
    rounds: usize,
    requests: usize,
    subscriber: Subscriber,
    names: &[&str],
) -> Result<(), String> {
    if subscriber == Subscriber::Info {
        let format = tracing_subscriber::fmt().with_writer(std::io::sink);
        format.with_max_level(tracing::Level::INFO).init();
        if !tracing::enabled!(tracing::Level::INFO) {
            return Err("the subscriber does not listen".to_owned());
        }
    }
    let mut running: Vec<Running> = named(names)?.into_iter().map(Running::start).collect();
    for running in &mut running {
        let check = running.contender.check();
        check.map_err(|error| format!("{}: {error}", running.row.name))?;
        running.round(requests, &mut Unmetered);
    }
    for _ in 0..rounds {
        for running in &mut running {
            let mut stopwatch = Stopwatch::default();
            running.round(requests, &mut stopwatch);
            running.nanos.push(stopwatch.nanos / figure(requests));
        }
    }
    for running in &mut running {
        // Still: a session that ended meanwhile was measured as a refusal.
        let check = running.contender.check();
        check.map_err(|error| format!("{}, afterwards: {error}", running.row.name))?;
    }
    for row in &running {
        let reference = row.row.group.reference();
        let reference = running.iter().find(|r| Some(r.row.name) == reference);
        let over = reference.map_or(f64::NAN, |reference| {
            median_difference(&row.nanos, &reference.nanos)
        });
        row.report(over);
    }
    Ok(())
}

/// A row while it is measured.
struct Running {
    row: &'static Row,
    contender: Box<dyn Contender>,
    nanos: Vec<f64>,
}

impl Running {
    fn start(row: &'static Row) -> Self {
        Self {
            row,
            contender: row.make(),
            nanos: Vec::new(),
        }
    }

    fn round(&mut self, requests: usize, meter: &mut dyn Meter) {
        for _ in 0..requests.div_ceil(BATCH) {
            self.contender.batch(BATCH, meter);
        }
    }

    fn report(&self, over: f64) {
        let fold = |by: fn(f64, f64) -> f64| self.nanos.iter().copied().reduce(by);
        let (low, high) = (fold(f64::min), fold(f64::max));
        let range = [low.unwrap_or_default(), high.unwrap_or_default()];
        print(
            self.row.name,
            &[median(&self.nanos), range[0], range[1], over],
        );
    }
}

/// Adds up the time inside batches.
#[derive(Default)]
struct Stopwatch {
    started: Option<Instant>,
    nanos: f64,
}

impl Meter for Stopwatch {
    fn start(&mut self) {
        self.started = Some(Instant::now());
    }

    fn stop(&mut self) {
        if let Some(started) = self.started.take() {
            self.nanos += started.elapsed().as_secs_f64() * 1e9;
        }
    }
}
