//! Reaping: when nothing is due, when one session in a hundred is, when all
//! are while requests are being served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dwell_axum::{ManualClock, MemoryStore, SessionManager, minutes, seconds, session_timeout};
use dwell_bench::app::{App, runtime};
use dwell_bench::dwell;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::percentile;

use super::fill::subject;
use crate::child::{Figures, print};

/// Entries of a pass: as many as the reaper takes at a time.
const ENTRIES: usize = 1_000;
/// Sessions that requests keep alive.
const LIVE: usize = 100;

/// Adds the table and the goals.
pub fn measure(section: &mut Section, quick: bool) -> Result<(), String> {
    let sizes = if quick {
        &[100_000][..]
    } else {
        &[1_000_000, 10_000_000]
    };
    let mut cells = Vec::new();
    for sessions in sizes {
        let figures = Figures::of(&["reap", &sessions.to_string()])?;
        let none = figures.one("none")?;
        let [reload, longest_of_reload] = figures.all("reload")?;
        let [early, longest_of_early] = figures.all("early")?;
        let [all, longest_of_all] = figures.all("all")?;
        let longest = longest_of_reload.max(longest_of_early).max(longest_of_all);
        let ([p99, _], [busy_p99, busy_worst]) = (figures.all("before")?, figures.all("while")?);
        let millis = [reload, early, all, longest].map(|micros| short(micros / 1e3));
        let mut row = vec![sessions.to_string(), short(none)];
        row.extend(millis);
        row.extend([p99, busy_p99, busy_worst].map(short));
        cells.push(row);
        let what = format!("reaping when nothing is due, of {sessions}: < 1 ms");
        section.goal(&what, format!("{} µs", short(none)), none < 1_000.0);
        let what = format!("worst request while {sessions} are reaped ≤ 2 × the p99 without");
        let figure = format!("{} / {} µs", short(busy_worst), short(p99));
        section.goal(&what, figure, busy_worst <= 2.0 * p99);
    }
    section.paragraph("### Reaping");
    section.paragraph(
        "In passes of 1,000 entries. All sessions but 100 run out at once while another thread \
         sends requests with those 100; `before` are the same requests without a reaper.",
    );
    let heads = [
        "sessions",
        "nothing due, µs",
        "after a reload, ms",
        "1 %, ms",
        "all, ms",
        "longest pass, ms",
        "p99 before, µs",
        "p99 meanwhile, µs",
        "worst meanwhile, µs",
    ];
    section.table(&heads, &cells);
    Ok(())
}

/// Fills a store and prints what reaping it takes.
pub fn child(sessions: usize) -> Result<(), String> {
    let clock = ManualClock::new();
    let ended = Arc::new(AtomicUsize::new(0));
    let counting = ended.clone();
    let store = MemoryStore::with_clock(clock.clone());
    let manager = SessionManager::builder(store, dwell::policies())
        .on_end(move |_| {
            counting.fetch_add(1, Ordering::Relaxed);
        })
        .build();
    // As in a service: the first pass comes before there are sessions.
    pass(&manager)?;
    let stack = session_timeout(&manager).without_reaper();
    let mut app = App::new(|| dwell::behind(stack));
    // One of a hundred sessions is started five minutes before the others,
    // which are spread over a minute.
    let (early, second) = (sessions / 100, (sessions / 60).max(1));
    let mut live = Vec::new();
    for n in 0..sessions {
        if n == early {
            clock.advance(minutes(5));
        }
        if n % second == 0 {
            clock.advance(seconds(1));
        }
        let cookie = app.log_in(&subject(n))?;
        if sessions - n <= LIVE {
            live.push(cookie);
        }
    }
    let expect = |due: usize| match ended.swap(0, Ordering::Relaxed) {
        count if count == due => Ok(()),
        count => Err(format!("{due} sessions were due, and {count} ended")),
    };

    let nothing: Result<Vec<f64>, String> = (0..9).map(|_| Ok(micros(pass(&manager)?.1))).collect();
    print("none", &[dwell_bench::stats::median(&nothing?)]);
    // By new policies that change nothing.
    manager.policies().replace(dwell::policies());
    let reload = passes(&manager)?;
    expect(0)?;
    print("reload", &reload);
    clock.advance(minutes(24) + seconds(30));
    let one_percent = passes(&manager)?;
    expect(early)?;
    print("early", &one_percent);

    let mut app = app.with_cookies(live);
    print("before", &latencies(&mut app, || true, 100_000));
    clock.advance(minutes(7));
    let reaping = AtomicBool::new(true);
    let (all, busy) = std::thread::scope(|scope| {
        let reaper = scope.spawn(|| {
            let all = passes(&manager);
            reaping.store(false, Ordering::Release);
            all
        });
        let busy = latencies(&mut app, || reaping.load(Ordering::Acquire), usize::MAX);
        (reaper.join(), busy)
    });
    expect(sessions - early - LIVE)?;
    app.check()?;
    print("all", &all.map_err(|_| "the reaper panicked".to_owned())??);
    print("while", &busy);
    Ok(())
}

/// One pass: whether more is due, and how long it took.
fn pass(manager: &SessionManager) -> Result<(bool, Duration), String> {
    let runtime = runtime();
    let started = Instant::now();
    let more = runtime.block_on(manager.reap(ENTRIES));
    Ok((more.map_err(|e| e.to_string())?, started.elapsed()))
}

/// Passes until nothing more is due: microseconds of all, and of the longest.
fn passes(manager: &SessionManager) -> Result<[f64; 2], String> {
    let (mut total, mut longest) = (Duration::ZERO, Duration::ZERO);
    loop {
        let (more, took) = pass(manager)?;
        total += took;
        longest = longest.max(took);
        if !more {
            return Ok([total, longest].map(micros));
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Microseconds of requests while `go_on` says so, at most so many: the 99th
/// percentile and the worst.
fn latencies(app: &mut App, go_on: impl Fn() -> bool, most: usize) -> [f64; 2] {
    let mut nanos = Vec::with_capacity(1_000_000);
    while go_on() && nanos.len() < most {
        let took = app.batch(1).as_nanos();
        nanos.push(u64::try_from(took).unwrap_or(u64::MAX));
    }
    nanos.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
    [990, 1_000].map(|per_mille| percentile(&nanos, per_mille) as f64 / 1e3)
}
