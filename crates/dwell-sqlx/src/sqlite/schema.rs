//! The tables, and their versions.

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::error::ConnectError;

/// All migrations of the tables, from the first version. A released one is
/// never edited: files have applied it.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/sqlite/1_sessions.sql")];

/// Migrates the tables to the version that this release knows.
pub(super) async fn make_ready(
    connection: &mut SqliteConnection,
    place: &str,
) -> Result<(), ConnectError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = migrate(connection)
        .await
        .map_err(|source| ConnectError::Schema {
            place: place.to_owned(),
            source,
        })?;
    if found > known {
        return Err(ConnectError::NewerSchema {
            place: place.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// Applies missing migrations in one transaction. Returns the version after it.
async fn migrate(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let mut within = connection.begin_with("BEGIN IMMEDIATE").await?;
    let create = "CREATE TABLE IF NOT EXISTS dwell_schema (version INTEGER PRIMARY KEY) STRICT";
    sqlx::query(create).execute(&mut *within).await?;
    let query = sqlx::query_scalar("SELECT COALESCE(max(version), 0) FROM dwell_schema");
    let mut at: i64 = query.fetch_one(&mut *within).await?;
    for (version, migration) in (1..).zip(MIGRATIONS) {
        if version <= at {
            continue;
        }
        sqlx::raw_sql(migration).execute(&mut *within).await?;
        let done = sqlx::query("INSERT INTO dwell_schema (version) VALUES (?)").bind(version);
        done.execute(&mut *within).await?;
        at = version;
    }
    within.commit().await?;
    Ok(at)
}
