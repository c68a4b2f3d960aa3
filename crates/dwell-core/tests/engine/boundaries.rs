//! What decides where two limits meet, or where one is reached to the
//! millisecond.

use std::time::Duration;

use dwell_core::engine::{AuthenticationCheck, TokenState, check_authentication, opening_facts};
use dwell_core::{
    Activity, AuthenticationContext, AuthenticationRequirement, Declaration, EndReason, Evidence,
    Facts, Fetch, OnIdle, Outcome, Policy, PolicyId, PolicySet, Presented, RequestEvidence,
    Resolved, ResolvedSession, RouteMark, Rule, Timestamp, Unmarked, Verdict, classify, hours,
    minutes, seconds,
};

use crate::ends;
use dwell_test_support::World;

const MS: Duration = Duration::from_millis(1);

/// Whether an area of five minutes and an hour asks for authentication, of a
/// session with this longest pause, this long after its start and as long after
/// its last activity as the second pause says.
fn is_asked(longest_pause: Duration, age: Duration, pause: Duration) -> bool {
    let world = World::default();
    let mut record = world.opened(1, "alice");
    let now = record.facts.created_at + age;
    record.facts.longest_pause = longest_pause;
    record.facts.last_active_at = now - pause;
    record.facts.idle_deadline = now + minutes(15);
    let state = world.resolved(Resolved::Session(ResolvedSession {
        record,
        now,
        presented: Presented::NONE,
        token_state: TokenState::Current { confirm: false },
    }));
    assert!(matches!(state.decide(), Verdict::Live(_)));
    assert!(state.enter_area("admin"));
    assert!(
        matches!(state.decide(), Verdict::Live(_)),
        "an area ends nothing"
    );
    state.area_deadline().unwrap().has_passed(now)
}

#[test]
fn n54_area_asks_from_its_limits_on() {
    let world = World::default();
    let policies = world.policies();
    let admin = policies.policy("admin").unwrap();
    let (idle, absolute, zero) = (admin.idle(), admin.absolute(), Duration::ZERO);
    assert!(!is_asked(idle - MS, zero, zero));
    assert!(is_asked(idle, zero, zero));
    assert!(is_asked(idle + MS, zero, zero));
    assert!(!is_asked(zero, minutes(30), idle - MS));
    assert!(is_asked(zero, minutes(30), idle));
    assert!(!is_asked(zero, absolute - MS, zero));
    assert!(is_asked(zero, absolute, zero));
}

#[test]
fn l06_stricter_policy_shortens_lock_that_stands() {
    let policy = Policy::named("default")
        .idle(minutes(10))
        .absolute(hours(8));
    let policy = policy.on_idle(OnIdle::Lock).lock_period(minutes(20));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let mut facts = world.opened(1, "alice").facts;
    let start = facts.created_at;
    // Locked at fifteen minutes, before a reload cut that to ten.
    facts.idle_deadline = start + minutes(15);
    facts.locked_at = Some(start + minutes(15));
    let until = start + minutes(30);
    let verdict = |at| world.due_policy().verdict(&facts, at);
    assert_eq!(verdict(until - MS), Verdict::Locked { until });
    assert_eq!(verdict(until), Verdict::Ended(EndReason::IdleTimeout));
}

#[test]
fn l17_any_corrupt_stamp_ends_session_as_idle() {
    let world = World::default();
    let good = world.opened(1, "alice").facts;
    let now = good.created_at;
    let stamps: [fn(&mut Facts, Timestamp); 3] = [
        |f, at| f.created_at = at,
        |f, at| f.last_active_at = at,
        |f, at| f.authenticated_at = at,
    ];
    for (n, set) in stamps.into_iter().enumerate() {
        for corrupt in [Timestamp::MIN, now + seconds(60) + MS, Timestamp::MAX] {
            let mut facts = good;
            set(&mut facts, corrupt);
            let reason = ends(&world, &facts, now);
            // Nobody has to state when the subject authenticated (law L21).
            let is_unstated = n == 2 && corrupt == Timestamp::MIN;
            let expected = (!is_unstated).then_some(EndReason::IdleTimeout);
            assert_eq!(reason, expected);
        }
        let mut ahead = good;
        set(&mut ahead, now + seconds(60));
        assert_eq!(ends(&world, &ahead, now), None);
    }
}

