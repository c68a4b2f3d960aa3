//! Whether two sessions share a lock: look-ups by two threads, pair by pair.
//! A pair that meets in a lock is much slower than the others.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use dwell_axum::dwell_core::store::SessionStore;
use dwell_axum::{MemoryStore, SessionKey, Token};
use dwell_bench::app::App;
use dwell_bench::dwell;
use dwell_bench::section::{Section, short};
use dwell_bench::stats::{figure, median};

/// Sessions that are paired with the first one: enough that, of as many locks
/// as a store may have, some are met.
const PAIRS: usize = 512;
const LOOKUPS: usize = 2_000;
/// The fastest of these counts, since others disturb but never help.
const TRIES: usize = 5;

/// Adds the goal.
pub fn measure(section: &mut Section) -> Result<(), String> {
    let store = MemoryStore::new();
    let mut app = App::new(|| dwell::full_over(&dwell::manager(store.clone())));
    let mut key = |n: usize| -> Result<SessionKey, String> {
        let cookie = app.log_in(&n.to_string())?;
        let token = cookie.split_once('=').map_or("", |(_, token)| token);
        let token = Token::parse(token.as_bytes()).ok_or("a cookie without a token")?;
        Ok(token.key())
    };
    let keys: Result<Vec<SessionKey>, String> = (0..=PAIRS).map(&mut key).collect();
    let other = Other {
        store: &store,
        keys: &keys?,
        which: AtomicUsize::new(1),
        done: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
    };
    let pairs: Vec<f64> = std::thread::scope(|scope| {
        scope.spawn(|| other.run());
        let pairs = (1..=PAIRS).filter_map(|which| other.beside(which));
        let pairs = pairs.collect();
        other.stop.store(true, Ordering::Relaxed);
        pairs
    });
    let worst = pairs.iter().copied().fold(0.0, f64::max);
    let usual = median(&pairs);
    section.paragraph(&format!(
        "Two threads that look up two sessions, {} pairs: {} ns for a look-up in the usual pair, \
         {} ns in the slowest.",
        pairs.len(),
        short(usual),
        short(worst)
    ));
    let what = "no lock is shared between sessions: slowest pair ≤ 1.5 × the usual one";
    let met = worst <= 1.5 * usual && pairs.len() > PAIRS / 2;
    section.goal(what, format!("{} ×", short(worst / usual)), met);
    Ok(())
}

/// The other thread, which looks up one session without end.
struct Other<'a> {
    store: &'a MemoryStore,
    keys: &'a [SessionKey],
    which: AtomicUsize,
    done: AtomicUsize,
    stop: AtomicBool,
}

impl Other<'_> {
    fn run(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            let key = self.keys[self.which.load(Ordering::Relaxed)];
            self.look(key, 20);
            self.done.fetch_add(20, Ordering::Relaxed);
        }
    }

    fn look(&self, key: SessionKey, times: usize) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..times {
            let answer = pin!(self.store.load(key)).poll(&mut context);
            assert!(std::hint::black_box(answer).is_ready(), "memory is at hand");
        }
    }

    /// Nanoseconds of a look-up here while the other thread looks up that
    /// session; `None` when it never got to run meanwhile.
    fn beside(&self, which: usize) -> Option<f64> {
        self.which.store(which, Ordering::Relaxed);
        let once = |_| {
            // The other thread is there, and has seen what it is to look up.
            let seen = self.done.load(Ordering::Relaxed);
            while self.done.load(Ordering::Relaxed) < seen + 40 {
                std::hint::spin_loop();
            }
            let before = self.done.load(Ordering::Relaxed);
            let started = Instant::now();
            self.look(self.keys[0], LOOKUPS);
            let nanos = started.elapsed().as_secs_f64() * 1e9 / figure(LOOKUPS);
            let beside = self.done.load(Ordering::Relaxed) - before;
            (beside >= LOOKUPS / 4).then_some(nanos)
        };
        (0..TRIES).filter_map(once).reduce(f64::min)
    }
}
