//! Reaping: when nothing is due, when one session in a hundred is, when all
//! are while requests are being served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dwell_axum::{ManualClock, MemoryStore, SessionManager, minutes, seconds};

use super::fill::subject;
use crate::child::print;
use crate::contender::{Contender, Meter, Session, Tower, at_once, block_on};
use crate::contenders::dwell;
use crate::stats::percentile;
use crate::traffic::Kind;

/// Entries of a pass: as many as the reaper takes at a time.
const ENTRIES: usize = 1_000;
/// Sessions that requests keep alive.
const LIVE: u64 = 100;

/// A store of sessions that are live, and what watches it.
struct Reaping {
    clock: ManualClock,
    manager: SessionManager,
    /// Counts the sessions that end.
    ended: Arc<AtomicU64>,
    sessions: u64,
    /// Cookies of those that are kept alive.
    live: Vec<String>,
}

/// Fills a store and prints what reaping it takes.
pub fn child(sessions: u64) -> Result<(), String> {
    let mut reaping = Reaping::fill(sessions)?;
    reaping.none()?;
    reaping.early()?;
    reaping.all()
}

impl Reaping {
    /// One of a hundred sessions is started five minutes before the others,
    /// which are spread over a minute.
    fn fill(sessions: u64) -> Result<Self, String> {
        let clock = ManualClock::new();
        let ended = Arc::new(AtomicU64::new(0));
        let counting = ended.clone();
        let store = MemoryStore::with_clock(clock.clone());
        let manager = SessionManager::builder(store, dwell::policies(true))
            .on_end(move |_| {
                counting.fetch_add(1, Ordering::Relaxed);
            })
            .build();
        // As in a service: the first pass comes before there are sessions.
        pass(&manager)?;
        let (early, second) = (sessions / 100, (sessions / 60).max(1));
        let mut live = Vec::new();
        block_on(async {
            for n in 0..sessions {
                if n == early {
                    clock.advance(minutes(5));
                }
                if n % second == 0 {
                    clock.advance(seconds(1));
                }
                let cookie = dwell::start(&manager, &subject(n)).await;
                if sessions - n <= LIVE {
                    live.push(cookie);
                }
            }
        });
        Ok(Self {
            clock,
            manager,
            ended,
            sessions,
            live,
        })
    }

    /// Nothing is due, also by new policies that change nothing.
    fn none(&self) -> Result<(), String> {
        let mut nothing: Vec<Duration> = Vec::new();
        for _ in 0..9 {
            nothing.push(pass(&self.manager)?.1);
        }
        nothing.sort();
        print("reap_none", &[micros(nothing[nothing.len() / 2])]);
        self.manager.policies().replace(dwell::policies(true));
        let reload = passes(&self.manager)?;
        self.check_ended(0)?;
        print("reap_reload", &reload.micros());
        Ok(())
    }

    /// The early ones run out; the others do not yet.
    fn early(&self) -> Result<(), String> {
        self.clock.advance(minutes(9) + seconds(30));
        let early = passes(&self.manager)?;
        self.check_ended(self.sessions / 100)?;
        print("reap_early", &early.micros());
        Ok(())
    }

    /// Everybody runs out but those whom requests keep alive.
    fn all(&mut self) -> Result<(), String> {
        let live = std::mem::take(&mut self.live);
        let make = || dwell::full_over(&self.manager);
        let app = Tower::axum(make, Session::Required, Kind::default());
        let mut app = app.with_cookies(live);
        let quiet = latencies(&mut app, || true, 100_000);
        self.clock.advance(minutes(7));
        let reaping = AtomicBool::new(true);
        let (all, busy) = std::thread::scope(|scope| {
            let reaper = scope.spawn(|| {
                let all = passes(&self.manager);
                reaping.store(false, Ordering::Release);
                all
            });
            let reaping = || reaping.load(Ordering::Acquire);
            let busy = latencies(&mut app, reaping, usize::MAX);
            (reaper.join(), busy)
        });
        let all = all.map_err(|_| "the reaper panicked".to_owned())??;
        self.check_ended(self.sessions - self.sessions / 100 - LIVE)?;
        app.check()?;
        print("reap_all", &all.micros());
        print("quiet", &summary(quiet));
        print("busy", &summary(busy));
        Ok(())
    }

    /// That so many sessions have ended since the last time.
    fn check_ended(&self, due: u64) -> Result<(), String> {
        match self.ended.swap(0, Ordering::Relaxed) {
            ended if ended == due => Ok(()),
            ended => Err(format!("{due} sessions were due, and {ended} ended")),
        }
    }
}

/// One pass: whether more is due, and how long it took.
fn pass(manager: &SessionManager) -> Result<(bool, Duration), String> {
    let started = Instant::now();
    let more = at_once(manager.reap(ENTRIES)).map_err(|e| e.to_string())?;
    Ok((more, started.elapsed()))
}

/// Passes until nothing more is due.
struct Passes {
    total: Duration,
    longest: Duration,
}

impl Passes {
    fn micros(&self) -> [f64; 2] {
        [micros(self.total), micros(self.longest)]
    }
}

fn passes(manager: &SessionManager) -> Result<Passes, String> {
    let mut passes = Passes {
        total: Duration::ZERO,
        longest: Duration::ZERO,
    };
    loop {
        let (more, took) = pass(manager)?;
        passes.total += took;
        passes.longest = passes.longest.max(took);
        if !more {
            return Ok(passes);
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The nanoseconds of each request while `go_on` says so, at most so many.
fn latencies(app: &mut impl Contender, go_on: impl Fn() -> bool, most: usize) -> Vec<u64> {
    let mut each = Each(Vec::with_capacity(1_000_000), Instant::now());
    while go_on() && each.0.len() < most {
        app.batch(1, &mut each);
    }
    each.0
}

/// Keeps the time of every batch.
struct Each(Vec<u64>, Instant);

impl Meter for Each {
    fn start(&mut self) {
        self.1 = Instant::now();
    }

    fn stop(&mut self) {
        let nanos = self.1.elapsed().as_nanos();
        self.0.push(u64::try_from(nanos).unwrap_or(u64::MAX));
    }
}

/// How many, the median, the 99th percentile, the 99.9th and the worst.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
fn summary(mut nanos: Vec<u64>) -> [f64; 5] {
    nanos.sort_unstable();
    let at = |per_mille| percentile(&nanos, per_mille) as f64;
    [nanos.len() as f64, at(500), at(990), at(999), at(1_000)]
}
