//! L1, L2, and ends that came too early.

use crate::by_hand::*;
use dwell_faults::checker::{Law, check};
use dwell_faults::history::{Absence, Cookie, History, Kind, Request};

#[test]
fn admission_after_idle_deadline_is_found() {
    assert_eq!(found_in(vec![login(0), click(4_031)]), [Law::HardCutoff]);
    // Counted from the login's answer, it may have been in time.
    assert_correct(&history(vec![login(0), click(4_029)]));
}

#[test]
fn admission_after_absolute_deadline_is_found() {
    let mut requests = vec![login(0)];
    requests.extend((1..=5).map(|n| click(n * 2_900)));
    assert_correct(&history(requests.clone()));
    requests.push(click(15_031));
    assert_eq!(found_in(requests), [Law::HardCutoff]);
}

#[test]
fn overlapping_request_may_have_come_first() {
    let mut slow = click(3_900);
    slow.received = at(4_500);
    assert_correct(&history(vec![login(0), slow, click(8_400)]));
    // A request whose connection broke may have counted, too.
    let broken = Request {
        answer: None,
        ..click(3_900)
    };
    let away = Absence {
        node: 0,
        from: at(3_900),
        until: at(4_000),
    };
    let mut history = history(vec![login(0), broken, click(7_800)]);
    history.faults.absences = vec![away];
    assert_correct(&history);
}

#[test]
fn poll_that_prolongs_is_found() {
    let poll = request(3_000, Kind::Poll, 200);
    let requests = vec![login(0), poll, click(6_000)];
    assert_eq!(found_in(requests), [Law::OnlyActivityProlongs]);
}

#[test]
fn refused_request_that_prolongs_is_found() {
    for status in [401, 403, 500, 503] {
        let refused = request(3_000, Kind::Click, status);
        let laws = found_in(vec![login(0), refused, click(6_000)]);
        assert!(laws.contains(&Law::OnlyActivityProlongs), "{status}");
    }
}

#[test]
fn command_with_unknown_outcome_may_prolong() {
    for kind in [Kind::Confirm, Kind::Extend] {
        let mut unknown = unavailable(3_000);
        unknown.kind = kind;
        let mut history = history(vec![login(0), unknown, click(6_000)]);
        history.faults.outages = vec![(at(2_900), at(3_100))];
        assert_correct(&history);
    }
}

#[test]
fn poll_that_promises_too_much_is_found() {
    let promise = |idle| {
        let mut poll = request(3_000, Kind::Poll, 200);
        with(&mut poll).idle_left = Some(idle);
        vec![login(0), poll]
    };
    assert_eq!(found_in(promise(2)), [Law::OnlyActivityProlongs]);
    assert_correct(&history(promise(1)));
}

#[test]
fn end_that_came_too_early_is_found() {
    let click = || click(2_000);
    let early = refused(4_900, "idle_timeout");
    assert_eq!(found_in(vec![login(0), click(), early]), [Law::TooEarly]);
    assert_correct(&history(vec![
        login(0),
        click(),
        refused(4_990, "idle_timeout"),
    ]));
    let early = refused(14_000, "absolute_timeout");
    assert_eq!(found_in(vec![login(0), early]), [Law::TooEarly]);
    let mut history = history(vec![login(0)]);
    history.events[0][0].idle_ms = Some(3_999);
    assert_eq!(found(&history), [Law::TooEarly]);
}

#[test]
fn click_whose_touch_may_be_lost_proves_no_activity() {
    // So late that its touch may come after the recorded deadline.
    let late = vec![login(0), click(2_900), refused(5_000, "idle_timeout")];
    assert_correct(&history(late));
    // While the store was away.
    let mut history = history(vec![login(0), click(2_000), refused(4_500, "idle_timeout")]);
    assert_eq!(found(&history), [Law::TooEarly]);
    history.faults.outages = vec![(at(2_200), at(2_300))];
    assert_correct(&history);
}

// Its touch is tried again once the store takes writes.
#[test]
fn l05_active_user_thrown_out_for_lost_touch_is_found() {
    let click = || click(1_000);
    let requests = || vec![login(0), click(), refused(3_900, "idle_timeout")];
    let mut history = history(requests());
    history.faults.read_only = vec![(at(900), at(1_100))];
    // Too late for a session of four seconds: the next try may come after its end.
    assert_correct(&history);
    let mut times = TIMES;
    times.idle = std::time::Duration::from_secs(14);
    let laws = |history: &History| -> Vec<Law> {
        check(history, &times)
            .iter()
            .map(|found| found.law)
            .collect()
    };
    history.requests = vec![login(0), click(), refused(13_900, "idle_timeout")];
    history.events[0][0].idle_ms = Some(14_000);
    assert_eq!(laws(&history), [Law::ActivityLost]);
    history.requests = vec![login(0), click(), refused(14_000, "idle_timeout")];
    assert_eq!(laws(&history), []);
    // Nothing is known of a touch while the store was away.
    history.requests = vec![login(0), click(), refused(13_900, "idle_timeout")];
    history.faults.outages = vec![(at(900), at(1_100))];
    assert_eq!(laws(&history), []);
}

#[test]
fn l18_poll_that_takes_token_is_found() {
    for kind in [Kind::Poll, Kind::Status] {
        let mut poll = request(5_000, kind, 401);
        with(&mut poll).reason = Some("idle_timeout".to_owned());
        assert_correct(&history(vec![login(0), poll.clone()]));
        with(&mut poll).cookie = Cookie::Removed;
        assert_eq!(found_in(vec![login(0), poll]), [Law::NothingEarned]);
    }
    let mut click = refused(5_000, "idle_timeout");
    with(&mut click).cookie = Cookie::Removed;
    assert_correct(&history(vec![login(0), click]));
}
