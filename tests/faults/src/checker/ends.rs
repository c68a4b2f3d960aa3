//! L4, L12, and sessions that were forgotten.

use std::collections::BTreeSet;

use super::{Law, View, Violation};
use crate::history::{Cookie, Event, History, Kind, Moment, Repeats, Request, SessionId, Times};

/// L4: no request opens the session after a client has learned of its end.
pub(super) fn check_requests(view: &View<'_>, all: &[Request]) -> Vec<Violation> {
    let known = end_known_at(view, all);
    let mut violations = Vec::new();
    for request in view.requests.iter().copied() {
        if let Some(known) = known
            && request.admitted()
            && known + view.times.propagation < request.sent
        {
            let what = format!("admitted although a client knew of its end at {known:.3?}");
            violations.push(view.violation(Law::DeadStayDead, request, what));
        }
        violations.extend(forgotten(view, request));
    }
    violations
}

/// Returns when a client first learned of the end: by signing out, by a new
/// login that replaced the session, or by a refusal.
fn end_known_at(view: &View<'_>, all: &[Request]) -> Option<Moment> {
    let of_session = view.requests.iter().copied();
    let signed_out =
        |r: &&Request| r.kind == Kind::Logout && r.status().is_some_and(|status| status / 100 == 2);
    let own = of_session.filter(|r| r.end_reason().is_some() || signed_out(r));
    let replaced = all.iter().filter(|r| {
        r.replaces.as_deref() == Some(view.session) && r.status().is_some_and(|s| s / 100 == 2)
    });
    own.chain(replaced).map(|r| r.received).min()
}

/// L8: the session is unknown, although the token was valid when the user
/// received it.
fn forgotten(view: &View<'_>, request: &Request) -> Option<Violation> {
    let unknown = request.status() == Some(401) && request.reason() == Some("session_required");
    let lost = view.faults.store_lost;
    let excused = lost.is_some_and(|(from, _)| from <= request.received);
    // Tokens older than the previous one need not be known.
    let issued = view.requests.iter().filter(|other| {
        let answer = other.answer.as_ref();
        answer.is_some_and(|answer| answer.cookie == Cookie::Issued)
            && other.sent < request.received
    });
    let known = request.generation + 2 >= issued.count();
    (unknown && known && !excused).then(|| {
        let what = "its session is unknown".to_owned();
        view.violation(Law::Forgotten, request, what)
    })
}

/// L12: the end of every session is reported, once.
pub(super) fn check_events(history: &History, times: &Times) -> Vec<Violation> {
    let ends = history.ends();
    let mut violations = Vec::new();
    for session in created(history) {
        let reports = ends.get(session.as_str()).map_or(&[][..], Vec::as_slice);
        if let Some(what) = wrong_reports(history, &session, reports) {
            violations.push(violation(Law::Witness, &session, what));
        }
    }
    for (session, reports) in ends {
        for report in reports {
            let idle = report.idle_ms.unwrap_or_default();
            let early = report.reason.as_deref() == Some("idle_timeout")
                && u128::from(idle) < times.idle.as_millis();
            if early {
                let what = format!("reported as idle after {idle} ms");
                violations.push(violation(Law::TooEarly, session, what));
            }
        }
    }
    violations
}

/// Returns every session that a user received or an event is about.
pub(crate) fn created(history: &History) -> BTreeSet<SessionId> {
    let logins = history.requests.iter().filter(|r| r.kind == Kind::Login);
    let logins = logins.filter_map(|login| login.session.clone());
    let events = history.events.iter().flatten();
    let reported = events
        .filter(|event| event.event == "session_created" || event.is_end())
        .filter_map(|event| event.session.clone());
    let planted = history.planted.iter().cloned();
    logins.chain(reported).chain(planted).collect()
}

fn wrong_reports(history: &History, session: &str, reports: &[&Event]) -> Option<String> {
    let Some((first, others)) = reports.split_first() else {
        return (!may_be_lost(history, session)).then(|| "its end was never reported".to_owned());
    };
    let same = |other: &&Event| {
        (&other.event, &other.reason, &other.time) == (&first.event, &first.reason, &first.time)
    };
    let count = reports.len();
    match history.faults.repeats {
        Repeats::Never if count > 1 => Some(format!("its end was reported {count} times")),
        Repeats::Identical if !others.iter().all(same) => Some(format!(
            "its end was reported in different ways: {reports:?}"
        )),
        _ => None,
    }
}

/// Whether the store may have forgotten the session: the session began before.
pub(crate) fn may_be_lost(history: &History, session: &str) -> bool {
    let Some((_, until)) = history.faults.store_lost else {
        return false;
    };
    let mut requests = history.requests.iter();
    let login = requests.find(|r| r.session.as_deref() == Some(session));
    login.is_none_or(|login| login.sent <= until)
}

fn violation(law: Law, session: &str, what: String) -> Violation {
    Violation {
        law,
        session: Some(session.to_owned()),
        what,
        request: None,
    }
}
