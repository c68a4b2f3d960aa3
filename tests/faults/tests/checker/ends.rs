//! L4, L8, L10 and L12.

use std::time::Duration;

use crate::by_hand::*;
use dwell_faults::checker::{Law, check};
use dwell_faults::history::{Cookie, Faults, History, Kind, Repeats, Request, Times};

#[test]
fn correct_history_passes() {
    assert_correct(&history(vec![
        login(0),
        click(3_900),
        request(7_000, Kind::Poll, 200),
        click(7_800),
        refused(11_900, "idle_timeout"),
    ]));
}

#[test]
fn order_of_recording_does_not_matter() {
    let mut requests = vec![login(0), click(3_900), click(7_800)];
    requests.push(click(13_000));
    let forwards = found_in(requests.clone());
    requests.reverse();
    assert_eq!(forwards, [Law::HardCutoff]);
    assert_eq!(found_in(requests), forwards);
}

#[test]
fn admission_after_known_end_is_found() {
    let logout = || request(1_000, Kind::Logout, 204);
    assert_eq!(
        found_in(vec![login(0), logout(), click(1_011)]),
        [Law::DeadStayDead]
    );
    // Sent before the end was answered.
    assert_correct(&history(vec![login(0), logout(), click(1_010)]));
    let refusal = refused(1_000, "revoked");
    assert_eq!(
        found_in(vec![login(0), refusal, click(1_011)]),
        [Law::DeadStayDead]
    );
    let mut second = login(1_000);
    second.session = Some("t".to_owned());
    second.replaces = Some("s".to_owned());
    let mut history = history(vec![login(0), second, click(1_011)]);
    let mut other = end("idle_timeout");
    other.session = Some("t".to_owned());
    history.events[1].push(other);
    assert_eq!(found(&history), [Law::DeadStayDead]);
}

#[test]
fn copy_may_answer_for_propagation_time() {
    let times = Times {
        propagation: Duration::from_millis(100),
        ..TIMES
    };
    let logout = request(1_000, Kind::Logout, 204);
    let mut history = history(vec![login(0), logout, click(1_110)]);
    assert!(check(&history, &times).is_empty());
    history.requests[2].sent = at(1_111);
    assert_eq!(check(&history, &times).len(), 1);
}

#[test]
fn forgotten_session_is_found() {
    let requests = vec![login(0), refused(1_000, "session_required")];
    assert_eq!(found_in(requests.clone()), [Law::Forgotten]);
    let mut history = history(requests);
    history.faults.store_lost = Some((at(900), at(950)));
    assert_correct(&history);
    history.faults.store_lost = Some((at(1_200), at(1_300)));
    assert_eq!(found(&history), [Law::Forgotten]);
}

/// A session whose token changes at 1 s, and which is used until 11.9 s.
fn rotated() -> Vec<Request> {
    let confirm = issuing(request(1_000, Kind::Confirm, 200));
    let mut requests = vec![login(0), confirm];
    requests.extend((1..=4).map(|n| of_token(1, click(n * 2_900))));
    requests
}

#[test]
fn superseded_token_that_opens_after_grace_is_found() {
    let mut requests = rotated();
    requests.push(click(11_000));
    assert_correct(&history(requests.clone()));
    requests.push(click(11_100));
    assert_eq!(found_in(requests), [Law::Rotation]);
}

#[test]
fn return_of_superseded_token_must_end_session() {
    let mut requests = rotated();
    requests.push(refused(11_700, "anything"));
    assert_correct(&history(requests.clone()));
    requests.push(of_token(1, click(11_800)));
    assert_eq!(found_in(requests.clone()), [Law::Rotation]);
    // After another rotation shortly before, it may belong to a parallel
    // request.
    let confirm = issuing(of_token(1, request(8_800, Kind::Confirm, 200)));
    requests.push(confirm);
    assert_correct(&history(requests));
}

#[test]
fn unused_successor_excuses_old_token() {
    let mut requests = rotated();
    requests.retain(|request| request.generation == 0);
    requests.extend((1..=4).map(|n| click(n * 2_900)));
    assert_correct(&history(requests));
}

#[test]
fn end_reported_never_or_twice_is_found() {
    let mut history = history(vec![login(0)]);
    history.events[1].push(end("idle_timeout"));
    assert_eq!(found(&history), [Law::Witness]);
    history.faults.repeats = Repeats::Identical;
    assert_correct(&history);
    history.events[1][0].reason = Some("revoked".to_owned());
    assert_eq!(found(&history), [Law::Witness]);
    history.events = vec![Vec::new(), Vec::new()];
    assert_eq!(found(&history), [Law::Witness]);
    history.faults.store_lost = Some((at(100), at(200)));
    assert_correct(&history);
    // A session that began afterwards must be reported.
    history.requests[0] = login(300);
    assert_eq!(found(&history), [Law::Witness]);
}

#[test]
fn session_known_from_event_only_needs_its_end() {
    let mut created = end("idle_timeout");
    created.event = "session_created".to_owned();
    created.session = Some("unseen".to_owned());
    let mut history = history(vec![login(0)]);
    history.events[0].push(created);
    assert_eq!(found(&history), [Law::Witness]);
    history.events[0].pop();
    history.planted.push("unseen".to_owned());
    assert_eq!(found(&history), [Law::Witness]);
}

#[test]
fn refusal_that_breaks_promise_is_found() {
    let outage = |request| History {
        faults: Faults {
            outages: vec![(at(900), at(5_000))],
            ..Faults::default()
        },
        ..history(vec![login(0), request])
    };
    assert_correct(&outage(unavailable(1_000)));
    assert_eq!(
        found_in(vec![login(0), unavailable(1_000)]),
        [Law::FailClosed],
        "needless"
    );
    // A successful request may have asked the store twice.
    let mut slow = click(1_000);
    slow.received = at(6_900);
    assert_correct(&outage(slow));
    let mut late = unavailable(1_000);
    late.received = at(9_000);
    let mut history = outage(late);
    assert_eq!(found(&history), [Law::FailClosed]);
    history.faults.stalls = vec![(at(3_000), at(7_900))];
    assert_correct(&history);
    let broken: [fn(&mut Request); 6] = [
        |r| with(r).retry_after = false,
        |r| with(r).cookie = Cookie::Removed,
        |r| with(r).reason = None,
        |r| with(r).status = 500,
        |r| r.received = at(4_001),
        |r| r.answer = None,
    ];
    for breaks in broken {
        let mut request = unavailable(1_000);
        breaks(&mut request);
        assert_eq!(
            found(&outage(request.clone())),
            [Law::FailClosed],
            "{request}"
        );
    }
}
