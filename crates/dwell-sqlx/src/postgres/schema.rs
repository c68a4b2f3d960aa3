//! The tables, and their versions.

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::sql::named;
use super::within::Within;
use crate::error::ConnectError;

/// All migrations of the tables, from the first version. A released one is
/// never edited: databases have applied it.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/postgres/1_sessions.sql")];

/// The advisory lock for migrations, of all prefixes: "dwell".
const LOCK: i64 = 0x6477_656c_6c00;

/// Migrates the tables to the version that this release knows. Many nodes may
/// do so at once: one migrates, and the others find it done.
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
    // First without the lock: a node without the right to create tables can use
    // existing ones.
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

/// Returns the version of the tables; 0 without tables.
async fn version(connection: &mut PgConnection, prefix: &str) -> Result<i64, sqlx::Error> {
    let table = named("dwell_schema", prefix);
    let query = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table);
    let exists: bool = query.fetch_one(&mut *connection).await?;
    if !exists {
        return Ok(0);
    }
    newest(connection, prefix).await
}

/// Returns the newest version that has been applied.
async fn newest(connection: &mut PgConnection, prefix: &str) -> Result<i64, sqlx::Error> {
    let query = named("SELECT COALESCE(max(version), 0) FROM dwell_schema", prefix);
    sqlx::query_scalar(AssertSqlSafe(query))
        .fetch_one(connection)
        .await
}

/// Applies missing migrations in one transaction. Returns the version after it.
async fn migrate(pool: &PgPool, prefix: &str) -> Result<i64, sqlx::Error> {
    let mut within = Within::begin(pool).await?;
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    lock.execute(&mut *within).await?;
    // `to_regclass` would not do: in this transaction it may still see the
    // state before another node was done.
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
