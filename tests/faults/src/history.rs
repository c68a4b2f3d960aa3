//! What happened in a run: requests, events, and what was done to servers.

use std::collections::BTreeMap;
use std::time::Duration;

/// An instant of the run: the monotonic time since the process began.
pub type Moment = Duration;

/// A session's reference, as events name it.
pub type SessionId = String;

/// How long what waited in a stall may keep the machine busy.
const AFTERMATH: Duration = Duration::from_secs(2);

/// Everything that a run saw.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every request with its answer, in no particular order.
    pub requests: Vec<Request>,
    /// Sessions that nobody logged in for: they were put into the store.
    pub planted: Vec<SessionId>,
    /// The events of each node.
    pub events: Vec<Vec<Event>>,
    /// What was done to servers meanwhile.
    pub faults: Faults,
    /// The last words of each node, for whoever looks for the reason.
    pub logs: Vec<String>,
}

/// A request with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who sent it.
    pub user: usize,
    /// Of which session: that which a login began, where it was answered.
    pub session: Option<SessionId>,
    /// Which of the session's tokens it came with, in the order in which the
    /// user got them.
    pub generation: usize,
    /// The session that a login brought along, and took the place of.
    pub replaces: Option<SessionId>,
    /// To which node.
    pub node: usize,
    /// What it was.
    pub kind: Kind,
    /// Just before it was sent.
    pub sent: Moment,
    /// Just after its answer was there, or it had failed.
    pub received: Moment,
    /// `None` when the connection broke.
    pub answer: Option<Answer>,
}

/// What a request was.
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

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `reason` of problem details.
    pub reason: Option<String>,
    /// What became of the client's token.
    pub cookie: Cookie,
    /// Whether there was a `Retry-After`.
    pub retry_after: bool,
    /// The seconds that `Session-Timeout` gives until the idle deadline.
    pub idle_left: Option<u64>,
}

/// What an answer does to the client's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cookie {
    /// Nothing.
    #[default]
    Kept,
    /// A new one.
    Issued,
    /// It is removed.
    Removed,
}

/// A line of an audit file, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Event {
    /// What.
    pub event: String,
    /// When, by the store's clock.
    pub time: String,
    /// Why.
    pub reason: Option<String>,
    /// Of which session.
    pub session: Option<SessionId>,
    /// Since the last activity on record.
    pub idle_ms: Option<u64>,
}

/// What was done to servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// When the store could not be relied upon: touches may be lost, and
    /// answers may be 503 or none.
    pub outages: Vec<(Moment, Moment)>,
    /// When a node could not be reached.
    pub absences: Vec<Absence>,
    /// When the whole machine stood still, as seen by a clock that should
    /// tick: what took too long then is nobody's fault.
    pub stalls: Vec<(Moment, Moment)>,
    /// The store forgot everything at some time in here.
    pub store_lost: Option<(Moment, Moment)>,
    /// Whether an end may be reported more than once: somebody went down, or
    /// an answer of the store was lost, between the end and its report.
    pub repeats: Repeats,
}

/// A time in which one node could not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Which.
    pub node: usize,
    /// From.
    pub from: Moment,
    /// Until.
    pub until: Moment,
}

/// How often an end may be reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// Once.
    #[default]
    Never,
    /// Once at least, and always the same.
    Identical,
}

/// The times of the policy in force, and how exactly they can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The idle timeout.
    pub idle: Duration,
    /// The absolute timeout.
    pub absolute: Duration,
    /// At most one touch of a session is recorded in this time.
    pub granularity: Duration,
    /// How long a superseded token is good for parallel requests.
    pub grace: Duration,
    /// Within which an answer must be there, also when the store is not.
    pub patience: Duration,
    /// How long a touch may be on its way to the store after its answer.
    pub touch_delay: Duration,
    /// How long after its answer a change is seen at every node.
    pub propagation: Duration,
    /// Stores keep whole milliseconds.
    pub slack: Duration,
}

impl Request {
    /// Whether the session was opened to it.
    #[must_use]
    pub fn admitted(&self) -> bool {
        let session_matters = !matches!(self.kind, Kind::Login | Kind::Logout);
        session_matters && self.status().is_some_and(|status| status / 100 == 2)
    }

    /// The status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }

    /// The reason that it was refused for.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.answer.as_ref()?.reason.as_deref()
    }

    /// The reason for which the session has ended, where the answer gives one.
    #[must_use]
    pub fn end_reason(&self) -> Option<&str> {
        let reason = self.reason().filter(|_| self.status() == Some(401))?;
        dwell_axum::EndReason::parse(reason).map(dwell_axum::EndReason::as_str)
    }

    /// Whether it is activity by its kind.
    #[must_use]
    pub fn is_active(&self) -> bool {
        match self.kind {
            Kind::Login | Kind::Click | Kind::Extend | Kind::Confirm => true,
            Kind::Poll | Kind::Status | Kind::Logout => false,
        }
    }

    /// Whether it may have moved the idle deadline: an active one that was
    /// answered well, or whose answer nobody knows. A command that was answered
    /// 503 may be done all the same: the store's answer was lost.
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

    /// Whether it has certainly moved the idle deadline, as far as touches are
    /// exact.
    #[must_use]
    pub fn must_prolong(&self) -> bool {
        self.is_active() && self.status().is_some_and(|status| status / 100 == 2)
    }
}

impl Event {
    /// Whether it reports the end of a session.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(&*self.event, "session_expired" | "session_logout")
    }
}

impl Faults {
    /// Whether the store was doubtful at any time in here.
    #[must_use]
    pub fn store_doubtful(&self, from: Moment, until: Moment) -> bool {
        let overlaps = |(a, b): &(Moment, Moment)| *a <= until && from <= *b;
        self.outages.iter().any(overlaps) || self.stalled(from, until)
    }

    /// Whether the machine stood still at any time in here, or has not got
    /// over it.
    #[must_use]
    pub fn stalled(&self, from: Moment, until: Moment) -> bool {
        let overlaps = |(a, b): &(Moment, Moment)| *a <= until && from <= *b + AFTERMATH;
        self.stalls.iter().any(overlaps)
    }

    /// Whether this node was away at any time in here.
    #[must_use]
    pub fn node_away(&self, node: usize, from: Moment, until: Moment) -> bool {
        let overlaps = |a: &Absence| a.node == node && a.from <= until && from <= a.until;
        self.absences.iter().any(overlaps)
    }
}

impl History {
    /// The requests of each session, in the order in which they were sent.
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

    /// The reports of each session's end.
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
