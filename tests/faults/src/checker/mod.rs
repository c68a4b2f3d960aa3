//! The checker: a pure function from a history to violations of the laws.
//!
//! The store judges a request at some instant between its sending and its
//! answer. So every rule compares those ends of the intervals that favour the
//! service: what is reported is wrong in any order.
//!
//! | file | contents |
//! |---|---|
//! | `deadlines` | L1, L2, L5, and ends that came too early |
//! | `tokens` | L10 |
//! | `ends` | L4, L12, and sessions that were forgotten |
//! | `answers` | L8, L18: which answers are allowed, and when |

mod answers;
mod deadlines;
pub(crate) mod ends;
mod tokens;

use std::fmt;

use crate::history::{Faults, History, Request, SessionId, Times};

/// The law that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// L1: admitted at or after a deadline.
    HardCutoff,
    /// L2: something other than a successful active request moved the idle
    /// deadline.
    OnlyActivityProlongs,
    /// L4: admitted after a client had learned of the end.
    DeadStayDead,
    /// L5: an active user was thrown out, whose touch could be written in time.
    ActivityLost,
    /// L8: refused otherwise than with 503, `Retry-After` and the cookie kept;
    /// or later than configured; or without need.
    FailClosed,
    /// L8: a session that the store should have kept is unknown.
    Forgotten,
    /// L10: a superseded token opened the session, or its return did not end
    /// it.
    Rotation,
    /// L12: an end was not reported, or more than once.
    Witness,
    /// L18: a request that is no activity took the token.
    NothingEarned,
    /// A session ended although its user had been active in time.
    TooEarly,
}

/// A violation of a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law that was broken.
    pub law: Law,
    /// The session.
    pub session: Option<SessionId>,
    /// What happened, in words.
    pub what: String,
    /// The request that shows it.
    pub request: Option<Request>,
}

/// Returns all violations in a history.
#[must_use]
pub fn check(history: &History, times: &Times) -> Vec<Violation> {
    let mut violations = Vec::new();
    let faults = &history.faults;
    for (session, requests) in history.sessions() {
        let view = View {
            session,
            requests: &requests,
            times,
            faults,
        };
        violations.extend(deadlines::check(&view));
        violations.extend(tokens::check(&view));
        violations.extend(ends::check_requests(&view, &history.requests));
    }
    violations.extend(ends::check_events(history, times));
    violations.extend(answers::check(history, times));
    violations
}

/// One session, for the rules.
struct View<'a> {
    session: &'a str,
    /// Sorted by the time of sending.
    requests: &'a [&'a Request],
    times: &'a Times,
    faults: &'a Faults,
}

impl View<'_> {
    fn violation(&self, law: Law, request: &Request, what: String) -> Violation {
        Violation {
            law,
            session: Some(self.session.to_owned()),
            what,
            request: Some(request.clone()),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.session.as_deref().unwrap_or("-");
        write!(f, "{:?}: session {session}: {}", self.law, self.what)?;
        match &self.request {
            None => Ok(()),
            Some(request) => write!(f, "\n    {request}"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, received) = (self.sent, self.received);
        let (kind, generation, node) = (self.kind, self.generation, self.node);
        let user = self.user;
        write!(
            f,
            "{sent:.3?}–{received:.3?} user {user} {kind:?} token {generation} at node {node}: "
        )?;
        match &self.answer {
            None => f.write_str("no answer"),
            Some(answer) => {
                write!(f, "{}", answer.status)?;
                if let Some(reason) = &answer.reason {
                    write!(f, " {reason}")?;
                }
                if let Some(left) = answer.idle_left {
                    write!(f, " idle={left}")?;
                }
                write!(f, " cookie {:?}", answer.cookie)
            }
        }
    }
}
