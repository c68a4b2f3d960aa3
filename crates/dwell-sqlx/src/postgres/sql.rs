//! All statements, made once for a store's table names.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::columns::{COLUMNS, OF_A_SESSION, columns};

/// The prefix in these statements and in the migrations, replaced by the
/// store's.
const WRITTEN_WITH: &str = "dwell_";

/// The server's clock, unless a test gives a time as the first parameter.
const NOW: &str =
    "COALESCE($1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)";

/// A statement for the tables of one prefix.
#[derive(Clone, Debug)]
pub(super) struct Sql(Arc<str>);

impl Sql {
    fn new(text: &str, prefix: &str) -> Self {
        Self(named(text, prefix).into())
    }

    /// Returns the text for a query. It contains nothing from outside but the
    /// prefix, which was checked.
    pub(super) fn text(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}

/// Returns a text with the table names of this prefix.
pub(super) fn named(text: &str, prefix: &str) -> String {
    text.replace(WRITTEN_WITH, &format!("{prefix}_"))
}

/// All statements of a store.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub(super) now: Sql,
    pub(super) load: Sql,
    pub(super) load_together: Sql,
    pub(super) touch: Sql,
    pub(super) update: Sql,
    pub(super) count_failure: Sql,
    pub(super) end: Sql,
    pub(super) mark_replaced: Sql,
    pub(super) list: Sql,
    pub(super) insert: Sql,
    pub(super) forget_over: Sql,
    pub(super) lock_subject: Sql,
    pub(super) end_together: Sql,
    pub(super) acknowledge: Sql,
    pub(super) forget_surplus: Sql,
    pub(super) scan: Sql,
    pub(super) bring_forward: Sql,
    pub(super) hand_out_again: Sql,
    pub(super) due: Sql,
    pub(super) forget: Sql,
    pub(super) end_due: Sql,
    pub(super) lock_due: Sql,
    pub(super) look_again: Sql,
    pub(super) notify: Sql,
}

/// Notifies other nodes of the rows of the query `done`.
const NOTIFY: &str = "pg_notify('dwell_session', encode(done.key, 'hex'))";

