//! The tables, and their versions.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::sql::named;
use super::within::Within;
use crate::error::ConnectError;

/// Every change of the tables, from the first version on. What was released is
/// never edited: nodes have applied it.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/postgres/1_sessions.sql")];

/// Taken by whoever changes the tables, for all prefixes: "dwell".
const LOCK: i64 = 0x6477_656c_6c00;

/// Brings the tables up to the version that this release knows. Many nodes may
/// do so at once: one does it and the others find it done.
pub(super) async fn make_ready(
    pool: &PgPool,
    prefix: &str,
    place: &str,
) -> Result<(), ConnectError> {
    let failed = |source| ConnectError::Schema {
        place: place.to_owned(),
        source,
    };
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let mut connection = pool
        .acquire()
        .await
        .map_err(|source| ConnectError::Connection {
            place: place.to_owned(),
            source,
        })?;
    // Without the lock first: a node that may not create tables can use them.
    let mut found = version(&mut connection, prefix).await.map_err(failed)?;
    drop(connection);
    if found < known {
        found = migrate(pool, prefix).await.map_err(failed)?;
    }
    if found > known {
        return Err(ConnectError::NewerSchema {
            place: place.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// The version of the tables; zero when there are none.
async fn version(connection: &mut PgConnection, prefix: &str) -> Result<i64, sqlx::Error> {
    let table = named("dwell_schema", prefix);
    let query = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table);
    let exists: bool = query.fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(0);
    }
    newest(connection, prefix).await
}

/// The newest version that has been applied.
async fn newest(connection: &mut PgConnection, prefix: &str) -> Result<i64, sqlx::Error> {
    let query = named("SELECT COALESCE(max(version), 0) FROM dwell_schema", prefix);
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_one(connection)
        .await
}

/// Applies what is missing, all of it or nothing, and tells the version that
/// there is then.
async fn migrate(pool: &PgPool, prefix: &str) -> Result<i64, sqlx::Error> {
    let mut within = Within::begin(pool).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(&mut *within).await?;
    // Not by `to_regclass` again: in this transaction it may still say what was
    // true before another node was done.
    let create = "CREATE TABLE IF NOT EXISTS dwell_schema (
        version bigint PRIMARY KEY,
        applied_at timestamptz NOT NULL DEFAULT now())";
    within.execute(AssertSqlSafe(named(create, prefix))).await?;
    let mut at = newest(&mut within, prefix).await?;
    for (version, migration) in (1..).zip(MIGRATIONS) {
        if version <= at {
            continue;
        }
        sqlx::raw_sql(AssertSqlSafe(named(migration, prefix)))
            .execute(&mut *within)
            .await?;
        let done = named("INSERT INTO dwell_schema (version) VALUES ($1)", prefix);
        let done = sqlx::query(AssertSqlSafe(done)).bind(version);
        done.execute(&mut *within).await?;
        at = version;
    }
    within.commit().await?;
    Ok(at)
}
