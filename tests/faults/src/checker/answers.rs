//! L8: what an answer may be, and when.

use std::time::Duration;

use super::{Law, Violation};
use crate::history::{Cookie, History, Kind, Request, Times};

pub(super) fn check(history: &History, times: &Times) -> Vec<Violation> {
    let requests = history.requests.iter();
    requests
        .filter_map(|request| {
            let what = wrong(history, times, request)?;
            Some(Violation {
                law: Law::FailClosed,
                session: request.session.clone(),
                what: what.to_owned(),
                request: Some(request.clone()),
            })
        })
        .collect()
}

fn wrong(history: &History, times: &Times, request: &Request) -> Option<&'static str> {
    let faults = &history.faults;
    let (sent, received) = (request.sent, request.received);
    let late = received.saturating_sub(sent) > patience(times, request);
    if late && !faults.stalled(sent, received) {
        return Some("answered too late");
    }
    let Some(answer) = &request.answer else {
        let away = faults.node_away(request.node, sent, received);
        return (!away).then_some("not answered, by a node that was there");
    };
    match answer.status {
        503 if !answer.retry_after => Some("503 without Retry-After"),
        503 if answer.cookie != Cookie::Kept => Some("503 that changes the cookie"),
        503 if answer.reason.as_deref() != Some("store_unavailable") => Some("503 without reason"),
        503 if !faults.store_doubtful(sent, received) => Some("503 although the store was there"),
        503 | 200..=299 | 401 => None,
        _ => Some("an answer that nobody expects"),
    }
}

/// How long the answer may take. The store is waited for each time that it is
/// asked: a look-up once, and once more where it is told that the client has
/// its new token; commands ask it several times.
fn patience(times: &Times, request: &Request) -> Duration {
    match request.kind {
        Kind::Login | Kind::Confirm | Kind::Extend | Kind::Logout => 4 * times.patience,
        Kind::Click | Kind::Poll | Kind::Status => match request.status() {
            Some(503) => times.patience,
            _ => 2 * times.patience,
        },
    }
}
