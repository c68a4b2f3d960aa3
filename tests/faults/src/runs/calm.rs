//! Runs with a healthy store: the base line, wrong clocks, and a killed node.

use std::path::Path;
use std::time::Duration;

use dwell_servers::Redis;

use super::{CALM_BEFORE, USERS, copied_times, go_on, judge, play, short_times, with_copies};
use crate::Result;
use crate::clock;
use crate::figures::Outcome;
use crate::history::{Absence, Faults, Repeats};
use crate::stage::{Plan, Stage};
use crate::user::CloseReason;

fn plan(name: &'static str, redis: &Redis) -> Plan {
    Plan {
        name,
        store: redis.url(),
        times: short_times(),
        users: USERS,
        length: Duration::from_secs(18),
        closing: CloseReason::WalkAway,
        flags: &[],
        skews: [None, None],
        nodes: 2,
    }
}

/// Nothing goes wrong.
///
/// # Errors
/// When the run can't be made.
pub async fn calm(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let no_fault = || async { Ok(Faults::default()) };
    play("nothing (Redis)", program, plan("calm", &redis), no_fault).await
}

/// Nothing goes wrong, and both nodes keep copies of hot sessions.
///
/// # Errors
/// When the run can't be made.
pub async fn copies(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = plan("copies", &redis);
    let plan = Plan {
        flags: &["--near-cache"],
        times: with_copies(copied_times()),
        closing: CloseReason::SignOut,
        ..plan
    };
    let no_fault = || async { Ok(Faults::default()) };
    play(
        "nothing (Redis, nodes with copies)",
        program,
        plan,
        no_fault,
    )
    .await
}

/// The clock of one node is ten minutes ahead, that of the other ten minutes
/// behind.
///
/// # Errors
/// When the run can't be made.
pub async fn skewed(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = Plan {
        skews: [Some("+600s"), Some("-600s")],
        ..plan("skewed", &redis)
    };
    let times = plan.times;
    let stage = Stage::start(program, plan).await?;
    let apart = stage.clocks_apart().await?;
    let faults = stage.play(async { Ok(Faults::default()) }).await?;
    let history = stage.finish(faults, Vec::new()).await?;
    let what = "clocks 10 minutes ahead and 10 minutes behind (Redis)";
    let notes = vec![format!("the nodes' clocks were {apart} s apart")];
    Ok(Outcome {
        clocks_apart: apart,
        ..judge(what, &history, &times, notes)
    })
}

/// A node is killed under load, and comes back.
///
/// # Errors
/// When the run can't be made.
pub async fn node_killed(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = plan("node-killed", &redis);
    let times = plan.times;
    let mut stage = Stage::start(program, plan).await?;
    let mut killed = stage.take_node(0);
    let faults = stage
        .play(async {
            let from = go_on(CALM_BEFORE).await;
            killed.kill9().await?;
            go_on(Duration::from_secs(2)).await;
            killed.restart().await?;
            let absence = Absence {
                node: 0,
                from,
                until: clock::now(),
            };
            Ok(Faults {
                absences: vec![absence],
                // The touches that waited in the node are lost with it.
                outages: vec![(from.saturating_sub(times.touch_delay), clock::now())],
                repeats: Repeats::Identical,
                ..Faults::default()
            })
        })
        .await?;
    stage.return_node(killed);
    let history = stage.finish(faults, Vec::new()).await?;
    Ok(judge(
        "kill -9 of a node (Redis)",
        &history,
        &times,
        Vec::new(),
    ))
}
