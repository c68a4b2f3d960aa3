//! L10: superseded tokens.

use super::{Law, View, Violation};
use crate::history::{Cookie, Kind, Request};

pub(super) fn check(view: &View<'_>) -> Vec<Violation> {
    let with_token = |request: &&Request| request.kind != Kind::Login;
    let requests = view.requests.iter().copied().filter(with_token);
    requests
        .filter_map(|request| check_one(view, request))
        .collect()
}

fn check_one(view: &View<'_>, request: &Request) -> Option<Violation> {
    let rotation = superseded_by(view, request)?;
    let grace = view.times.grace + view.times.propagation + view.times.slack;
    if request.sent < rotation.received + grace || !was_used(view, request) {
        return None;
    }
    if request.admitted() {
        let what = "a superseded token opened the session after the grace".to_owned();
        return Some(view.violation(Law::Rotation, request, what));
    }
    // After a 503 or a broken connection, the service need not have seen the
    // token.
    let seen = request.status().is_some_and(|status| status != 503);
    // Shortly after a rotation, a token of two rotations ago may belong to a
    // parallel request: it opens nothing, and ends nothing.
    let parallel = rotations(view).any(|other| {
        !std::ptr::eq(other, rotation)
            && other.sent < request.received
            && request.sent < other.received + grace
    });
    // The answer itself does not count: a tombstone says nothing to old tokens.
    let mut later = view.requests.iter();
    let survived = later
        .any(|other| other.admitted() && request.received + view.times.propagation < other.sent);
    (seen && !parallel && survived).then(|| {
        let what = "the return of a superseded token did not end the session".to_owned();
        view.violation(Law::Rotation, request, what)
    })
}

/// Returns the request whose answer replaced this request's token.
fn superseded_by<'a>(view: &View<'a>, request: &Request) -> Option<&'a Request> {
    let mut issued: Vec<&Request> = view.requests.to_vec();
    issued.retain(|r| {
        r.answer
            .as_ref()
            .is_some_and(|a| a.cookie == Cookie::Issued)
    });
    issued.sort_by_key(|r| r.received);
    // The login brought the token of generation 0.
    issued.get(request.generation + 1).copied()
}

/// Returns every request that changed the token, or may have done so.
fn rotations<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Request> {
    let requests = view.requests.iter().copied();
    requests.filter(|request| match &request.answer {
        Some(answer) if answer.cookie == Cookie::Issued => true,
        Some(answer) => request.kind == Kind::Confirm && answer.status == 503,
        None => request.kind == Kind::Confirm,
    })
}

/// Whether a later token was used before this request: only then does the
/// return of an earlier one mean theft.
fn was_used(view: &View<'_>, request: &Request) -> bool {
    view.requests.iter().any(|other| {
        other.generation > request.generation && other.admitted() && other.received < request.sent
    })
}