impl Statements {
    pub(super) fn new(prefix: &str) -> Self {
        let sql = |text: &str| Sql::new(text, prefix);
        let (of_s, of_done) = (&columns("s"), &columns("done"));
        let clock = format!("WITH clock AS MATERIALIZED (SELECT {NOW} AS now)");
        Self {
            now: sql(&format!("SELECT {NOW}")),
            // Returns no row for a missing session; the clock is read
            // separately then.
            load: sql(&format!(
                "SELECT {NOW}, {of_s} FROM dwell_session s WHERE s.key = $2"
            )),
            load_together: sql(&format!(
                "SELECT {NOW}, {of_s} FROM dwell_session s WHERE s.key = ANY($2)"
            )),
            // Conditional, and writes few columns. `$4` is the idle time that
            // the touch grants, so an instant that is cut to now keeps it. `$6` is
            // true for a touch that was tried before: its activity counts if that
            // was in time.
            touch: sql(&format!(
                "{clock}, done AS (
                     UPDATE dwell_session s SET
                         last_active_at = LEAST($3, clock.now),
                         idle_deadline =
                             LEAST($3, clock.now, 9223372036854775807 - $4::bigint) + $4,
                         longest_pause =
                             GREATEST(s.longest_pause, LEAST($3, clock.now) - s.last_active_at),
                         network = $5
                     FROM clock
                     WHERE s.key = $2 AND s.ended_reason IS NULL AND s.locked_at IS NULL
                         AND (clock.now < s.idle_deadline
                             OR $6 AND LEAST($3, clock.now) < s.idle_deadline
                             AND clock.now <
                                 LEAST($3, clock.now, 9223372036854775807 - $4::bigint) + $4)
                         AND clock.now < s.absolute_deadline
                         AND (s.provider_deadline IS NULL OR clock.now < s.provider_deadline)
                         AND s.last_active_at < LEAST($3, clock.now)
                     RETURNING {of_s})
                 SELECT clock.now, true, {of_done} FROM clock, done
                 UNION ALL
                 SELECT clock.now, false, {of_s}
                 FROM clock LEFT JOIN dwell_session s ON s.key = $2
                 WHERE NOT EXISTS (SELECT FROM done)"
            )),
            // `$13` is true for an authentication. It also starts the count of
            // failures again, writes the activity columns, and fails if the
            // session was touched meanwhile. From `$19` on it is too late. `$21` is
            // true for an authentication that the owner states.
            update: sql(&format!(
                "WITH done AS (
                     UPDATE dwell_session s SET
                         version = $3, authenticated_at = $4, locked_at = $5,
                         failures = CASE WHEN $13 THEN $6 ELSE s.failures END,
                         open_part = $7, token_check = $8, confirmed = $9,
                         previous_check = $10, previous_at = $11,
                         last_active_at = CASE WHEN $13 THEN $14 ELSE s.last_active_at END,
                         idle_deadline = CASE WHEN $13 THEN $15 ELSE s.idle_deadline END,
                         longest_pause = CASE
                             WHEN $13 THEN $16
                             WHEN $21 THEN
                                 LEAST(s.longest_pause, GREATEST(s.last_active_at - $4, 0))
                             ELSE s.longest_pause END,
                         network = CASE WHEN $13 THEN $17 ELSE s.network END,
                         provider_deadline = $20,
                         due = LEAST(s.due, $20, CASE WHEN $13 THEN $15 END)
                     WHERE s.key = $1 AND s.version = $2 AND s.ended_reason IS NULL
                         AND (NOT $13 OR s.last_active_at = $12) AND {now} < $19
                     RETURNING {of_s})
                 SELECT {of_done}, {NOTIFY} FROM done",
                now = NOW.replace("$1", "$18"),
            )),
            count_failure: sql(&format!(
                "{clock} UPDATE dwell_session s
                 SET failures = LEAST(s.failures::integer + 1, 255)
                 FROM clock
                 WHERE s.key = $2 AND s.ended_reason IS NULL
                     AND clock.now < s.absolute_deadline
                     AND (s.provider_deadline IS NULL OR clock.now < s.provider_deadline)
                 RETURNING s.failures"
            )),
            end: sql(&format!(
                "{clock}, done AS (
                     UPDATE dwell_session s SET
                         ended_at = clock.now, ended_reason = $3, replaced = $4,
                         unreported = clock.now + $5,
                         due = CASE WHEN s.token_check = $7
                             THEN GREATEST(clock.now + $6, s.absolute_deadline)
                             ELSE clock.now + $6 END
                     FROM clock WHERE s.key = $2 AND s.ended_reason IS NULL
                     RETURNING {of_s})
                 SELECT {of_done}, {NOTIFY} FROM done"
            )),
            mark_replaced: sql(&format!(
                "WITH done AS (
                     UPDATE dwell_session s SET replaced = true
                     WHERE s.key = $1 AND s.ended_reason IS NOT NULL AND NOT s.replaced
                     RETURNING s.key)
                 SELECT {NOTIFY} FROM done"
            )),
            list: sql(&format!(
                "SELECT {of_s} FROM dwell_session s
                 WHERE s.subject = $1 AND s.ended_reason IS NULL"
            )),
            // A session whose stamps lie in the future is due at once.
            insert: sql(&format!(
                "{clock} INSERT INTO dwell_session ({names}, due)
                 SELECT {values}, CASE WHEN ${not_before} > clock.now THEN clock.now ELSE ${due} END
                 FROM clock ON CONFLICT (key) DO NOTHING",
                names = COLUMNS[..OF_A_SESSION].join(", "),
                not_before = OF_A_SESSION + 2,
                due = OF_A_SESSION + 3,
                values = (2..OF_A_SESSION + 2)
                    .map(|n| format!("${n}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            )),
            forget_over: sql(&format!(
                "DELETE FROM dwell_session WHERE key = $2 AND ended_reason IS NOT NULL
                     AND unreported IS NULL AND due <= {NOW}"
            )),
            lock_subject: sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 4))"),
            end_together: sql(&format!(
                "{clock}, done AS (
                     UPDATE dwell_session s SET
                         ended_at = clock.now, ended_reason = $3, replaced = false,
                         unreported = clock.now + $4,
                         due = CASE WHEN s.token_check = $6
                             THEN GREATEST(clock.now + $5, s.absolute_deadline)
                             ELSE clock.now + $5 END
                     FROM clock WHERE s.key IN (
                         SELECT key FROM dwell_session
                         WHERE key = ANY($2) AND ended_reason IS NULL ORDER BY key FOR UPDATE)
                     RETURNING {of_s})
                 SELECT {of_done}, {NOTIFY} FROM done"
            )),
            // In the order of keys, so that two nodes that acknowledge can't
            // deadlock.
            acknowledge: sql("UPDATE dwell_session SET unreported = NULL WHERE key IN (
                     SELECT key FROM dwell_session
                     WHERE key = ANY($1) AND unreported IS NOT NULL ORDER BY key FOR UPDATE)"),
            // The condition on the token is that of the index. Rows that another
            // node holds are left to it.
            forget_surplus: sql("DELETE FROM dwell_session WHERE key IN (
                     SELECT key FROM dwell_session WHERE key IN (
                         SELECT oldest.key FROM
                             (SELECT DISTINCT subject FROM dwell_session WHERE key = ANY($1)) of,
                             LATERAL (
                                 SELECT key FROM dwell_session
                                 WHERE subject = of.subject AND ended_reason IS NOT NULL
                                     AND token_check <> '\\x00000000000000000000000000000000'
                                     AND unreported IS NULL
                                 ORDER BY ended_at DESC OFFSET $2) oldest)
                     FOR UPDATE SKIP LOCKED)"),
            scan: sql(&format!(
                "SELECT {of_s} FROM dwell_session s WHERE s.key > $1 ORDER BY s.key LIMIT $2"
            )),
            bring_forward: sql("WITH early AS (
                     SELECT s.key, e.due FROM unnest($1::bytea[], $2::bigint[]) AS e (key, due)
                     JOIN dwell_session s ON s.key = e.key
                     WHERE s.ended_reason IS NULL AND s.due > e.due
                     ORDER BY s.key FOR UPDATE OF s)
                 UPDATE dwell_session s SET due = early.due FROM early WHERE s.key = early.key"),
            hand_out_again: sql(&format!(
                "UPDATE dwell_session s SET unreported = $1::bigint + $3 WHERE s.key IN (
                     SELECT key FROM dwell_session WHERE unreported <= $1
                     ORDER BY unreported LIMIT $2 FOR UPDATE SKIP LOCKED)
                 RETURNING {of_s}"
            )),
            due: sql(&format!(
                "SELECT {of_s} FROM dwell_session s WHERE s.due <= $1 AND s.unreported IS NULL
                 ORDER BY s.due LIMIT $2 FOR UPDATE SKIP LOCKED"
            )),
            forget: sql("DELETE FROM dwell_session WHERE key = ANY($1)"),
            end_due: sql(
                "UPDATE dwell_session s SET ended_at = $1, ended_reason = e.reason,
                     replaced = false, unreported = $1::bigint + $2, due = e.due
                 FROM unnest($3::bytea[], $4::smallint[], $5::bigint[]) AS e (key, reason, due)
                 WHERE s.key = e.key",
            ),
            lock_due: sql(
                "UPDATE dwell_session s SET locked_at = l.at, version = l.version, due = l.due
                 FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[])
                     AS l (key, at, version, due)
                 WHERE s.key = l.key",
            ),
            look_again: sql("UPDATE dwell_session s SET due = l.due
                 FROM unnest($1::bytea[], $2::bigint[]) AS l (key, due) WHERE s.key = l.key"),
            notify: sql("SELECT pg_notify('dwell_session', encode(key, 'hex'))
                 FROM unnest($1::bytea[]) AS key"),
        }
    }
}
