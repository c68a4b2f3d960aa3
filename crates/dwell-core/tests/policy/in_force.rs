//! Which limits are in force: by network, by route, by the rule that set them.

use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::{
    Policy, PolicySet, Resolved, ResolvedSession, SessionState, Verdict, hours, minutes,
};

use crate::default;
use dwell_test_support::World;

const OFFICE: &str = "10.1.1.1";
const LOBBY: &str = "10.9.1.1";
const CAFE: &str = "203.0.113.7";

/// A handle on a session that was last active in `last` and is used from
/// `current`, `ago` after that activity.
fn handle(world: &World, last: &str, current: &str, ago: Duration) -> SessionState {
    let policies = world.policies();
    let mut record = world.opened(1, "alice");
    record.facts.network = policies.network_id(policies.find_network(last.parse().ok()));
    // Recorded without a limit, so that only the rules of now are judged.
    record.facts.idle_deadline = record.facts.created_at + hours(8);
    let session = ResolvedSession {
        now: record.facts.created_at + ago,
        record,
        token: None,
        token_state: TokenState::Current { confirm: false },
    };
    let presented = Resolved::Session(session);
    let handle = SessionState::new(world.manager.clone(), policies, presented);
    handle.locate(current.parse().ok());
    handle
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
    let handle = handle(&world, last, current, Duration::ZERO);
    let verdict = handle.decide();
    let deadlines = *verdict.deadlines().unwrap();
    deadlines.idle - deadlines.now
}

#[test]
fn l07_the_smaller_of_the_two_networks_allowances_is_in_force() {
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
fn n33_leaving_the_trusted_network_can_end_the_session_at_once() {
    let world = offices();
    let from = |current| handle(&world, OFFICE, current, minutes(20)).decide();
    assert!(matches!(from(OFFICE), Verdict::Live(_)));
    assert!(matches!(from(CAFE), Verdict::Ended(_)));
    let entering = handle(&world, CAFE, OFFICE, minutes(20)).decide();
    assert!(
        matches!(entering, Verdict::Ended(_)),
        "entering revives nothing"
    );
}

#[test]
fn l06_the_nearest_deadline_names_its_rule() {
    let world = offices();
    let set_by = |last, current, policy: Option<&str>| {
        let handle = handle(&world, last, current, Duration::ZERO);
        if let Some(policy) = policy {
            assert!(handle.tighten(policy));
        }
        let verdict = handle.decide();
        world
            .policies()
            .describe(verdict.deadlines().unwrap().set_by)
    };
    assert_eq!(set_by(OFFICE, OFFICE, None), "network office");
    assert_eq!(set_by(CAFE, CAFE, None), "policy default");
    assert_eq!(set_by(OFFICE, OFFICE, Some("admin")), "policy admin");
    assert_eq!(set_by(LOBBY, LOBBY, Some("admin")), "network lobby");
}

#[test]
fn policies_of_routes_tighten_in_any_order_and_never_loosen() {
    let world = World::with(
        PolicySet::builder(default())
            .policy(Policy::named("admin").idle(minutes(5)))
            .policy(Policy::named("kiosk").idle(hours(2)))
            .build()
            .unwrap(),
    );
    let idle = |names: &[&str]| {
        let handle = handle(&world, CAFE, CAFE, Duration::ZERO);
        for name in names {
            assert!(handle.tighten(name));
        }
        handle.decide();
        let deadlines = handle.deadlines().unwrap();
        deadlines.idle - deadlines.now
    };
    assert_eq!(idle(&["kiosk"]), minutes(15));
    assert_eq!(idle(&["admin", "kiosk"]), minutes(5));
    assert_eq!(idle(&["kiosk", "admin", "admin"]), minutes(5));
    assert!(!handle(&world, CAFE, CAFE, Duration::ZERO).tighten("nobody"));
}

#[test]
fn of_two_verdicts_the_stricter_stays() {
    let world = offices();
    let handle = handle(&world, CAFE, CAFE, minutes(6));
    assert!(matches!(handle.decide(), Verdict::Live(_)));
    assert!(handle.tighten("admin"));
    let tightened = handle.decide();
    assert!(matches!(tightened, Verdict::Ended(_)));
    assert_eq!(handle.decide(), tightened, "deciding twice gives the same");
    assert_eq!(handle.verdict(), Some(tightened));
}

#[test]
fn activity_elsewhere_does_not_buy_back_a_stricter_route() {
    let world = offices();
    let policies = world.policies();
    let mut record = world.opened(1, "alice");
    record.facts.longest_pause = minutes(10);
    let now = record.facts.created_at;
    let session = ResolvedSession {
        record,
        now,
        token: None,
        token_state: TokenState::Current { confirm: false },
    };
    let handle = SessionState::new(world.manager.clone(), policies, Resolved::Session(session));
    assert!(matches!(handle.decide(), Verdict::Live(_)));
    assert!(handle.tighten("admin"));
    assert!(matches!(handle.decide(), Verdict::Stale { .. }));
}
