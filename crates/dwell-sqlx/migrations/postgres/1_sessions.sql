-- Sessions, and tombstones of ended ones. Instants are milliseconds since
-- 1970-01-01T00:00:00Z, durations milliseconds.
CREATE TABLE dwell_session (
    key bytea PRIMARY KEY,
    -- Compared byte by byte, whatever the database's language.
    subject text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    last_active_at bigint NOT NULL,
    authenticated_at bigint NOT NULL,
    idle_deadline bigint NOT NULL,
    absolute_deadline bigint NOT NULL,
    provider_deadline bigint,
    locked_at bigint,
    longest_pause bigint NOT NULL,
    failures bigint NOT NULL,
    policy bigint NOT NULL,
    network bigint NOT NULL,
    version bigint NOT NULL,
    -- Rarely used facts; docs/records.md describes the format. At most
    -- 1,024 bytes.
    open_part bytea NOT NULL,
    token_check bytea NOT NULL,
    confirmed boolean NOT NULL,
    previous_check bytea,
    previous_at bigint,
    -- NULL while the session has not ended.
    ended_at bigint,
    -- The code of the reason; docs/records.md lists them.
    ended_reason smallint,
    replaced boolean NOT NULL DEFAULT false,
    -- When the reaper looks at the row next: to end a session, or to delete a
    -- tombstone.
    due bigint NOT NULL,
    -- Until when an end that was handed out counts as being reported; NULL
    -- before the end, and after its report was acknowledged.
    unreported bigint
-- Leaves room in each page for the next version of a row, so that a touch
-- writes no index.
) WITH (fillfactor = 70);

-- No index covers the columns that a touch writes: last_active_at,
-- idle_deadline, longest_pause and network.
CREATE INDEX dwell_session_due ON dwell_session (due) WHERE unreported IS NULL;
CREATE INDEX dwell_session_unreported ON dwell_session (unreported)
    WHERE unreported IS NOT NULL;
-- By hash: a subject may be too long for an entry of a B-tree.
CREATE INDEX dwell_session_subject ON dwell_session USING hash (subject)
    WHERE ended_reason IS NULL;
-- The tombstones of a subject, but for those of adopted sessions.
CREATE INDEX dwell_session_tombstones ON dwell_session USING hash (subject)
    WHERE ended_reason IS NOT NULL AND token_check <> '\x00000000000000000000000000000000';
