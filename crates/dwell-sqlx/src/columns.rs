//! The columns of a row, in the order in which they are read and bound.

/// The columns of a [`Stored`](crate::stored::Stored), in its order.
pub(crate) const COLUMNS: [&str; 23] = [
    "key",
    "subject",
    "created_at",
    "last_active_at",
    "authenticated_at",
    "idle_deadline",
    "absolute_deadline",
    "provider_deadline",
    "locked_at",
    "longest_pause",
    "failures",
    "policy",
    "network",
    "version",
    "open_part",
    "token_check",
    "confirmed",
    "previous_check",
    "previous_at",
    "ended_at",
    "ended_reason",
    "replaced",
    "due",
];

/// How many columns a new session fills in, starting with the first.
pub(crate) const OF_A_SESSION: usize = 19;

/// Returns the names of the columns of a table with the alias `of`.
pub(crate) fn columns(of: &str) -> String {
    COLUMNS.map(|name| format!("{of}.{name}")).join(", ")
}

/// Reads a [`Row`](crate::stored::Row) whose columns begin at `$first`.
macro_rules! read_row {
    ($row:expr, $first:expr) => {{
        use sqlx::Row as _;

        let (row, first) = ($row, $first);
        // Read separately, so that a damaged row can still be named and
        // skipped.
        let key = row.try_get(first).unwrap_or_default();
        let due = row.try_get(first + $crate::columns::COLUMNS.len() - 1);
        let stored = $crate::columns::read_stored!(row, first);
        $crate::stored::Row::new(key, due.unwrap_or_default(), stored)
    }};
}

macro_rules! read_stored {
    ($row:ident, $first:ident) => {{
        let (row, mut next) = ($row, $first);
        let mut column = || {
            next += 1;
            next - 1
        };
        let mut read = || -> Result<_, sqlx::Error> {
            Ok($crate::stored::Stored {
                key: row.try_get(column())?,
                subject: row.try_get(column())?,
                created_at: row.try_get(column())?,
                last_active_at: row.try_get(column())?,
                authenticated_at: row.try_get(column())?,
                idle_deadline: row.try_get(column())?,
                absolute_deadline: row.try_get(column())?,
                provider_deadline: row.try_get(column())?,
                locked_at: row.try_get(column())?,
                longest_pause: row.try_get(column())?,
                failures: row.try_get(column())?,
                policy: row.try_get(column())?,
                network: row.try_get(column())?,
                version: row.try_get(column())?,
                open_part: row.try_get(column())?,
                token_check: row.try_get(column())?,
                confirmed: row.try_get(column())?,
                previous_check: row.try_get(column())?,
                previous_at: row.try_get(column())?,
                ended_at: row.try_get(column())?,
                ended_reason: row.try_get(column())?,
                replaced: row.try_get(column())?,
            })
        };
        read()
    }};
}

/// Binds the columns of a new session, in their order.
macro_rules! bind_stored {
    ($query:expr, $stored:expr) => {{
        let stored = $stored;
        $query
            .bind(stored.key)
            .bind(stored.subject)
            .bind(stored.created_at)
            .bind(stored.last_active_at)
            .bind(stored.authenticated_at)
            .bind(stored.idle_deadline)
            .bind(stored.absolute_deadline)
            .bind(stored.provider_deadline)
            .bind(stored.locked_at)
            .bind(stored.longest_pause)
            .bind(stored.failures)
            .bind(stored.policy)
            .bind(stored.network)
            .bind(stored.version)
            .bind(stored.open_part)
            .bind(stored.token_check)
            .bind(stored.confirmed)
            .bind(stored.previous_check)
            .bind(stored.previous_at)
    }};
}

pub(crate) use {bind_stored, read_row, read_stored};
