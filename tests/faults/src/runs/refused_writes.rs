//! Runs with a store that answers look-ups and refuses writes. No active user may be
//! signed out for it (law L5).

use std::path::Path;
use std::time::Duration;

use dwell_servers::{Postgres, Redis};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use super::{CALM_BEFORE, USERS, go_on, long_times, outage, play, read_only_since};
use crate::Result;
use crate::figures::Outcome;
use crate::history::Times;
use crate::stage::{Folder, Plan};

/// How long no write is taken. Some users click shortly before the end of this time
/// and leave for long enough that a lost touch costs their session.
const REFUSED: Duration = Duration::from_secs(7);

fn plan(name: &'static str, store: String) -> Plan {
    Plan {
        times: Times {
            idle: Duration::from_secs(16),
            ..long_times()
        },
        length: Duration::from_secs(25),
        ..outage::plan(name, store)
    }
}

/// Redis becomes a replica, which refuses writes, and a master again, as after a
/// failover that a client has not followed.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_read_only(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = plan("redis-read-only", redis.url());
    let fault = || async {
        let from = go_on(CALM_BEFORE).await;
        // Its master is not there, so it keeps what it has.
        redis.command(&["REPLICAOF", "127.0.0.1", "1"])?;
        go_on(REFUSED).await;
        redis.command(&["REPLICAOF", "NO", "ONE"])?;
        Ok(read_only_since(from))
    };
    play("Redis a read-only replica for 7 s", program, plan, fault).await
}

/// Redis keeps writes waiting for seven seconds.
///
/// # Errors
/// When the run can't be made.
pub async fn redis_writes_paused(program: &Path) -> Result<Outcome> {
    let redis = Redis::start().await?;
    let plan = plan("redis-writes-paused", redis.url());
    let fault = || async {
        let from = go_on(CALM_BEFORE).await;
        let millis = REFUSED.as_millis().to_string();
        redis.command(&["CLIENT", "PAUSE", &millis, "WRITE"])?;
        go_on(REFUSED).await;
        Ok(read_only_since(from))
    };
    play("Redis keeps writes waiting for 7 s", program, plan, fault).await
}

/// Postgres refuses writes for seven seconds.
///
/// # Errors
/// When the run can't be made.
pub async fn postgres_read_only(program: &Path) -> Result<Outcome> {
    let postgres = Postgres::start().await?;
    let plan = plan("postgres-read-only", postgres.url());
    let set_read_only = |value| {
        let alter = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        postgres.query("postgres", &alter)?;
        postgres.query("postgres", "SELECT pg_reload_conf()")
    };
    let fault = || async {
        let from = go_on(CALM_BEFORE).await;
        set_read_only("on")?;
        go_on(REFUSED).await;
        set_read_only("off")?;
        Ok(read_only_since(from))
    };
    play("Postgres read-only for 7 s", program, plan, fault).await
}

/// Another program holds the write lock of SQLite for seven seconds, at one node,
/// since SQLite is for one.
///
/// # Errors
/// When the run can't be made.
pub async fn sqlite_locked(program: &Path) -> Result<Outcome> {
    let folder = Folder::create("locked")?;
    let file = folder.file("sessions.db");
    let plan = Plan {
        nodes: 1,
        users: USERS / 2,
        ..plan("sqlite-locked", format!("sqlite:{}", file.display()))
    };
    let fault = || async {
        let from = go_on(CALM_BEFORE).await;
        hold_lock(&file).await?;
        Ok(read_only_since(from))
    };
    let what = "SQLite locked by another program for 7 s";
    play(what, program, plan, fault).await
}

async fn hold_lock(file: &Path) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut other: SqliteConnection = options.busy_timeout(REFUSED).connect().await?;
    other.execute("BEGIN IMMEDIATE").await?;
    go_on(REFUSED).await;
    other.execute("ROLLBACK").await?;
    other.close().await?;
    Ok(())
}
