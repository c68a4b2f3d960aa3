//! Runs in which the store answers look-ups and takes no writes: nobody who is
//! active is signed out for it (law L5).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use dwell_servers::{Postgres, Redis};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{CALM_BEFORE, USERS, go_on, long_times, play, read_only_since};
use crate::Result;
use crate::figures::Outcome;
use crate::history::Times;
use crate::stage::Plan;
use crate::user::CloseReason;

/// How long no write is taken. Some users click shortly before the end of this time
/// and leave for long enough that a lost touch costs their session.
const REFUSED: Duration = Duration::from_secs(7);

fn plan(name: &'static str, store: String) -> Plan {
    Plan {
        name,
        store,
        times: Times {
            idle: Duration::from_secs(16),
            ..long_times()
        },
        users: USERS,
        length: Duration::from_secs(25),
        closing: CloseReason::SignOut,
        flags: &[],
        skews: [None, None],
        nodes: 2,
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
        tell(redis.port(), "REPLICAOF 127.0.0.1 1").await?;
        go_on(REFUSED).await;
        tell(redis.port(), "REPLICAOF NO ONE").await?;
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
        let pause = format!("CLIENT PAUSE {} WRITE", REFUSED.as_millis());
        tell(redis.port(), &pause).await?;
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
    let mut admin = PgConnection::connect(&postgres.url()).await?;
    let fault = || async move {
        let from = go_on(CALM_BEFORE).await;
        set_read_only(&mut admin, "on").await?;
        go_on(REFUSED).await;
        set_read_only(&mut admin, "off").await?;
        Ok(read_only_since(from))
    };
    play("Postgres read-only for 7 s", program, plan, fault).await
}

async fn set_read_only(admin: &mut PgConnection, value: &'static str) -> Result<()> {
    // It would refuse its own way back.
    admin
        .execute("SET default_transaction_read_only = off")
        .await?;
    admin
        .execute(match value {
            "on" => "ALTER SYSTEM SET default_transaction_read_only = on",
            _ => "ALTER SYSTEM SET default_transaction_read_only = off",
        })
        .await?;
    admin.execute("SELECT pg_reload_conf()").await?;
    Ok(())
}

/// Another program holds the write lock of SQLite for seven seconds, at one node,
/// since SQLite is for one.
///
/// # Errors
/// When the run can't be made.
pub async fn sqlite_locked(program: &Path) -> Result<Outcome> {
    let folder = std::env::temp_dir().join(format!("dwell-locked-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("sessions.db");
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
    let outcome = play(
        "SQLite locked by another program for 7 s",
        program,
        plan,
        fault,
    )
    .await;
    std::fs::remove_dir_all(&folder)?;
    outcome
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

/// Sends a command to a Redis server, which must agree.
async fn tell(port: u16, command: &str) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    stream
        .write_all(format!("{command}\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    match answer.starts_with("+OK") {
        true => Ok(()),
        false => Err(io::Error::other(format!("{command}: {answer}"))),
    }
}
