//! L8, L18: which answers are allowed, and when.

use std::time::Duration;

use super::{Law, Violation};
use crate::history::{Cookie, History, Kind, Request, Times};

pub(super) fn check(history: &History, times: &Times) -> Vec<Violation> {
    let requests = history.requests.iter();
    let violation = |law, request: &Request, what: &str| Violation {
        law,
        session: request.session.clone(),
        what: what.to_owned(),
        request: Some(request.clone()),
    };
    requests
        .filter_map(|request| {
            if takes_token(request) {
                let what = "a poll takes the token";
                return Some(violation(Law::NothingEarned, request, what));
            }
            let what = wrong(history, times, request)?;
            Some(violation(Law::FailClosed, request, what))
        })
        .collect()
}

/// L18: a request that is no activity removes no token, so that its user learns why
/// the session is over.
fn takes_token(request: &Request) -> bool {
    let passive = matches!(request.kind, Kind::Poll | Kind::Status);
    let answer = request.answer.as_ref();
    passive && answer.is_some_and(|answer| answer.cookie == Cookie::Removed)
}

fn wrong(history: &History, times: &Times, request: &Request) -> Option<&'static str> {
    let faults = &history.faults;
    let (sent, received) = (request.sent, request.received);
    let late = received.saturating_sub(sent) > patience(times, request);
    if late && !faults.stalled(sent, received) {
        return Some("answered later than configured");
    }
    let Some(answer) = &request.answer else {
        let away = faults.node_away(request.node, sent, received);
        return (!away).then_some("not answered, although the node was there");
    };
    match answer.status {
        503 if !answer.retry_after => Some("503 without Retry-After"),
        503 if answer.cookie != Cookie::Kept => Some("503 that changes the cookie"),
        503 if answer.reason.as_deref() != Some("store_unavailable") => Some("503 without reason"),
        503 if faults.is_read_only(sent, received) => None,
        503 if !faults.store_unreliable(sent, received) => Some("503 although the store was there"),
        503 | 200..=299 | 401 => None,
        _ => Some("an unexpected status"),
    }
}

/// Returns how long the answer may take. Each question to the store may take
/// the full limit. A look-up asks once, and a second time to confirm a new
/// token; commands ask several times.
fn patience(times: &Times, request: &Request) -> Duration {
    match request.kind {
        Kind::Login | Kind::Confirm | Kind::Extend | Kind::Logout => 4 * times.patience,
        Kind::Click | Kind::Poll | Kind::Status => match request.status() {
            Some(503) => times.patience,
            _ => 2 * times.patience,
        },
    }
}
