//! Throughput by threads: on sessions of their own, and all on one.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use axum::Router;
use dwell_bench::app::App;
use dwell_bench::row::find;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::{figure, median, median_ratio};

use crate::rows;

/// Who is measured.
const NAMES: [&str; 4] = ["floor", "dwell", "tower-sessions", "session-guard"];

/// Threads, and whether they are all on one session.
const WAYS: [(usize, bool); 5] = [(1, false), (2, false), (2, true), (4, false), (4, true)];

/// Sessions of a thread of its own: many, so that it is no matter of luck
/// which of them share a lock.
const SESSIONS: usize = 64;

/// How long a thread goes on.
const TIME: Duration = Duration::from_millis(150);

/// A router with all its sessions.
struct Shared {
    name: &'static str,
    router: Router,
    cookies: Vec<String>,
    /// Requests per second, by way and round.
    rates: [Vec<f64>; WAYS.len()],
}

/// Adds the table and the goals.
pub fn measure(section: &mut Section, rounds: usize) -> Result<(), String> {
    let mut all = Vec::new();
    for name in NAMES {
        all.push(Shared::start(name)?);
    }
    for round in 0..=rounds {
        for shared in &mut all {
            for (way, (threads, same)) in WAYS.into_iter().enumerate() {
                let rate = shared.rate(threads, same)?;
                // The first round warms up.
                if round > 0 {
                    shared.rates[way].push(rate);
                }
            }
        }
    }
    section.paragraph("### Threads");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    section.paragraph(&format!(
        "Each thread has a runtime of its own and a clone of the service; they make their requests \
         themselves. In proportion to one thread, the median of interleaved rounds, on {cores} \
         cores."
    ));
    let heads = [
        "row",
        "requests/s, 1 thread",
        "2 threads",
        "2 on one session",
        "4 threads",
        "4 on one session",
    ];
    let cells: Vec<Vec<String>> = all.iter().map(Shared::cells).collect();
    section.table(&heads, &cells);
    if let Some(dwell) = all.iter().find(|shared| shared.name == "dwell") {
        let what = "two threads on different sessions ≥ 1.75 × one thread";
        section.at_least(what, dwell.against(1, 0), 1.75, " ×");
        let what = "two threads on one session ≥ 0.95 × on different ones";
        section.at_least(what, dwell.against(2, 1), 0.95, " ×");
    }
    Ok(())
}

impl Shared {
    fn start(name: &'static str) -> Result<Self, String> {
        let rows = rows::all();
        let router = (find(&rows, name)?.make)();
        let mut app = App::new(|| router.clone());
        let most = WAYS.iter().map(|way| way.0).max().unwrap_or(1);
        let cookies = (0..most * SESSIONS).map(|n| app.log_in(&n.to_string()));
        Ok(Self {
            name,
            cookies: cookies.collect::<Result<_, _>>()?,
            router,
            rates: Default::default(),
        })
    }

    /// Requests per second of so many threads together.
    fn rate(&self, threads: usize, same: bool) -> Result<f64, String> {
        let barrier = Barrier::new(threads);
        let work = |thread: usize| -> Result<f64, String> {
            let own = self.cookies.chunks(SESSIONS).nth(thread);
            let cookies = match same {
                true => self.cookies.iter().take(1).cloned().collect(),
                false => own.unwrap_or_default().to_vec(),
            };
            let mut app = App::new(|| self.router.clone()).with_cookies(cookies);
            app.check()?;
            barrier.wait();
            let started = Instant::now();
            let mut requests = 0;
            while started.elapsed() < TIME {
                app.batch(50);
                requests += 50;
            }
            Ok(figure(requests) / started.elapsed().as_secs_f64())
        };
        std::thread::scope(|scope| {
            let work = &work;
            let running: Vec<_> = (0..threads)
                .map(|thread| scope.spawn(move || work(thread)))
                .collect();
            let mut sum = 0.0;
            for thread in running {
                sum += thread.join().map_err(|_| "a thread panicked")??;
            }
            Ok(sum)
        })
    }

    /// One way's rate in proportion to another's.
    fn against(&self, way: usize, other: usize) -> f64 {
        median_ratio(&self.rates[way], &self.rates[other])
    }

    fn cells(&self) -> Vec<String> {
        let rate = format!("{:.0}", median(&self.rates[0]));
        let ratios = (1..WAYS.len()).map(|way| format!("{} ×", short(self.against(way, 0))));
        let name = self.name.to_owned();
        [name, rate].into_iter().chain(ratios).collect()
    }
}
