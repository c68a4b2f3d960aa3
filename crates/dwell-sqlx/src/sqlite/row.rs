//! Reads and writes rows.

use std::sync::{Arc, LazyLock};

use dwell_core::store::{TOMBSTONES_PER_SUBJECT, UNREPORTED_AFTER};
use dwell_core::{EndedSession, SessionKey, SessionRecord, SubjectId, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::columns::{COLUMNS, OF_A_SESSION, bind_stored, columns, read_row};
use crate::stored::{Row, Stored, code, instant};

/// A statement. It contains nothing from outside.
struct Sql(Arc<str>);

impl Sql {
    fn new(text: String) -> Self {
        Self(text.into())
    }

    fn text(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}

/// The statements that name all columns.
struct Statements {
    find: Sql,
    of_subject: Sql,
    scan: Sql,
    due: Sql,
    unreported: Sql,
    insert: Sql,
}

static SQL: LazyLock<Statements> = LazyLock::new(|| {
    let all = columns("s");
    let from = format!("SELECT {all} FROM dwell_session s");
    let names = COLUMNS[..OF_A_SESSION].join(", ");
    let values = ["?"; OF_A_SESSION].join(", ");
    Statements {
        find: Sql::new(format!("{from} WHERE s.key = ?")),
        of_subject: Sql::new(format!(
            "{from} WHERE s.subject = ? AND s.ended_reason IS NULL"
        )),
        scan: Sql::new(format!("{from} WHERE s.key > ? ORDER BY s.key LIMIT ?")),
        due: Sql::new(format!(
            "{from} WHERE s.due <= ? AND s.unreported IS NULL ORDER BY s.due LIMIT ?"
        )),
        unreported: Sql::new(format!(
            "{from} WHERE s.unreported <= ? ORDER BY s.unreported LIMIT ?"
        )),
        insert: Sql::new(format!(
            "INSERT INTO dwell_session ({names}, due) VALUES ({values}, ?)
             ON CONFLICT (key) DO NOTHING"
        )),
    }
});

fn read(row: &SqliteRow) -> Row {
    read_row!(row, 0)
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    key: &SessionKey,
) -> Result<Option<Row>, sqlx::Error> {
    let query = sqlx::query(SQL.find.text()).bind(key.as_bytes().to_vec());
    let row = query.fetch_optional(connection).await?;
    Ok(row.as_ref().map(read))
}

pub(super) async fn of_subject(
    connection: &mut SqliteConnection,
    subject: &SubjectId,
) -> Result<Vec<Row>, sqlx::Error> {
    let query = sqlx::query(SQL.of_subject.text()).bind(subject.as_str().to_owned());
    let rows = query.fetch_all(connection).await?;
    Ok(rows.iter().map(read).collect())
}

/// Returns the rows after a key, in the order of keys.
pub(super) async fn scan(
    connection: &mut SqliteConnection,
    after: Vec<u8>,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let query = sqlx::query(SQL.scan.text()).bind(after).bind(limit);
    let rows = query.fetch_all(connection).await?;
    Ok(rows.iter().map(read).collect())
}

/// Returns sessions that are due, and tombstones whose lifetime is over.
pub(super) async fn due(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let query = sqlx::query(SQL.due.text()).bind(instant(now)).bind(limit);
    let rows = query.fetch_all(connection).await?;
    Ok(rows.iter().map(read).collect())
}

/// Returns ends that were not acknowledged in time.
pub(super) async fn unreported(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let query = sqlx::query(SQL.unreported.text());
    let rows = query
        .bind(instant(now))
        .bind(limit)
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(read).collect())
}

/// Inserts a session. Returns `false` if its key exists.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    record: &SessionRecord,
    due: Timestamp,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(SQL.insert.text());
    let query = bind_stored!(query, Stored::new(record)).bind(instant(due));
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// Writes what a touch changes, and no index.
pub(super) async fn write_activity(
    connection: &mut SqliteConnection,
    record: &SessionRecord,
) -> Result<(), sqlx::Error> {
    let stored = Stored::new(record);
    let query = sqlx::query(
        "UPDATE dwell_session
         SET last_active_at = ?, idle_deadline = ?, longest_pause = ?, network = ?
         WHERE key = ?",
    )
    .bind(stored.last_active_at)
    .bind(stored.idle_deadline)
    .bind(stored.longest_pause)
    .bind(stored.network)
    .bind(stored.key);
    query.execute(connection).await.map(drop)
}

/// Writes what an update changes. An update may make a session due earlier,
/// never later.
pub(super) async fn write_update(
    connection: &mut SqliteConnection,
    record: &SessionRecord,
    due: Timestamp,
) -> Result<(), sqlx::Error> {
    write_activity(connection, record).await?;
    let stored = Stored::new(record);
    let query = sqlx::query(
        "UPDATE dwell_session
         SET version = ?, authenticated_at = ?, locked_at = ?, failures = ?, open_part = ?, token_check = ?,
             confirmed = ?, previous_check = ?, previous_at = ?, provider_deadline = ?,
             due = min(due, ?)
         WHERE key = ?",
    )
    .bind(stored.version)
    .bind(stored.authenticated_at)
    .bind(stored.locked_at)
    .bind(stored.failures)
    .bind(stored.open_part)
    .bind(stored.token_check)
    .bind(stored.confirmed)
    .bind(stored.previous_check)
    .bind(stored.previous_at)
    .bind(stored.provider_deadline)
    .bind(instant(due))
    .bind(stored.key);
    query.execute(connection).await.map(drop)
}

pub(super) async fn write_failures(
    connection: &mut SqliteConnection,
    key: &SessionKey,
    failures: u8,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("UPDATE dwell_session SET failures = ? WHERE key = ?");
    let query = query.bind(failures).bind(key.as_bytes().to_vec());
    query.execute(connection).await.map(drop)
}

/// Turns a row into a tombstone, to be deleted at `forget`.
pub(super) async fn write_end(
    connection: &mut SqliteConnection,
    ended: &EndedSession,
    forget: Timestamp,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "UPDATE dwell_session
         SET ended_at = ?, ended_reason = ?, replaced = ?, unreported = ?, due = ?
         WHERE key = ?",
    )
    .bind(instant(ended.ended_at))
    .bind(code(ended.reason))
    .bind(ended.replaced)
    .bind(instant(ended.ended_at + UNREPORTED_AFTER))
    .bind(instant(forget))
    .bind(ended.record.key.as_bytes().to_vec());
    query.execute(connection).await.map(drop)
}

