//! The figures of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::checker::{Law, Violation};
use crate::history::{History, Kind, Moment, Request};

/// How many violations are printed.
const SHOWN: usize = 20;

/// The figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests sent.
    pub requests: usize,
    /// Sessions that users received.
    pub sessions: usize,
    /// Sessions whose end was reported.
    pub ends: usize,
    /// Reports of ends that had been reported before.
    pub repeated: usize,
    /// Requests that were answered 503.
    pub refused: usize,
    /// Requests without an answer.
    pub broken: usize,
    /// The longest time in which a user got nothing but 503 or no answer.
    pub longest_outage: Duration,
    /// The longest time to an answer.
    pub longest_answer: Duration,
    /// Sessions that were used before and after the store was away.
    pub survivors: usize,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went wrong in the run.
    pub what: &'static str,
    /// The figures.
    pub figures: Figures,
    /// Remarks for the report.
    pub notes: Vec<String>,
    /// The difference between the nodes' clocks, in seconds.
    pub clocks_apart: u64,
    /// The violations found.
    pub violations: Vec<Violation>,
    /// All requests and reports of the first session that broke each law.
    pub traces: Vec<String>,
}

impl Figures {
    /// Counts a history.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let requests = &history.requests;
        let count = |f: &dyn Fn(&&Request) -> bool| requests.iter().filter(f).count();
        let ends = history.ends();
        let reports: usize = ends.values().map(Vec::len).sum();
        let logins = count(&|r| r.kind == Kind::Login && r.session.is_some());
        let longest = requests.iter().map(|r| r.received.saturating_sub(r.sent));
        Self {
            requests: requests.len(),
            sessions: logins + history.planted.len(),
            ends: ends.len(),
            repeated: reports - ends.len(),
            refused: count(&|r| r.status() == Some(503)),
            broken: count(&|r| r.answer.is_none()),
            longest_outage: longest_outage(requests),
            longest_answer: longest.max().unwrap_or_default(),
            survivors: survivors(history),
        }
    }
}

/// All requests and reports of the first session that broke each law.
#[must_use]
pub fn traces(history: &History, violations: &[Violation]) -> Vec<String> {
    let mut first: BTreeMap<Law, &str> = BTreeMap::new();
    for violation in violations {
        if let Some(session) = &violation.session {
            first.entry(violation.law).or_insert(session);
        }
    }
    let (sessions, ends) = (history.sessions(), history.ends());
    let trace = |(law, session): (Law, &str)| {
        let requests = sessions.get(session).into_iter().flatten();
        let requests: Vec<String> = requests.map(ToString::to_string).collect();
        let (requests, ends) = (requests.join("\n    "), ends.get(session));
        format!("{law:?}: all of session {session}:\n    {requests}\n    {ends:?}")
    };
    let traces = first.into_iter().map(trace);
    match violations {
        [] => Vec::new(),
        _ => traces.chain(history.logs.iter().cloned()).collect(),
    }
}

fn longest_outage(requests: &[Request]) -> Duration {
    let mut of_users: BTreeMap<usize, Vec<&Request>> = BTreeMap::new();
    for request in requests {
        of_users.entry(request.user).or_default().push(request);
    }
    let mut longest = Duration::ZERO;
    for requests in of_users.values_mut() {
        requests.sort_by_key(|request| request.sent);
        let mut since: Option<Moment> = None;
        for request in requests {
            if request.status().is_none_or(|status| status == 503) {
                // Up to the last failure: the user decides when to ask again.
                let since = *since.get_or_insert(request.sent);
                longest = longest.max(request.received.saturating_sub(since));
            } else {
                since = None;
            }
        }
    }
    longest
}

fn survivors(history: &History) -> usize {
    let faults = &history.faults;
    let outages = faults.outages.iter().chain(&faults.read_only);
    let (Some(from), Some(until)) = (
        outages.clone().map(|outage| outage.0).min(),
        outages.map(|outage| outage.1).max(),
    ) else {
        return 0;
    };
    let sessions = history.sessions();
    let survived = sessions.values().filter(|requests| {
        let admitted = || requests.iter().filter(|r| r.admitted());
        admitted().any(|r| r.received < from) && admitted().any(|r| until < r.sent)
    });
    survived.count()
}

impl Outcome {
    /// Returns the run's row of the table.
    #[must_use]
    pub fn row(&self) -> String {
        let f = &self.figures;
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let cells = [
            self.what.to_owned(),
            f.requests.to_string(),
            f.sessions.to_string(),
            f.ends.to_string(),
            f.repeated.to_string(),
            f.refused.to_string(),
            f.broken.to_string(),
            seconds(f.longest_outage),
            seconds(f.longest_answer),
            f.survivors.to_string(),
            self.violations.len().to_string(),
            self.notes.join("; "),
        ];
        format!("| {} |", cells.join(" | "))
    }

    /// The head of the table.
    pub const HEAD: &str = "\
| what went wrong | requests | sessions | ends reported | again | 503 | no answer | longest outage of a user | \
longest answer | sessions used before and after | violations | notes |
|---|---|---|---|---|---|---|---|---|---|---|---|";
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        write!(
            f,
            "{}: {} requests, {} sessions, {} ends ({} reported again), {} answers 503, {} without \
             answer, longest outage of a user {:.1?}, longest answer {:.1?}, {} sessions survived, \
             violations = {}",
            self.what,
            figures.requests,
            figures.sessions,
            figures.ends,
            figures.repeated,
            figures.refused,
            figures.broken,
            figures.longest_outage,
            figures.longest_answer,
            figures.survivors,
            self.violations.len()
        )?;
        for note in &self.notes {
            write!(f, "; {note}")?;
        }
        for violation in self.violations.iter().take(SHOWN) {
            write!(f, "\n  {violation}")?;
        }
        for trace in &self.traces {
            write!(f, "\n  {trace}")?;
        }
        Ok(())
    }
}
