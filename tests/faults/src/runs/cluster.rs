//! A master of a Redis Cluster is killed, and its replica takes over.

use std::path::Path;
use std::time::Duration;

use dwell_servers::RedisCluster;

use super::{CALM_BEFORE, USERS, go_on, judge, long_times, outage_since};
use crate::Result;
use crate::clock;
use crate::figures::Outcome;
use crate::stage::{Plan, Stage};
use crate::user::CloseReason;

/// A master is killed and stays away.
///
/// # Errors
/// When the run can't be made.
pub async fn cluster_master_killed(program: &Path) -> Result<Outcome> {
    let cluster = RedisCluster::start().await?;
    let nodes = cluster.nodes().iter();
    let nodes: Vec<_> = nodes
        .map(|node| format!("127.0.0.1:{}", node.port()))
        .collect();
    let plan = Plan {
        name: "cluster",
        store: format!("redis+cluster://{}", nodes.join(",")),
        times: long_times(),
        users: USERS,
        length: Duration::from_secs(18),
        closing: CloseReason::SignOut,
        flags: &[],
        skews: [None, None],
        nodes: 2,
    };
    let times = plan.times;
    let stage = Stage::start(program, plan).await?;
    let mut failover = Duration::ZERO;
    let faults = stage
        .play(async {
            let from = go_on(CALM_BEFORE).await;
            let masters = cluster.masters().await?;
            let first = masters.first().ok_or("a cluster without masters")?;
            cluster.kill_master(*first).await?;
            cluster.wait_for_failover().await?;
            failover = clock::now().saturating_sub(from);
            Ok(outage_since(from))
        })
        .await?;
    let history = stage.finish(faults, Vec::new()).await?;
    let notes = vec![format!("failover after {:.1} s", failover.as_secs_f64())];
    Ok(judge(
        "kill -9 of a Cluster master",
        &history,
        &times,
        notes,
    ))
}
