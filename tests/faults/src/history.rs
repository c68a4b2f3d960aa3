//! The history of a run: requests, events, and faults.

use std::collections::BTreeMap;
use std::time::Duration;

/// An instant of the run: the monotonic time since the process began.
pub type Moment = Duration;

/// A session's reference, as in events.
pub type SessionId = String;

/// How long after a stall the machine may still be busy with what waited.
const AFTERMATH: Duration = Duration::from_secs(2);

/// How long after the store takes writes again a touch that failed is tried again:
/// the longest pause between two tries, and the time that one may take.
const RETRY: Duration = Duration::from_millis(4_500);

/// The history of a run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every request with its answer, in no particular order.
    pub requests: Vec<Request>,
    /// Sessions that were put into the store without a login.
    pub planted: Vec<SessionId>,
    /// The events of each node.
    pub events: Vec<Vec<Event>>,
    /// What was done to servers and nodes.
    pub faults: Faults,
    /// The end of each node's log, for the search for a cause.
    pub logs: Vec<String>,
}

/// A request with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The user who sent it.
    pub user: usize,
    /// The session. For a login that was answered, the new one.
    pub session: Option<SessionId>,
    /// The number of earlier tokens that the user had received in the session.
    pub generation: usize,
    /// The session whose token a login sent, and which it replaced.
    pub replaces: Option<SessionId>,
    /// The node that it was sent to.
    pub node: usize,
    /// What it was.
    pub kind: Kind,
    /// The instant before it was sent.
    pub sent: Moment,
    /// The instant after its answer was received, or it failed.
    pub received: Moment,
    /// The answer; `None` if the connection broke.
    pub answer: Option<Answer>,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `POST /login`.
    Login,
    /// `GET /api/balance`: active.
    Click,
    /// `GET /api/notifications`: passive.
    Poll,
    /// `GET /session`: passive.
    Status,
    /// `POST /session/extend`: the explicit "stay signed in".
    Extend,
    /// `POST /reauth`: active, and the token changes.
    Confirm,
    /// `POST /session/end`.
    Logout,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `reason` of problem details.
    pub reason: Option<String>,
    /// What happened to the client's token.
    pub cookie: Cookie,
    /// Whether it had a `Retry-After`.
    pub retry_after: bool,
    /// The seconds until the idle deadline, by `Session-Timeout`.
    pub idle_left: Option<u64>,
}

/// What an answer does to the client's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cookie {
    /// The token stays.
    #[default]
    Kept,
    /// The client gets a new token.
    Issued,
    /// The token is removed.
    Removed,
}

/// A line of an audit file: the fields that the checker needs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Event {
    /// The event's name.
    pub event: String,
    /// The time, by the store's clock.
    pub time: String,
    /// The reason of an end.
    pub reason: Option<String>,
    /// The session.
    pub session: Option<SessionId>,
    /// Milliseconds since the last recorded activity.
    pub idle_ms: Option<u64>,
}

/// What was done to servers and nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// When the store was unreliable: touches may be lost, and answers may be
    /// 503 or none.
    pub outages: Vec<(Moment, Moment)>,
    /// When the store answered look-ups and took no writes.
    pub read_only: Vec<(Moment, Moment)>,
    /// When a node could not be reached.
    pub absences: Vec<Absence>,
    /// When the whole machine stood still, as seen by a late timer: slow
    /// answers are not the service's fault then.
    pub stalls: Vec<(Moment, Moment)>,
    /// When the store forgot everything.
    pub store_lost: Option<(Moment, Moment)>,
    /// Whether an end may be reported more than once: a node or the store
    /// crashed, or an answer of the store was lost, between an end and its
    /// report.
    pub repeats: Repeats,
}

/// A time in which one node could not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// The node.
    pub node: usize,
    /// The beginning.
    pub from: Moment,
    /// The end.
    pub until: Moment,
}

/// How often an end may be reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// Once.
    #[default]
    Never,
    /// At least once, and always identically.
    Identical,
}

/// The policy's times, and the precision with which they can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The idle timeout.
    pub idle: Duration,
    /// The absolute timeout.
    pub absolute: Duration,
    /// The least time between two recorded touches of a session.
    pub granularity: Duration,
    /// How long a superseded token is valid for parallel requests.
    pub grace: Duration,
    /// How long an answer may take, also while the store is away.
    pub patience: Duration,
    /// How long after its answer a touch may reach the store.
    pub touch_delay: Duration,
    /// How long after its answer a change may be unseen by other nodes.
    pub propagation: Duration,
    /// The tolerance for rounding to milliseconds.
    pub slack: Duration,
}

