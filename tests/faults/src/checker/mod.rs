//! The checker: a pure function from a history to what was wrong in it.
//!
//! A request is judged by the store at some instant between its sending and
//! its answer, and nobody knows which. So every rule compares the ends of these
//! intervals that favour the service: what is reported is wrong whatever the
//! order was.
//!
//! | file | what |
//! |---|---|
//! | `deadlines` | L1, L2, and ends that came too early |
//! | `tokens` | L10 |
//! | `ends` | L4, L12, and sessions that were forgotten |
//! | `answers` | L8: what an answer may be, and when |

mod answers;
mod deadlines;
pub(crate) mod ends;
mod tokens;

use std::fmt;

use crate::history::{Faults, History, Request, SessionId, Times};

/// Which sentence was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// L1: admitted at or after a deadline.
    HardCutoff,
    /// L2: something else than good active requests moved the idle deadline.
    OnlyActivityProlongs,
    /// L4: admitted after its end was told.
    DeadStayDead,
    /// L8: refused in another way than with 503, `Retry-After` and the cookie
    /// kept, or later than configured, or without need.
    FailClosed,
    /// L8: a session that the store should have kept is unknown.
    Forgotten,
    /// L10: a superseded token opened the session, or its return was not
    /// noticed.
    Rotation,
    /// L12: an end was not reported, or twice.
    Witness,
    /// Somebody was thrown out although they had been active in time.
    TooEarly,
}

/// Something that was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which sentence was broken.
    pub law: Law,
    /// In which session.
    pub session: Option<SessionId>,
    /// What happened, for people.
    pub what: String,
    /// The request that shows it.
    pub request: Option<Request>,
}

/// Finds everything that is wrong in a history.
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

/// One session, as the rules look at it.
struct View<'a> {
    session: &'a str,
    /// In the order in which they were sent.
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
