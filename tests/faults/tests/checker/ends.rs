//! L4, L8, L10 and L12.

use std::time::Duration;

use crate::by_hand::*;
use dwell_faults::checker::{Law, check};
use dwell_faults::history::{Cookie, Faults, History, Kind, Repeats, Request, Times};

#[test]
fn a_sound_history_passes() {
    assert_sound(&history(vec![
        login(0),
        click(3_900),
        request(7_000, Kind::Poll, 200),
        click(7_800),
        refused(11_900, "idle_timeout"),
    ]));
}

#[test]
fn the_order_in_which_they_were_recorded_does_not_matter() {
    let mut requests = vec![login(0), click(3_900), click(7_800)];
    requests.push(click(13_000));
    let forwards = found_in(requests.clone());
    requests.reverse();
    assert_eq!(forwards, [Law::HardCutoff]);
    assert_eq!(found_in(requests), forwards);
}

#[test]
fn admission_after_a_told_end_is_found() {
    let logout = || request(1_000, Kind::Logout, 204);
    assert_eq!(
        found_in(vec![login(0), logout(), click(1_011)]),
        [Law::DeadStayDead]
    );
    // In flight with it.
    assert_sound(&history(vec![login(0), logout(), click(1_010)]));
    let told = refused(1_000, "revoked");
    assert_eq!(
        found_in(vec![login(0), told, click(1_011)]),
        [Law::DeadStayDead]
    );
    let mut anew = login(1_000);
    anew.session = Some("t".to_owned());
    anew.replaces = Some("s".to_owned());
    let mut history = history(vec![login(0), anew, click(1_011)]);
    let mut other = end("idle_timeout");
    other.session = Some("t".to_owned());
    history.events[1].push(other);
    assert_eq!(found(&history), [Law::DeadStayDead]);
}

#[test]
fn a_copy_may_answer_for_as_long_as_stated() {
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
fn a_session_that_was_forgotten_is_found() {
    let requests = vec![login(0), refused(1_000, "session_required")];
    assert_eq!(found_in(requests.clone()), [Law::Forgotten]);
    let mut history = history(requests);
    history.faults.store_lost = Some((at(900), at(950)));
    assert_sound(&history);
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
fn a_superseded_token_that_opens_after_the_grace_is_found() {
    let mut requests = rotated();
    requests.push(click(11_000));
    assert_sound(&history(requests.clone()));
    requests.push(click(11_100));
    assert_eq!(found_in(requests), [Law::Rotation]);
}

#[test]
fn the_return_of_a_superseded_token_must_end_the_session() {
    let mut requests = rotated();
    requests.push(refused(11_700, "anything"));
    assert_sound(&history(requests.clone()));
    requests.push(of_token(1, click(11_800)));
    assert_eq!(found_in(requests.clone()), [Law::Rotation]);
    // Another rotation shortly before: it may be a parallel request's.
    let confirm = issuing(of_token(1, request(8_800, Kind::Confirm, 200)));
    requests.push(confirm);
    assert_sound(&history(requests));
}

#[test]
fn a_successor_that_nobody_saw_excuses_the_old_token() {
    let mut requests = rotated();
    requests.retain(|request| request.generation == 0);
    requests.extend((1..=4).map(|n| click(n * 2_900)));
    assert_sound(&history(requests));
}

#[test]
fn an_end_that_was_not_reported_or_twice_is_found() {
    let mut history = history(vec![login(0)]);
    history.events[1].push(end("idle_timeout"));
    assert_eq!(found(&history), [Law::Witness]);
    history.faults.repeats = Repeats::Identical;
    assert_sound(&history);
    history.events[1][0].reason = Some("revoked".to_owned());
    assert_eq!(found(&history), [Law::Witness]);
    history.events = vec![Vec::new(), Vec::new()];
    assert_eq!(found(&history), [Law::Witness]);
    history.faults.store_lost = Some((at(100), at(200)));
    assert_sound(&history);
    // One that began afterwards is nobody's to forget.
    history.requests[0] = login(300);
    assert_eq!(found(&history), [Law::Witness]);
}

#[test]
fn a_session_that_only_an_event_knows_needs_its_end_too() {
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
fn a_refusal_that_is_not_as_promised_is_found() {
    let outage = |request| History {
        faults: Faults {
            outages: vec![(at(900), at(5_000))],
            ..Faults::default()
        },
        ..history(vec![login(0), request])
    };
    assert_sound(&outage(unavailable(1_000)));
    assert_eq!(
        found_in(vec![login(0), unavailable(1_000)]),
        [Law::FailClosed],
        "needless"
    );
    // A good answer may have asked the store twice.
    let mut slow = click(1_000);
    slow.received = at(6_900);
    assert_sound(&outage(slow));
    let mut late = unavailable(1_000);
    late.received = at(9_000);
    let mut history = outage(late);
    assert_eq!(found(&history), [Law::FailClosed]);
    history.faults.stalls = vec![(at(3_000), at(7_900))];
    assert_sound(&history);
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
