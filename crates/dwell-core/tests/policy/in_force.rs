//! The limits in force: by network, by route, and the rule that set them.

use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::{
    Policy, PolicySet, Presented, Resolved, ResolvedSession, SessionState, Verdict, hours, minutes,
};

use crate::default;
use dwell_test_support::World;

const OFFICE: &str = "10.1.1.1";
const LOBBY: &str = "10.9.1.1";
const CAFE: &str = "203.0.113.7";

/// The state of a request from `current`, `ago` after its session was active in
/// `last`.
fn state(world: &World, last: &str, current: &str, ago: Duration) -> SessionState {
    let policies = world.policies();
    let mut record = world.opened(1, "alice");
    record.facts.network = policies.network_id(policies.find_network(last.parse().ok()));
    // Recorded without a limit, so that only the rules in force apply.
    record.facts.idle_deadline = record.facts.created_at + hours(8);
    let session = ResolvedSession {
        now: record.facts.created_at + ago,
        record,
        presented: Presented::NONE,
        token_state: TokenState::Current { confirm: false },
    };
    let resolved = Resolved::Session(session);
    let state = SessionState::new(world.manager.clone(), policies, resolved);
    state.locate(current.parse().ok());
    state
}

fn offices() -> World {
    World::with(
        PolicySet::builder(default())
            .policy(Policy::named("admin").idle(minutes(5)).absolute(hours(1)))
            .network("office", ["10.0.0.0/8"], minutes(30))
            .network("lobby", ["10.9.0.0/16"], minutes(2))
            .build()
            .unwrap(),
    )
}

fn idle_allowance(last: &str, current: &str) -> Duration {
    let world = offices();
    let state = state(&world, last, current, Duration::ZERO);
    let verdict = state.decide();
    let deadlines = *verdict.deadlines().unwrap();
    deadlines.idle - deadlines.now
}

#[test]
fn l07_smaller_allowance_of_two_networks_holds() {
    assert_eq!(idle_allowance(OFFICE, OFFICE), minutes(30));
    assert_eq!(
        idle_allowance(OFFICE, CAFE),
        minutes(15),
        "not carried into the café"
    );
    assert_eq!(idle_allowance(CAFE, OFFICE), minutes(15), "nor back");
    assert_eq!(idle_allowance(OFFICE, LOBBY), minutes(2));
    assert_eq!(idle_allowance(LOBBY, LOBBY), minutes(2));
    assert_eq!(idle_allowance("unknown", OFFICE), minutes(15));
    assert_eq!(
        idle_allowance(OFFICE, "unknown"),
        minutes(15),
        "unknown stays strict"
    );
}

#[test]
fn n33_leaving_trusted_network_can_end_session() {
    let world = offices();
    let from = |current| state(&world, OFFICE, current, minutes(20)).decide();
    assert!(matches!(from(OFFICE), Verdict::Live(_)));
    assert!(matches!(from(CAFE), Verdict::Ended(_)));
    let entering = state(&world, CAFE, OFFICE, minutes(20)).decide();
    assert!(
        matches!(entering, Verdict::Ended(_)),
        "entering revives nothing"
    );
}

#[test]
fn l06_nearest_deadline_names_its_rule() {
    let world = offices();
    let set_by = |last, current| {
        let state = state(&world, last, current, Duration::ZERO);
        let verdict = state.decide();
        world
            .policies()
            .describe(verdict.deadlines().unwrap().set_by)
    };
    assert_eq!(set_by(OFFICE, OFFICE), "network office");
    assert_eq!(set_by(CAFE, CAFE), "policy default");
    assert_eq!(set_by(LOBBY, LOBBY), "network lobby");
}

#[test]
fn l06_areas_combine_by_minimum_in_any_order() {
    let world = World::with(
        PolicySet::builder(default())
            .policy(Policy::named("admin").idle(minutes(5)))
            .policy(Policy::named("kiosk").idle(hours(2)))
            .build()
            .unwrap(),
    );
    let allows = |names: &[&str]| {
        let state = state(&world, CAFE, CAFE, Duration::ZERO);
        state.decide();
        for name in names {
            assert!(state.enter_area(name));
        }
        let session = state.session().unwrap();
        state.area_deadline().map(|area| area.at - session.now)
    };
    assert_eq!(allows(&[]), None);
    assert_eq!(allows(&["kiosk"]), Some(hours(2)));
    assert_eq!(allows(&["admin", "kiosk"]), Some(minutes(5)));
    assert_eq!(allows(&["kiosk", "admin", "admin"]), Some(minutes(5)));
    assert!(!state(&world, CAFE, CAFE, Duration::ZERO).enter_area("missing"));
}

#[test]
fn l07_area_in_stricter_network_is_stricter() {
    let world = offices();
    let asked = |last, current| {
        let state = state(&world, last, current, minutes(3));
        state.decide();
        assert!(state.enter_area("admin"));
        let now = state.found().unwrap().now;
        state.area_deadline().unwrap().has_passed(now)
    };
    assert!(!asked(OFFICE, OFFICE));
    assert!(asked(OFFICE, LOBBY));
    assert!(asked(LOBBY, OFFICE));
}

#[test]
fn n54_area_changes_no_verdict() {
    let world = offices();
    let state = state(&world, CAFE, CAFE, minutes(6));
    let verdict = state.decide();
    assert!(matches!(verdict, Verdict::Live(_)));
    assert!(state.enter_area("admin"));
    assert_eq!(state.decide(), verdict);
    assert_eq!(state.verdict(), Some(verdict));
}

#[test]
fn activity_elsewhere_does_not_open_stricter_route() {
    let world = offices();
    let policies = world.policies();
    let mut record = world.opened(1, "alice");
    record.facts.longest_pause = minutes(10);
    let now = record.facts.created_at;
    let session = ResolvedSession {
        record,
        now,
        presented: Presented::NONE,
        token_state: TokenState::Current { confirm: false },
    };
    let state = SessionState::new(world.manager.clone(), policies, Resolved::Session(session));
    assert!(matches!(state.decide(), Verdict::Live(_)));
    assert!(state.enter_area("admin"));
    assert!(state.area_deadline().unwrap().has_passed(now));
}
