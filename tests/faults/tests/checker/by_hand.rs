//! Histories made by hand.

use std::time::Duration;

use dwell_faults::checker::{Law, check};
use dwell_faults::history::{Answer, Cookie, Event, History, Kind, Moment, Request, Times};

pub(crate) const TIMES: Times = Times {
    idle: Duration::from_secs(4),
    absolute: Duration::from_secs(15),
    granularity: Duration::from_secs(1),
    grace: Duration::from_secs(10),
    patience: Duration::from_secs(3),
    touch_delay: Duration::from_millis(500),
    propagation: Duration::ZERO,
    slack: Duration::from_millis(20),
};

pub(crate) const fn at(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

/// A request of session `s`, answered ten milliseconds after it was sent.
pub(crate) fn request(sent: u64, kind: Kind, status: u16) -> Request {
    Request {
        user: 1,
        session: Some("s".to_owned()),
        generation: 0,
        replaces: None,
        node: 0,
        kind,
        sent: at(sent),
        received: at(sent + 10),
        answer: Some(Answer {
            status,
            ..Answer::default()
        }),
    }
}

pub(crate) fn login(sent: u64) -> Request {
    issuing(request(sent, Kind::Login, 200))
}

pub(crate) fn click(sent: u64) -> Request {
    request(sent, Kind::Click, 200)
}

pub(crate) fn refused(sent: u64, reason: &str) -> Request {
    let mut request = request(sent, Kind::Click, 401);
    with(&mut request).reason = Some(reason.to_owned());
    request
}

pub(crate) fn unavailable(sent: u64) -> Request {
    let mut request = request(sent, Kind::Click, 503);
    let answer = with(&mut request);
    answer.reason = Some("store_unavailable".to_owned());
    answer.retry_after = true;
    request
}

pub(crate) fn issuing(mut request: Request) -> Request {
    with(&mut request).cookie = Cookie::Issued;
    request
}

pub(crate) fn of_token(generation: usize, request: Request) -> Request {
    Request {
        generation,
        ..request
    }
}

pub(crate) fn with(request: &mut Request) -> &mut Answer {
    request.answer.as_mut().expect("it was answered")
}

pub(crate) fn end(reason: &str) -> Event {
    let signed_out = reason == "signed_out";
    Event {
        event: if signed_out {
            "session_logout"
        } else {
            "session_expired"
        }
        .to_owned(),
        time: "2026-11-25T12:00:00.000Z".to_owned(),
        reason: Some(reason.to_owned()),
        session: Some("s".to_owned()),
        idle_ms: Some(4_100),
    }
}

pub(crate) fn history(requests: Vec<Request>) -> History {
    History {
        requests,
        events: vec![vec![end("idle_timeout")], Vec::new()],
        ..History::default()
    }
}

pub(crate) fn found(history: &History) -> Vec<Law> {
    let mut laws: Vec<Law> = check(history, &TIMES).iter().map(|v| v.law).collect();
    laws.sort_unstable();
    laws.dedup();
    laws
}

pub(crate) fn found_in(requests: Vec<Request>) -> Vec<Law> {
    found(&history(requests))
}

pub(crate) fn assert_correct(history: &History) {
    let violations = check(history, &TIMES);
    assert!(violations.is_empty(), "{violations:#?}");
}