impl Request {
    /// Whether the request was let into the session.
    #[must_use]
    pub fn admitted(&self) -> bool {
        let session_matters = !matches!(self.kind, Kind::Login | Kind::Logout);
        session_matters && self.status().is_some_and(|status| status / 100 == 2)
    }

    /// Returns the answer's status.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    /// Returns the reason of a refusal.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.answer.as_ref()?.reason.as_deref()
    }

    /// Returns the reason of the session's end, if the answer names it.
    #[must_use]
    pub fn end_reason(&self) -> Option<&str> {
        let reason = self.reason().filter(|_| self.status() == Some(401))?;
        dwell_axum::EndReason::parse(reason).map(dwell_axum::EndReason::as_str)
    }

    /// Whether its kind is activity.
    #[must_use]
    pub fn is_active(&self) -> bool {
        match self.kind {
            Kind::Login | Kind::Click | Kind::Extend | Kind::Confirm => true,
            Kind::Poll | Kind::Status | Kind::Logout => false,
        }
    }

    /// Whether it may have moved the idle deadline: an active request that
    /// succeeded or whose outcome is unknown. A command that was answered 503
    /// may have been done, since only the store's answer may be lost.
    #[must_use]
    pub fn may_prolong(&self) -> bool {
        let is_command = matches!(self.kind, Kind::Confirm | Kind::Extend);
        self.is_active()
            && match self.status() {
                None => true,
                Some(503) => is_command,
                Some(status) => !matches!(status, 401 | 403) && status < 500,
            }
    }

    /// Whether it has certainly moved the idle deadline, within the
    /// granularity.
    #[must_use]
    pub fn must_prolong(&self) -> bool {
        self.is_active() && self.status().is_some_and(|status| status / 100 == 2)
    }
}

impl Event {
    /// Whether the event reports the end of a session.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(&*self.event, "session_expired" | "session_logout")
    }
}

impl Faults {
    /// Whether the store was unreliable at any time in this interval.
    #[must_use]
    pub fn store_unreliable(&self, from: Moment, until: Moment) -> bool {
        meets(&self.outages, Duration::ZERO, from, until) || self.stalled(from, until)
    }

    /// Returns when a touch of this interval is certainly on record: if the store
    /// took no writes then, some time after it takes them again.
    #[must_use]
    pub fn on_record(&self, sent: Moment, on_record: Moment) -> Moment {
        let overlaps = |(a, b): &&(Moment, Moment)| *a <= on_record && sent <= *b;
        let refused = self.read_only.iter().filter(overlaps);
        let later = refused.map(|(_, until)| *until + RETRY);
        later.fold(on_record, Moment::max)
    }

    /// Whether the store took no writes at any time in this interval.
    #[must_use]
    pub fn is_read_only(&self, from: Moment, until: Moment) -> bool {
        meets(&self.read_only, RETRY, from, until)
    }

    /// Whether the machine stood still in this interval, or shortly before.
    #[must_use]
    pub fn stalled(&self, from: Moment, until: Moment) -> bool {
        meets(&self.stalls, AFTERMATH, from, until)
    }

    /// Whether this node was away at any time in this interval.
    #[must_use]
    pub fn node_away(&self, node: usize, from: Moment, until: Moment) -> bool {
        let overlaps = |a: &Absence| a.node == node && a.from <= until && from <= a.until;
        self.absences.iter().any(overlaps)
    }
}

/// Whether any of these times, with what comes `after` each, meets an interval.
fn meets(times: &[(Moment, Moment)], after: Duration, from: Moment, until: Moment) -> bool {
    let mut times = times.iter();
    times.any(|(begin, end)| *begin <= until && from <= *end + after)
}

impl History {
    /// Returns the requests of each session, sorted by the time of sending.
    #[must_use]
    pub fn sessions(&self) -> BTreeMap<&str, Vec<&Request>> {
        let mut sessions: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
        for request in &self.requests {
            if let Some(session) = &request.session {
                sessions.entry(session).or_default().push(request);
            }
        }
        for requests in sessions.values_mut() {
            requests.sort_by_key(|request| request.sent);
        }
        sessions
    }

    /// Returns the reports of each session's end.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<&str, Vec<&Event>> {
        let mut ends: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
        for event in self.events.iter().flatten().filter(|event| event.is_end()) {
            if let Some(session) = &event.session {
                ends.entry(session).or_default().push(event);
            }
        }
        ends
    }
}
