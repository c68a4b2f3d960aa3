//! Nanoseconds per request, in interleaved rounds: A B C … A B C …, so
//! that a slow moment of the machine meets them all.

use dwell_bench::app::App;
use dwell_bench::row::{NOOP, find};
use dwell_bench::stats::{figure, median, median_difference};

use crate::child::print;
use crate::rows;

/// Requests of a round: so few that most rounds are over before the system
/// gives the core to somebody else.
const ROUND: usize = 200;

/// Requests that are made before they are sent: few, so that they are as warm
/// as a server's.
const BATCH: usize = 100;

/// Prints for each row the median round, and the median over the layer that
/// does nothing. With a subscriber to `tracing` at INFO that writes nowhere.
pub fn child(rounds: usize, subscriber: bool, names: &[&str]) -> Result<(), String> {
    if subscriber {
        let format = tracing_subscriber::fmt().with_writer(std::io::sink);
        format.with_max_level(tracing::Level::INFO).init();
        if !tracing::enabled!(tracing::Level::INFO) {
            return Err("the subscriber does not listen".to_owned());
        }
    }
    let rows = rows::all();
    let mut running = Vec::new();
    for name in names {
        let mut app = App::of(find(&rows, name)?)?;
        app.check().map_err(|error| format!("{name}: {error}"))?;
        app.batch(BATCH);
        running.push((*name, app, Vec::new()));
    }
    for _ in 0..rounds {
        for (_, app, nanos) in &mut running {
            let batches = (0..ROUND / BATCH).map(|_| app.batch(BATCH));
            let took: f64 = batches.map(|took| took.as_secs_f64() * 1e9).sum();
            nanos.push(took / figure(ROUND));
        }
    }
    for (name, app, _) in &mut running {
        // Still: a session that ended meanwhile was measured as a refusal.
        let check = app.check();
        check.map_err(|error| format!("{name}, afterwards: {error}"))?;
    }
    let noop = running.iter().find(|(name, ..)| *name == NOOP.name);
    let noop = noop.ok_or("without the layer that does nothing")?;
    for (name, _, nanos) in &running {
        print(name, &[median(nanos), median_difference(nanos, &noop.2)]);
    }
    Ok(())
}