#[test]
fn n17_where_rules_agree_policy_is_named() {
    let world = World::default();
    let mut facts = world.opened(1, "alice").facts;
    let by = |facts: &Facts| {
        let verdict = world.due_policy().verdict(facts, facts.last_active_at);
        let deadlines = *verdict.deadlines().unwrap();
        (deadlines.ends_by, deadlines.set_by)
    };
    let policy = Rule::Policy(PolicyId::DEFAULT);
    assert_eq!(by(&facts), (EndReason::IdleTimeout, policy));
    facts.idle_deadline = facts.idle_deadline - MS;
    assert_eq!(by(&facts), (EndReason::IdleTimeout, Rule::Recorded));
    // Near the absolute deadline, which activity can't move.
    facts.last_active_at = facts.absolute_deadline - minutes(1);
    facts.idle_deadline = facts.last_active_at + minutes(15);
    assert_eq!(by(&facts), (EndReason::AbsoluteTimeout, policy));
    facts.provider_deadline = Some(facts.absolute_deadline);
    assert_eq!(by(&facts), (EndReason::AbsoluteTimeout, policy));
    facts.provider_deadline = Some(facts.absolute_deadline - MS);
    assert_eq!(by(&facts), (EndReason::IdpSessionExpired, Rule::Provider));
    facts.provider_deadline = None;
    facts.absolute_deadline = facts.absolute_deadline - MS;
    assert_eq!(by(&facts), (EndReason::AbsoluteTimeout, Rule::Recorded));
}

#[test]
fn session_of_unknown_policy_opens_under_default() {
    let world = World::default();
    let policies = world.policies();
    let network = policies.find_network(None);
    let other = PolicySet::builder(Policy::named("default").idle(minutes(5)).absolute(hours(1)))
        .policy(Policy::named("elsewhere"))
        .build()
        .unwrap();
    let unknown = other.policy("elsewhere").unwrap().id();
    let facts = opening_facts(&policies, unknown, network, world.now());
    assert_eq!(facts.policy, PolicyId::DEFAULT);
}

#[test]
fn unknown_authentication_time_is_never_fresh() {
    let mut facts = World::default().opened(1, "alice").facts;
    let now = facts.authenticated_at;
    facts.authenticated_at = Timestamp::MIN;
    let ever = AuthenticationRequirement::within(Duration::MAX);
    let check = check_authentication(&facts, None, &ever, Duration::MAX, now);
    assert_eq!(check, AuthenticationCheck::TooOld);
}

#[test]
fn n34_every_method_is_needed_but_one_class_suffices() {
    let facts = World::default().opened(1, "alice").facts;
    let now = facts.authenticated_at;
    let demand = AuthenticationRequirement::within(minutes(5))
        .with_acr(["aal2", "aal3"])
        .with_amr(["pwd", "otp"]);
    let check = |acr: &str, amr: &[&str]| {
        let context = AuthenticationContext::none().with_acr(acr);
        let context = context.with_amr(amr.iter().copied());
        check_authentication(&facts, Some(&context), &demand, minutes(5), now)
    };
    for acr in ["aal2", "aal3"] {
        assert_eq!(check(acr, &["otp", "pwd"]), AuthenticationCheck::Fresh);
        assert_eq!(check(acr, &["otp"]), AuthenticationCheck::TooWeak);
        assert_eq!(check(acr, &["pwd"]), AuthenticationCheck::TooWeak);
    }
    assert_eq!(check("aal1", &["otp", "pwd"]), AuthenticationCheck::TooWeak);
}

#[test]
fn n04_silence_beside_declaration_is_not_activity() {
    let says = |declaration| RequestEvidence {
        declaration,
        fetch: Fetch::Plain,
    };
    let both = says(Declaration::Active).merge(says(Declaration::None));
    let (ok, unmarked) = (Outcome::Answered(200), RouteMark::Unmarked);
    let strict = classify(Unmarked::Passive, unmarked, both, ok);
    assert_eq!(strict, (Activity::Passive, Evidence::Policy));
}

#[test]
fn every_decision_names_evidence_that_made_it() {
    use Declaration as D;
    use RouteMark as M;
    let ok = Outcome::Answered(200);
    let by = |unmarked, mark, declaration, fetch, outcome| {
        let request = RequestEvidence { declaration, fetch };
        classify(unmarked, mark, request, outcome)
    };
    let (open, strict, plain) = (Unmarked::Active, Unmarked::Passive, Fetch::Plain);
    let active = |evidence| (Activity::Active, evidence);
    let passive = |evidence| (Activity::Passive, evidence);
    assert_eq!(
        by(open, M::Unmarked, D::None, plain, ok),
        active(Evidence::Policy)
    );
    assert_eq!(
        by(open, M::Active, D::None, plain, ok),
        active(Evidence::Route)
    );
    let declared = by(strict, M::Unmarked, D::Active, plain, ok);
    assert_eq!(declared, active(Evidence::Declaration));
    assert_eq!(
        by(strict, M::Unmarked, D::None, plain, ok),
        passive(Evidence::Policy)
    );
    assert_eq!(
        by(open, M::Passive, D::None, plain, ok),
        passive(Evidence::Route)
    );
    let says = by(open, M::Active, D::Passive, Fetch::Prefetch, ok);
    assert_eq!(says, passive(Evidence::Declaration));
    let failed = Outcome::Answered(500);
    let fetched = by(open, M::Active, D::None, Fetch::Prefetch, failed);
    assert_eq!(fetched, passive(Evidence::Fetch));
    let refused = by(open, M::Active, D::None, plain, failed);
    assert_eq!(refused, passive(Evidence::Status));
}
