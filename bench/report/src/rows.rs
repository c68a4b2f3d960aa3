//! Every row of the comparison, by name.

use axum::Router;
use dwell_bench::row::{OWN, Row};
use dwell_bench::traffic::Kind;
use dwell_bench::{dwell, noop};

use crate::peers::{axum_login, axum_session, floor, session_guard, tower_sessions};

/// Beside the session's: none, and thirteen.
const ALONE: Kind = Kind::with_other_cookies(0);
const MANY: Kind = Kind::with_other_cookies(13);

/// tower-sessions with an expiry that slides.
const SLIDING: &str = "`MemoryStore`, `OnInactivity`, and `always_save`, by which the expiry \
                       slides; the handler reads the session";

/// The rows of the table, in order.
pub fn table() -> Vec<Row> {
    let of = |name, about, make: fn() -> Router| Row::new(name, about, make);
    let [noop, dwell, passive, touch] = OWN;
    vec![
        noop,
        of(
            "no-op-twice",
            "and another one on the route, where the full stack has its annotation",
            noop::layered_twice,
        )
        .open(),
        of(
            "floor",
            "the least there is to do: cookie, SHA-256, map, clock, compare, store, one extension",
            floor::router,
        ),
        dwell,
        passive,
        touch,
        of("tower-sessions", SLIDING, tower_sessions::saving),
        of(
            "session-guard",
            "`MemoryStore`, defaults (the idle timeout slides); the handler extracts the session",
            session_guard::guard,
        ),
        of(
            "axum-login",
            "over tower-sessions as above, users in a map; the handler reads the user",
            axum_login::saving,
        ),
        of(
            "axum_session",
            "no database, its life in memory slides; the handler reads the session",
            axum_session::reading,
        ),
    ]
}

/// Those whose costs are shown by the number of cookies.
pub const BY_COOKIES: [&str; 3] = ["dwell", "tower-sessions", "session-guard"];

/// All rows.
pub fn all() -> Vec<Row> {
    let mut rows = table();
    rows.push(Row::new("bare", "the router and nothing else", noop::bare).open());
    for (kind, names) in [
        (
            ALONE,
            ["dwell-alone", "tower-sessions-alone", "session-guard-alone"],
        ),
        (
            MANY,
            ["dwell-many", "tower-sessions-many", "session-guard-many"],
        ),
    ] {
        let makes: [fn() -> Router; 3] =
            [dwell::full, tower_sessions::saving, session_guard::guard];
        let made = names.into_iter().zip(makes);
        rows.extend(made.map(|(name, make)| Row::new(name, "", make).with_kind(kind)));
    }
    rows
}
