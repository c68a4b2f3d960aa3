//! Who is compared: applications with the same pages and different sessions.

mod dwell;
mod session_guard;
mod tower_sessions;

use std::time::Duration;

use axum::Router;

pub use dwell::{manager, router};

/// How long a session may be idle, for everybody.
pub const IDLE: Duration = Duration::from_secs(15 * 60);

/// Whose sessions they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Dwell's full stack on its store.
    Dwell,
    /// The same with copies kept near.
    Near,
    /// tower-sessions with its store, saving with every answer.
    TowerSessions,
    /// session-guard with its store.
    SessionGuard,
}

impl Who {
    /// Everybody.
    pub const ALL: [Self; 4] = [
        Self::Dwell,
        Self::Near,
        Self::TowerSessions,
        Self::SessionGuard,
    ];

    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dwell => "dwell",
            Self::Near => "dwell-near",
            Self::TowerSessions => "tower-sessions",
            Self::SessionGuard => "session-guard",
        }
    }

    /// Whether it is Dwell, whose requests can be passive.
    pub fn is_dwell(self) -> bool {
        matches!(self, Self::Dwell | Self::Near)
    }
}

/// What keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In Redis.
    Redis,
    /// In Postgres.
    Postgres,
}

impl Kept {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Redis, Self::Postgres];

    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Postgres => "Postgres",
        }
    }
}

/// An application: `/` answers a live session, `/login?subject` gives
/// one. Activity is recorded at most once in `granularity`, where somebody can
/// say so.
pub async fn start(
    who: Who,
    kept: Kept,
    url: &str,
    granularity: Duration,
) -> Result<Router, String> {
    match who {
        Who::Dwell => dwell::app(kept, url, granularity, false).await,
        Who::Near => dwell::app(kept, url, granularity, true).await,
        Who::TowerSessions => tower_sessions::app(kept, url).await,
        Who::SessionGuard => session_guard::app(kept, url, granularity).await,
    }
}

/// An error as text, with what caused it.
pub fn told(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