pub(super) async fn mark_replaced(
    connection: &mut SqliteConnection,
    key: &SessionKey,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("UPDATE dwell_session SET replaced = 1 WHERE key = ?");
    let query = query.bind(key.as_bytes().to_vec());
    query.execute(connection).await.map(drop)
}

pub(super) async fn acknowledge(
    connection: &mut SqliteConnection,
    key: &SessionKey,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("UPDATE dwell_session SET unreported = NULL WHERE key = ?");
    let query = query.bind(key.as_bytes().to_vec());
    query.execute(connection).await.map(drop)
}

/// Deletes the oldest tombstones of a session's subject but for those that are
/// kept. The condition on the token is that of the index.
pub(super) async fn forget_surplus(
    connection: &mut SqliteConnection,
    key: &SessionKey,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "DELETE FROM dwell_session WHERE key IN (
             SELECT key FROM dwell_session
             WHERE subject = (SELECT subject FROM dwell_session WHERE key = ?)
                 AND ended_reason IS NOT NULL
                 AND token_check <> x'00000000000000000000000000000000'
                 AND unreported IS NULL
             ORDER BY ended_at DESC LIMIT -1 OFFSET ?)",
    )
    .bind(key.as_bytes().to_vec())
    .bind(i64::try_from(TOMBSTONES_PER_SUBJECT).unwrap_or(i64::MAX));
    query.execute(connection).await.map(drop)
}

/// Notes that the end is being reported until an instant.
pub(super) async fn hand_out(
    connection: &mut SqliteConnection,
    key: &[u8],
    until: Timestamp,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("UPDATE dwell_session SET unreported = ? WHERE key = ?");
    let query = query.bind(instant(until)).bind(key.to_vec());
    query.execute(connection).await.map(drop)
}

pub(super) async fn look_at(
    connection: &mut SqliteConnection,
    key: &[u8],
    due: i64,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("UPDATE dwell_session SET due = ? WHERE key = ?");
    let query = query.bind(due).bind(key.to_vec());
    query.execute(connection).await.map(drop)
}

/// Deletes a tombstone whose lifetime is over and whose end was reported.
/// Returns `false` if there is none.
pub(super) async fn forget_over(
    connection: &mut SqliteConnection,
    key: &[u8],
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "DELETE FROM dwell_session
         WHERE key = ? AND ended_reason IS NOT NULL AND unreported IS NULL AND due <= ?",
    );
    let query = query.bind(key.to_vec()).bind(instant(now));
    Ok(query.execute(connection).await?.rows_affected() > 0)
}
