//! What is measured, by name.

use axum::Router;

use crate::traffic::Kind;
use crate::{dwell, noop};

/// A row of the comparison: an application, and the requests that it gets.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its set-up, in words.
    pub about: &'static str,
    /// Makes the application: `/`, and `/login?subject` where it has sessions.
    pub make: fn() -> Router,
    /// Whether it has sessions, and refuses requests without one.
    pub has_sessions: bool,
    /// The requests that it gets.
    pub kind: Kind,
}

impl Row {
    /// An application with sessions, and requests of an ordinary browser.
    pub const fn new(name: &'static str, about: &'static str, make: fn() -> Router) -> Self {
        Self {
            name,
            about,
            make,
            has_sessions: true,
            kind: Kind::BROWSER,
        }
    }

    /// Without sessions.
    #[must_use]
    pub const fn open(self) -> Self {
        Self {
            has_sessions: false,
            ..self
        }
    }

    /// With other requests.
    #[must_use]
    pub const fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }
}

/// What the others are read over.
pub const NOOP: Row = Row::new("no-op", "a layer that does nothing", noop::layered).open();

/// The full stack.
pub const DWELL: Row = Row::new(
    "dwell",
    "the full stack: cookie, 100 networks, activity, idle, step-up, `Session-Timeout`",
    dwell::full,
);

/// The rows that need nobody else.
pub const OWN: [Row; 4] = [
    NOOP,
    DWELL,
    Row::new(
        "dwell-passive",
        "the same, by passive requests",
        dwell::full,
    )
    .with_kind(Kind::PASSIVE),
    Row::new(
        "dwell-touch",
        "the same, every request records a touch",
        dwell::touching,
    ),
];

/// Finds a row by its name.
///
/// # Errors
/// When there is none.
pub fn find<'a>(rows: &'a [Row], name: &str) -> Result<&'a Row, String> {
    let found = rows.iter().find(|row| row.name == name);
    found.ok_or_else(|| format!("no row is named {name}"))
}
