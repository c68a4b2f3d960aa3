//! Runs in which the store is away, slow, or forgets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use dwell_servers::{Postgres, Proxy, Redis, Server};

use super::{CALM_BEFORE, USERS, copied_times, go_on, long_times, outage_since, play, with_copies};
use crate::Result;
use crate::clock;
use crate::figures::Outcome;
use crate::history::Faults;
use crate::stage::Plan;
use crate::user::CloseReason;

/// How long a killed server is away.
const AWAY: Duration = Duration::from_secs(2);

/// How long a stopped server stands still.
const STOPPED: Duration = Duration::from_secs(5);

pub(super) fn plan(name: &'static str, store: String) -> Plan {
    Plan {
        name,
        store,
        times: long_times(),
        users: USERS,
        length: Duration::from_secs(16),
        closing: CloseReason::SignOut,
        flags: &[],
        skews: [None, None],
        nodes: 2,
    }
}

/// A Redis that keeps everything is killed, and comes back.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_killed(program: &Path) -> Result<Outcome> {
    let redis = Redis::builder().persistent();
    let redis = redis.arg("--appendfsync").arg("always").start().await?;
    let plan = plan("redis-killed", redis.url());
    let what = "kill -9 of Redis, append-only file";
    play(what, program, plan, || kill(&redis)).await
}

/// A Redis that keeps nothing is killed, and comes back empty.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_lost(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = plan("redis-lost", redis.url());
    let lose = || async {
        let from = go_on(CALM_BEFORE).await;
        let faults = kill_now(&redis).await?;
        let until = clock::now();
        Ok(Faults {
            store_lost: Some((from, until)),
            ..faults
        })
    };
    play("kill -9 of Redis, nothing kept", program, plan, lose).await
}

/// Postgres is killed, and comes back.
///
/// # Errors
/// When the run can't be made.
pub async fn postgres_killed(program: &Path) -> Result<Outcome> {
    let postgres = Postgres::start().await?;
    let plan = plan("postgres-killed", postgres.url());
    play("kill -9 of Postgres", program, plan, || kill(&postgres)).await
}

/// Postgres is killed, and its standby takes over at the same address.
///
/// # Errors
/// When the run can't be made.
pub async fn postgres_fails_over(program: &Path) -> Result<Outcome> {
    let primary = Postgres::start().await?;
    let standby = primary.standby().await?;
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let proxy = Proxy::start(at(primary.port())).await?;
    let store = format!("postgres://postgres@{}/postgres", proxy.address());
    let plan = plan("postgres-fails-over", store);
    let fail_over = || async {
        let from = go_on(CALM_BEFORE).await;
        primary.kill9()?;
        go_on(AWAY).await;
        standby.promote()?;
        proxy.fail_over_to(at(standby.port()));
        Ok(outage_since(from))
    };
    let what = "kill -9 of Postgres, its standby takes over";
    play(what, program, plan, fail_over).await
}

/// Redis stands still for five seconds.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_paused(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = plan("redis-paused", redis.url());
    play("Redis stopped for 5 s", program, plan, || pause(&redis)).await
}

/// Postgres stands still for five seconds.
///
/// # Errors
/// When the run can't be made.
pub async fn postgres_paused(program: &Path) -> Result<Outcome> {
    let postgres = Postgres::start().await?;
    let plan = plan("postgres-paused", postgres.url());
    play("Postgres stopped for 5 s", program, plan, || {
        pause(&postgres)
    })
    .await
}

/// Redis takes 200 ms longer for every answer, which only delays answers; then
/// longer than the service waits.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_slow(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, redis.port()))).await?;
    let plan = plan("redis-slow", format!("redis://{}/", proxy.address()));
    let slow = || async {
        go_on(CALM_BEFORE).await;
        proxy.delay(Duration::from_millis(100));
        let from = go_on(Duration::from_secs(4)).await;
        proxy.delay(Duration::from_millis(1_500));
        go_on(Duration::from_secs(3)).await;
        proxy.delay(Duration::ZERO);
        Ok(outage_since(from))
    };
    play("Redis slow by 0.2 s, then by 3 s", program, plan, slow).await
}

/// All connections to Redis are reset, again and again.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_resets(program: &Path) -> Result<Outcome> {
    let what = "connections to Redis reset 10 times";
    resets(what, program, plan("redis-resets", String::new())).await
}

/// All connections to Redis are reset, again and again, and both nodes keep
/// copies, whose changes arrive over such connections.
///
/// # Errors
/// When the run can't be made.
pub async fn copies_resets(program: &Path) -> Result<Outcome> {
    let plan = plan("copies-resets", String::new());
    let plan = Plan {
        flags: &["--near-cache"],
        times: with_copies(copied_times()),
        ..plan
    };
    let what = "connections to Redis reset 10 times (nodes with copies)";
    resets(what, program, plan).await
}

async fn resets(what: &'static str, program: &Path, plan: Plan) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, redis.port()))).await?;
    let store = format!("redis://{}/", proxy.address());
    let plan = Plan { store, ..plan };
    let resets = || async {
        let from = go_on(CALM_BEFORE).await;
        for _ in 0..10 {
            proxy.reset_all();
            go_on(Duration::from_millis(400)).await;
        }
        Ok(outage_since(from))
    };
    play(what, program, plan, resets).await
}

async fn kill(server: &Server) -> Result<Faults> {
    go_on(CALM_BEFORE).await;
    kill_now(server).await
}

async fn kill_now(server: &Server) -> Result<Faults> {
    let from = clock::now();
    server.kill9()?;
    go_on(AWAY).await;
    server.restart().await?;
    Ok(outage_since(from))
}

async fn pause(server: &Server) -> Result<Faults> {
    let from = go_on(CALM_BEFORE).await;
    server.stop()?;
    go_on(STOPPED).await;
    server.cont()?;
    Ok(outage_since(from))
}
