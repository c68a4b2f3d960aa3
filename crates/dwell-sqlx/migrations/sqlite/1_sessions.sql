-- Sessions, and tombstones of ended ones. Instants are milliseconds since
-- 1970-01-01T00:00:00Z, durations milliseconds.
CREATE TABLE dwell_session (
    key BLOB NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    idle_deadline INTEGER NOT NULL,
    absolute_deadline INTEGER NOT NULL,
    provider_deadline INTEGER,
    locked_at INTEGER,
    longest_pause INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    policy INTEGER NOT NULL,
    network INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- Rarely used facts; docs/records.md describes the format. At most
    -- 1,024 bytes.
    open_part BLOB NOT NULL,
    token_check BLOB NOT NULL,
    confirmed INTEGER NOT NULL,
    previous_check BLOB,
    previous_at INTEGER,
    -- NULL while the session has not ended.
    ended_at INTEGER,
    -- The code of the reason; docs/records.md lists them.
    ended_reason INTEGER,
    replaced INTEGER NOT NULL DEFAULT 0,
    -- When the reaper looks at the row next: to end a session, or to delete a
    -- tombstone.
    due INTEGER NOT NULL,
    -- Until when an end that was handed out counts as being reported; NULL
    -- before the end, and after its report was acknowledged.
    unreported INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX dwell_session_due ON dwell_session (due) WHERE unreported IS NULL;
CREATE INDEX dwell_session_unreported ON dwell_session (unreported)
    WHERE unreported IS NOT NULL;
CREATE INDEX dwell_session_subject ON dwell_session (subject) WHERE ended_reason IS NULL;
-- The tombstones of a subject, but for those of adopted sessions.
CREATE INDEX dwell_session_tombstones ON dwell_session (subject, ended_at)
    WHERE ended_reason IS NOT NULL AND token_check <> x'00000000000000000000000000000000';
