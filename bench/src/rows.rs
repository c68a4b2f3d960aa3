//! Every row of the comparison per request, by name.

use axum::Router;

use crate::contender::{Contender, Session, Tower};
use crate::contenders::{
    actix, axum_login, axum_session, dwell, floor, maps, noop, plain, session_guard, tower_sessions,
};
use crate::traffic::Kind;

/// What surrounds a row's check; figures are read over the group's layer that
/// does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// An axum router.
    Axum,
    /// A tower service.
    Plain,
    /// An actix application.
    Actix,
    /// A loop.
    Loop,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Axum, Self::Plain, Self::Actix, Self::Loop];

    /// The heading of its table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Axum => "Behind an axum router",
            Self::Plain => "A plain tower service",
            Self::Actix => "An actix application",
            Self::Loop => "The check in a bare loop",
        }
    }

    /// The row that the others are compared with.
    pub fn reference(self) -> Option<&'static str> {
        match self {
            Self::Axum => Some("no-op"),
            Self::Plain => Some("plain-no-op"),
            Self::Actix => Some("actix-no-op"),
            Self::Loop => None,
        }
    }
}

/// How a row is made.
#[derive(Clone, Copy)]
enum Make {
    Router(fn() -> Router, Session, Kind),
    Other(fn() -> Box<dyn Contender>),
}

/// A row.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What surrounds it.
    pub group: Group,
    /// Its set-up, in words.
    pub about: &'static str,
    make: Make,
}

impl Row {
    /// Makes it, logged in.
    pub fn make(&self) -> Box<dyn Contender> {
        match self.make {
            Make::Other(make) => make(),
            Make::Router(make, session, kind) => {
                let tower = Tower::axum(make, session, kind);
                Box::new(match session {
                    Session::None => tower,
                    Session::Ignored | Session::Required => tower.logged_in(1),
                })
            }
        }
    }
}

/// Finds rows by their names.
pub fn named(names: &[&str]) -> Result<Vec<&'static Row>, String> {
    let find = |name: &&str| ROWS.iter().find(|row| row.name == *name);
    names
        .iter()
        .map(|name| find(name).ok_or_else(|| format!("no row is named {name}")))
        .collect()
}

const PLAIN: Kind = Kind {
    passive: false,
    other_cookies: 0,
};

const PASSIVE: Kind = Kind {
    passive: true,
    other_cookies: 0,
};

const TEN_COOKIES: Kind = Kind {
    passive: false,
    other_cookies: 10,
};

const fn router(
    name: &'static str,
    about: &'static str,
    make: fn() -> Router,
    session: Session,
    kind: Kind,
) -> Row {
    Row {
        name,
        group: Group::Axum,
        about,
        make: Make::Router(make, session, kind),
    }
}

const fn bare(name: &'static str, about: &'static str, make: fn() -> Router) -> Row {
    router(name, about, make, Session::None, PLAIN)
}

const fn axum(name: &'static str, about: &'static str, make: fn() -> Router) -> Row {
    router(name, about, make, Session::Required, PLAIN)
}

const fn ten(name: &'static str, about: &'static str, make: fn() -> Router) -> Row {
    router(name, about, make, Session::Required, TEN_COOKIES)
}

const fn other(
    name: &'static str,
    group: Group,
    about: &'static str,
    make: fn() -> Box<dyn Contender>,
) -> Row {
    Row {
        name,
        group,
        about,
        make: Make::Other(make),
    }
}

/// Every row, in order.
pub static ROWS: &[Row] = &[
    bare("bare", "the router and nothing else", noop::bare),
    bare("no-op", "a layer that does nothing", noop::layered),
    bare(
        "no-op-twice",
        "and another on the route, where the full stack has its annotation",
        noop::layered_twice,
    ),
    axum(
        "floor",
        "cookie, SHA-256, map, clock, compare, store, one extension",
        floor::router,
    ),
    axum(
        "session+idle",
        "Dwell's session and enforcing layers, without which nothing is served",
        dwell::session_and_idle,
    ),
    axum("+network", "and 100 networks", dwell::with_network),
    axum("+activity", "and fetch metadata", dwell::with_activity),
    axum("+mark", "and the mark of a passive route", dwell::with_mark),
    axum("+policy", "and a stricter policy", dwell::with_policy),
    axum("+step-up", "and step-up", dwell::with_step_up),
    axum(
        "dwell",
        "the full stack: cookie, 100 networks, activity, idle, step-up, Session-Timeout; \
         touches within the granularity",
        dwell::full,
    ),
    router(
        "dwell-passive",
        "the same, by passive requests",
        dwell::full,
        Session::Required,
        PASSIVE,
    ),
    axum(
        "dwell-touch",
        "the same, every request records a touch",
        dwell::touching,
    ),
    router(
        "tower-sessions-untouched",
        "MemoryStore, OnInactivity, the handler does not look",
        tower_sessions::untouched,
        Session::Ignored,
        PLAIN,
    ),
    axum(
        "tower-sessions",
        "the handler reads the session",
        tower_sessions::reading,
    ),
    axum(
        "tower-sessions-save",
        "the same with always_save: the idle timeout slides",
        tower_sessions::saving,
    ),
    axum(
        "axum-login",
        "MemoryStore, OnInactivity, users in a map, the handler reads the user",
        axum_login::reading,
    ),
    axum(
        "axum-login-save",
        "the same with always_save: the idle timeout slides",
        axum_login::saving,
    ),
    axum(
        "session-guard",
        "MemoryStore, defaults (the idle timeout slides), the handler extracts the session",
        session_guard::guard,
    ),
    axum(
        "axum_session",
        "no database, the handler reads the session; its life in memory slides",
        axum_session::reading,
    ),
    ten("dwell-10", "dwell, ten more cookies", dwell::full),
    ten(
        "tower-sessions-save-10",
        "tower-sessions-save, ten more cookies",
        tower_sessions::saving,
    ),
    ten(
        "session-guard-10",
        "session-guard, ten more cookies",
        session_guard::guard,
    ),
    other(
        "plain",
        Group::Plain,
        "the service and nothing else",
        plain::bare,
    ),
    other(
        "plain-no-op",
        Group::Plain,
        "a layer that does nothing",
        plain::noop,
    ),
    other("plain-floor", Group::Plain, "the floor layer", plain::floor),
    other("plain-dwell", Group::Plain, "the full stack", plain::dwell),
    other(
        "plain-dwell-passive",
        Group::Plain,
        "the same, by passive requests",
        plain::dwell_passive,
    ),
    other(
        "plain-tower-sessions-save",
        Group::Plain,
        "tower-sessions with always_save",
        plain::tower_sessions,
    ),
    other(
        "actix",
        Group::Actix,
        "the framework and nothing else",
        actix::bare,
    ),
    other(
        "actix-no-op",
        Group::Actix,
        "a middleware that does nothing",
        actix::noop,
    ),
    other(
        "actix-session",
        Group::Actix,
        "sessions in a map of ours, signed cookie, OnEveryRequest: the idle timeout slides",
        actix::session,
    ),
    other(
        "loop-dashmap",
        Group::Loop,
        "the floor's work on a dashmap",
        floor::Loop::<maps::DashMap>::boxed,
    ),
    other(
        "loop-papaya",
        Group::Loop,
        "the floor's work on a papaya map",
        floor::Loop::<maps::Papaya>::boxed,
    ),
    other(
        "loop-scc",
        Group::Loop,
        "the floor's work on an scc map",
        floor::Loop::<maps::Scc>::boxed,
    ),
];
