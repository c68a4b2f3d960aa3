//! The runs: one function for each.

mod calm;
mod cluster;
mod outage;
mod reaping;
mod refused_writes;

use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::checker;
use crate::clock;
use crate::figures::{self, Figures, Outcome};
use crate::history::{Faults, History, Moment, Repeats, Times};
use crate::stage::{Plan, Stage};

pub use calm::{calm, copies, node_killed, skewed};
pub use cluster::cluster_master_killed;
pub use outage::{
    copies_resets, postgres_fails_over, postgres_killed, postgres_paused, redis_killed, redis_lost,
    redis_paused, redis_resets, redis_slow,
};
pub use reaping::{many_ends, reaper_killed};
pub use refused_writes::{postgres_read_only, redis_read_only, redis_writes_paused, sqlite_locked};

/// The number of users in a run.
const USERS: usize = 40;

/// How long a run goes well before the fault.
const CALM_BEFORE: Duration = Duration::from_secs(4);

/// How long clients may take to notice that a store is back.
const RECOVERY: Duration = Duration::from_secs(2);

/// Does all runs, one after the other.
///
/// # Errors
/// When a run could not be made.
pub async fn all(program: &Path, mut tell: impl FnMut(&Outcome)) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    macro_rules! runs {
        ($($run:expr),* $(,)?) => {$(
            let outcome = $run.await?;
            tell(&outcome);
            outcomes.push(outcome);
        )*};
    }
    runs![
        calm(program),
        copies(program),
        skewed(program),
        redis_killed(program),
        redis_lost(program),
        redis_paused(program),
        redis_slow(program),
        redis_resets(program),
        copies_resets(program),
        postgres_killed(program),
        postgres_fails_over(program),
        postgres_paused(program),
        cluster_master_killed(program),
        redis_read_only(program),
        redis_writes_paused(program),
        postgres_read_only(program),
        sqlite_locked(program),
        node_killed(program),
        many_ends(program, reaping::On::Redis),
        many_ends(program, reaping::On::Postgres),
        reaper_killed(program, reaping::On::Redis),
        reaper_killed(program, reaping::On::Postgres),
    ];
    Ok(outcomes)
}

pub use reaping::On;

/// Times short enough for sessions to time out.
fn short_times() -> Times {
    Times {
        idle: Duration::from_secs(4),
        absolute: Duration::from_secs(15),
        granularity: Duration::from_secs(1),
        grace: Duration::from_secs(10),
        // The layer waits two seconds; the rest is for a busy machine.
        patience: Duration::from_secs(3),
        touch_delay: Duration::from_millis(500),
        propagation: Duration::ZERO,
        slack: Duration::from_millis(20),
    }
}

/// Times long enough for sessions to outlive an outage. Touches ride along with
/// later look-ups.
fn long_times() -> Times {
    Times {
        idle: Duration::from_secs(14),
        absolute: Duration::from_secs(40),
        touch_delay: Duration::from_millis(2_500),
        ..short_times()
    }
}

/// Times so long that copies, which live for a 60th of the idle timeout, are
/// used often.
fn copied_times() -> Times {
    Times {
        idle: Duration::from_secs(120),
        absolute: Duration::from_secs(300),
        ..long_times()
    }
}

/// Allows for nodes with copies, which may be this old.
fn with_copies(times: Times) -> Times {
    Times {
        propagation: Duration::from_millis(100),
        ..times
    }
}

/// Plays a plan on two nodes, with one fault, and checks what happened.
async fn play<F>(
    what: &'static str,
    program: &Path,
    plan: Plan,
    fault: impl FnOnce() -> F,
) -> Result<Outcome>
where
    F: Future<Output = Result<Faults>>,
{
    let times = plan.times;
    let stage = Stage::start(program, plan).await?;
    let faults = stage.play(fault()).await?;
    let history = stage.finish(faults, Vec::new()).await?;
    Ok(judge(what, &history, &times, Vec::new()))
}

fn judge(what: &'static str, history: &History, times: &Times, mut notes: Vec<String>) -> Outcome {
    for (from, until) in &history.faults.stalls {
        let stall = until.saturating_sub(*from).as_secs_f64();
        notes.push(format!("the whole machine stood still for {stall:.1} s"));
    }
    let violations = checker::check(history, times);
    Outcome {
        what,
        figures: Figures::of(history),
        notes,
        clocks_apart: 0,
        traces: figures::traces(history, &violations),
        violations,
    }
}

/// Lets the load continue for `time`. Returns the instant after it.
async fn go_on(time: Duration) -> Moment {
    // Not a wait: the fault happens at this time of the run.
    tokio::time::sleep(time).await;
    clock::now()
}

/// Notes that the store took no writes from `from` until now.
fn read_only_since(from: Moment) -> Faults {
    Faults {
        read_only: vec![(from, clock::now())],
        repeats: Repeats::Identical,
        ..Faults::default()
    }
}

/// Notes that the store was unreliable from `from` until shortly after now.
fn outage_since(from: Moment) -> Faults {
    Faults {
        outages: vec![(from, clock::now() + RECOVERY)],
        repeats: Repeats::Identical,
        ..Faults::default()
    }
}
