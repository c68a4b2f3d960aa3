//! Throughput by threads: on sessions of their own, and all on one.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use axum::Router;

use crate::contender::{Contender, Session, Tower, Unmetered};
use crate::contenders::{dwell, floor, noop, session_guard, tower_sessions};
use crate::section::{Section, short};
use crate::stats::{figure, median, median_ratio};
use crate::traffic::{COOKIE, Kind};

/// A name, how the router is made, and what it does about sessions.
type Given = (&'static str, fn() -> Router, Session);

/// Who is measured.
const APPS: [Given; 5] = [
    ("bare", noop::bare, Session::None),
    ("floor", floor::router, Session::Required),
    ("dwell", dwell::full, Session::Required),
    (
        "tower-sessions-save",
        tower_sessions::saving,
        Session::Required,
    ),
    ("session-guard", session_guard::guard, Session::Required),
];

/// Threads, and whether they are all on one session.
const WAYS: [(usize, bool); 5] = [(1, false), (2, false), (2, true), (4, false), (4, true)];

/// Sessions of a thread of its own: many, so that it is no matter of luck
/// which of them share a lock.
const SESSIONS: usize = 64;

/// How long a thread goes on.
const TIME: Duration = Duration::from_millis(150);

/// An application with all its sessions.
struct App {
    name: &'static str,
    router: Router,
    session: Session,
    cookies: Vec<String>,
    /// Requests per second, by way and round.
    rates: [Vec<f64>; WAYS.len()],
}

/// Adds the table and the goals.
pub fn measure(section: &mut Section, rounds: usize) -> Result<(), String> {
    let mut apps: Vec<App> = APPS.into_iter().map(App::start).collect();
    for round in 0..=rounds {
        for app in &mut apps {
            for (way, (threads, same)) in WAYS.into_iter().enumerate() {
                let rate = app.rate(threads, same)?;
                // The first round warms up.
                if round > 0 {
                    app.rates[way].push(rate);
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
        "application",
        "requests/s, 1 thread",
        "2 threads",
        "2 on one session",
        "4 threads",
        "4 on one session",
    ];
    let rows: Vec<Vec<String>> = apps.iter().map(App::cells).collect();
    section.table(&heads, &rows);
    let dwell = apps.iter().find(|app| app.name == "dwell");
    if let Some(dwell) = dwell {
        let what = "two threads on different sessions ≥ 1.75 × one thread";
        section.at_least(what, dwell.against(1, 0), 1.75, " ×");
        let what = "two threads on one session ≥ 0.95 × on different ones";
        section.at_least(what, dwell.against(2, 1), 0.95, " ×");
        let what = "four threads on one session ≥ 0.95 × on different ones";
        section.at_least(what, dwell.against(4, 3), 0.95, " ×");
    }
    Ok(())
}

impl App {
    fn start((name, make, session): Given) -> Self {
        let most = WAYS.iter().map(|way| way.0).max().unwrap_or(1);
        let app = Tower::axum(make, session, Kind::default());
        let (router, cookies) = match session {
            Session::None => (app.into_service(), vec![COOKIE.to_owned(); most * SESSIONS]),
            _ => {
                let mut app = app;
                // Not every login is a new session: the floor has one.
                let cookies = (0..most * SESSIONS).map(|_| app.log_in()).collect();
                (app.into_service(), cookies)
            }
        };
        Self {
            name,
            router,
            session,
            cookies,
            rates: Default::default(),
        }
    }

    /// Requests per second of so many threads together.
    fn rate(&self, threads: usize, same: bool) -> Result<f64, String> {
        let barrier = Barrier::new(threads);
        let work = |thread: usize| -> Result<f64, String> {
            let service = self.router.clone();
            let app = Tower::axum(|| service, self.session, Kind::default());
            let own = self.cookies.chunks(SESSIONS).nth(thread);
            let cookies = match same {
                true => self.cookies.iter().take(1).cloned().collect(),
                false => own.unwrap_or_default().to_vec(),
            };
            let mut app = app.with_cookies(cookies);
            app.check()?;
            barrier.wait();
            let started = Instant::now();
            let mut requests = 0;
            while started.elapsed() < TIME {
                app.batch(50, &mut Unmetered);
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
        let mut cells = vec![
            self.name.to_owned(),
            format!("{:.0}", median(&self.rates[0])),
        ];
        let ratios = (1..WAYS.len()).map(|way| format!("{} ×", short(self.against(way, 0))));
        cells.extend(ratios);
        cells
    }
}
