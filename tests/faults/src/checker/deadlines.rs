//! L1, L2, L5, and ends that came too early.

use std::time::Duration;

use super::{Law, View, Violation};
use crate::history::{Kind, Moment, Request};

pub(super) fn check(view: &View<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for request in view.requests.iter().copied() {
        violations.extend(too_late(view, request));
        violations.extend(too_old(view, request));
        violations.extend(prolonged(view, request));
        violations.extend(too_early(view, request));
    }
    violations
}

/// L1, the idle deadline: admitted although the last possible instant of
/// activity is too long ago.
fn too_late(view: &View<'_>, request: &Request) -> Option<Violation> {
    if !request.admitted() {
        return None;
    }
    let idle = idle_at_least(view, request, Request::may_prolong)?;
    if idle < view.times.idle + view.times.slack {
        return None;
    }
    // If an inactive request would explain it, that request prolonged the
    // session.
    let any = idle_at_least(view, request, |_| true)?;
    let law = if any < view.times.idle {
        Law::OnlyActivityProlongs
    } else {
        Law::HardCutoff
    };
    let what = format!("admitted {idle:.3?} or more after the last activity");
    Some(view.violation(law, request, what))
}

/// L1, the absolute deadline.
fn too_old(view: &View<'_>, request: &Request) -> Option<Violation> {
    let login = login(view)?;
    let age = request.sent.saturating_sub(login.received);
    let late = request.admitted() && age >= view.times.absolute + view.times.slack;
    late.then(|| {
        let what = format!("admitted {age:.3?} or more after the login");
        view.violation(Law::HardCutoff, request, what)
    })
}

/// L2: the answer to a passive request promises more time than activity has
/// earned.
fn prolonged(view: &View<'_>, request: &Request) -> Option<Violation> {
    let left = request.answer.as_ref()?.idle_left?;
    if !request.admitted() || request.is_active() {
        return None;
    }
    let idle = idle_at_least(view, request, Request::may_prolong)?;
    let left = Duration::from_secs(left);
    let most = view.times.idle.saturating_sub(idle) + view.times.slack;
    (left > most).then(|| {
        let what = format!("{left:.3?} are left, but activity earned at most {most:.3?}");
        view.violation(Law::OnlyActivityProlongs, request, what)
    })
}

/// Refused as idle or too old before the deadline.
fn too_early(view: &View<'_>, request: &Request) -> Option<Violation> {
    let times = view.times;
    match request.end_reason()? {
        "idle_timeout" => {
            let last = last_certain(view, request.sent)?;
            let idle = request.received.saturating_sub(last.sent);
            let most = times.idle.saturating_sub(times.granularity + times.slack);
            let law = match view.faults.is_read_only(last.sent, last.received) {
                true => Law::ActivityLost,
                false => Law::TooEarly,
            };
            (idle < most).then(|| {
                let what = format!("refused as idle {idle:.3?} or less after: {last}");
                view.violation(law, request, what)
            })
        }
        "absolute_timeout" => {
            let age = request.received.saturating_sub(login(view)?.sent);
            (age + times.slack < times.absolute).then(|| {
                let what = format!("refused as too old {age:.3?} or less after the login");
                view.violation(Law::TooEarly, request, what)
            })
        }
        _ => None,
    }
}

fn login<'a>(view: &View<'a>) -> Option<&'a Request> {
    let mut requests = view.requests.iter().copied();
    requests.find(|request| request.kind == Kind::Login)
}

/// Returns the least time without a request of this kind before `request` was
/// judged. `None` if the session's start is not in the history.
fn idle_at_least(
    view: &View<'_>,
    request: &Request,
    counts: impl Fn(&Request) -> bool,
) -> Option<Duration> {
    let before = view.requests.iter().copied();
    let before = before.filter(|other| !std::ptr::eq(*other, request));
    // Every request that was sent before this one was answered may have come
    // first.
    let before = before.filter(|other| other.sent < request.received && counts(other));
    let last = before.map(|other| other.received).max()?;
    Some(request.sent.saturating_sub(last))
}

/// Returns the last request answered before `at` whose activity is certainly on
/// record.
fn last_certain<'a>(view: &View<'a>, at: Moment) -> Option<&'a Request> {
    let times = view.times;
    let mut last: Option<&Request> = None;
    let mut answered: Vec<&Request> = view.requests.to_vec();
    answered.sort_by_key(|request| request.received);
    for request in answered.into_iter().filter(|request| request.received < at) {
        if !request.must_prolong() {
            continue;
        }
        if request.kind == Kind::Login {
            last = Some(request);
            continue;
        }
        let on_record = request.received + times.touch_delay;
        let on_record = view.faults.on_record(request.sent, on_record);
        // A touch may be lost while the store is away, and one after the
        // recorded deadline does nothing.
        let deadline = last.map(|last| (last.sent + times.idle).saturating_sub(times.granularity));
        let in_time = deadline.is_some_and(|deadline| on_record < deadline);
        if in_time && !view.faults.store_unreliable(request.sent, on_record) {
            last = last.max_by_sent(request);
        }
    }
    last
}

trait MaxBySent<'a> {
    fn max_by_sent(self, other: &'a Request) -> Option<&'a Request>;
}

impl<'a> MaxBySent<'a> for Option<&'a Request> {
    fn max_by_sent(self, other: &'a Request) -> Self {
        match self {
            Some(this) if this.sent >= other.sent => Some(this),
            _ => Some(other),
        }
    }
}
