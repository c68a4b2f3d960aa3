//! The law, by tables of cases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::time::Duration;

use dwell_core::engine::{
    Activation, FreshnessVerdict, TokenVerdict, check_freshness, judge_token, next_touch,
};
use dwell_core::store::Touched;
use dwell_core::{
    Activity, Credential, EndReason, Facts, Freshness, OnIdle, Policy, PolicySet, Previous, Rule,
    Strength, Timestamp, TokenCheck, Verdict, hours, minutes, seconds,
};
use support::{World, after};

const MS: Duration = Duration::from_millis(1);

fn world() -> World {
    World::new(PolicySet::simple(minutes(15), hours(8)).unwrap())
}

fn ends(world: &World, facts: &Facts, at: Timestamp) -> Option<EndReason> {
    match world.judge().verdict(facts, at) {
        Verdict::Ended(reason) => Some(reason),
        _ => None,
    }
}

#[test]
fn l01_at_the_deadline_it_is_already_too_late() {
    let world = world();
    let facts = world.record(1, "alice").facts;
    let start = facts.created_at;
    let mut hard = facts;
    hard.last_active_at = start + hours(8) - minutes(1);
    hard.idle_deadline = hard.last_active_at + minutes(15);
    let mut provider = facts;
    provider.provider_deadline = Some(start + minutes(10));
    let cases = [
        (facts, start + minutes(15), EndReason::IdleTimeout),
        (hard, start + hours(8), EndReason::AbsoluteTimeout),
        (provider, start + minutes(10), EndReason::IdpSessionExpired),
    ];
    for (facts, deadline, reason) in cases {
        assert_eq!(ends(&world, &facts, deadline - MS), None, "{reason}");
        assert_eq!(ends(&world, &facts, deadline), Some(reason));
        assert_eq!(ends(&world, &facts, deadline + MS), Some(reason));
    }
}

#[test]
fn n11_the_boundary_belongs_to_the_end_for_every_limit_of_whole_seconds() {
    for idle in [1, 2, 59, 60, 61, 3_600] {
        let world = World::new(PolicySet::simple(seconds(idle), hours(8)).unwrap());
        let facts = world.record(1, "alice").facts;
        let deadline = facts.created_at + seconds(idle);
        assert_eq!(ends(&world, &facts, deadline - MS), None);
        assert_eq!(ends(&world, &facts, deadline), Some(EndReason::IdleTimeout));
    }
}

#[test]
fn n17_the_nearest_deadline_is_told_with_its_reason_and_its_rule() {
    let world = world();
    let mut facts = world.record(1, "alice").facts;
    let now = facts.created_at;
    let deadlines = |facts: &Facts| *world.judge().verdict(facts, now).deadlines().unwrap();
    let idle = deadlines(&facts);
    assert_eq!(
        (idle.nearest, idle.ends_by),
        (now + minutes(15), EndReason::IdleTimeout)
    );
    assert!(idle.extendable() && matches!(idle.set_by, Rule::Policy(_)));
    facts.provider_deadline = Some(now + minutes(15));
    let tie = deadlines(&facts);
    assert_eq!(
        tie.ends_by,
        EndReason::IdpSessionExpired,
        "what activity can't move wins a tie"
    );
    assert!(!tie.extendable());
    facts.provider_deadline = Some(now + minutes(15) + MS);
    assert_eq!(deadlines(&facts).ends_by, EndReason::IdleTimeout);
}

#[test]
fn the_earlier_of_two_passed_deadlines_gives_the_reason() {
    let world = world();
    let mut facts = world.record(1, "alice").facts;
    let late = facts.created_at + hours(24);
    assert_eq!(ends(&world, &facts, late), Some(EndReason::IdleTimeout));
    facts.last_active_at = facts.created_at + hours(8) - minutes(15);
    facts.idle_deadline = facts.created_at + hours(8);
    assert_eq!(ends(&world, &facts, late), Some(EndReason::AbsoluteTimeout));
}

#[test]
fn l17_a_missing_or_corrupt_stamp_means_expired() {
    let world = world();
    let good = world.record(1, "alice").facts;
    let now = good.created_at + seconds(1);
    let breaks: [fn(&mut Facts); 3] = [
        |f| f.created_at = Timestamp::MIN,
        |f| f.last_active_at = Timestamp::MIN,
        |f| f.authenticated_at = Timestamp::MIN,
    ];
    for spoil in breaks {
        let mut facts = good;
        spoil(&mut facts);
        assert!(ends(&world, &facts, now).is_some());
    }
}

#[test]
fn n24_stamps_far_in_the_future_are_corrupt() {
    let world = world();
    let mut facts = world.record(1, "alice").facts;
    let now = facts.created_at;
    facts.last_active_at = now + seconds(60);
    assert_eq!(ends(&world, &facts, now), None);
    facts.last_active_at = now + seconds(60) + MS;
    assert!(ends(&world, &facts, now).is_some());
    facts.last_active_at = Timestamp::MAX;
    facts.idle_deadline = Timestamp::MAX;
    assert!(ends(&world, &facts, now).is_some());
}

#[test]
fn n13_a_clock_that_steps_back_extends_nothing() {
    let world = world();
    let facts = world.record(1, "alice").facts;
    let start = facts.created_at;
    let before = *world.judge().verdict(&facts, start).deadlines().unwrap();
    let back = *world
        .judge()
        .verdict(&facts, start - seconds(30))
        .deadlines()
        .unwrap();
    assert_eq!(back.nearest, before.nearest, "a deadline is an instant");
    let mut touched = facts;
    let activation = Activation {
        at: start - seconds(30),
        network: facts.network,
        idle_deadline: start + hours(1),
    };
    assert_eq!(
        touched.touch(activation, start - seconds(30)),
        Touched::Older
    );
    assert_eq!(touched, facts);
}

#[test]
fn n14_an_authentication_in_the_future_is_refused_and_not_fresh_for_longer() {
    let facts = world().record(1, "alice").facts;
    let demand = Freshness::within(minutes(5));
    let check = |facts: &Facts, now| check_freshness(facts, None, &demand, minutes(5), now);
    let now = facts.authenticated_at;
    let mut ahead = facts;
    ahead.authenticated_at = now + seconds(61);
    assert_eq!(check(&ahead, now), FreshnessVerdict::TooOld);
    ahead.authenticated_at = now + seconds(60);
    assert_eq!(check(&ahead, now), FreshnessVerdict::Fresh);
}

#[test]
fn n35_the_window_of_reauthentication_is_fixed() {
    let mut facts = world().record(1, "alice").facts;
    let at = facts.authenticated_at;
    let demand = Freshness::within(minutes(5));
    let check = |facts: &Facts, now| check_freshness(facts, None, &demand, minutes(5), now);
    facts.last_active_at = at + minutes(4);
    assert_eq!(check(&facts, at + minutes(5) - MS), FreshnessVerdict::Fresh);
    assert_eq!(check(&facts, at + minutes(5)), FreshnessVerdict::TooOld);
}

#[test]
fn n34_a_factor_without_a_time_or_a_class_does_not_satisfy() {
    let mut facts = world().record(1, "alice").facts;
    let now = facts.authenticated_at;
    let strong = Freshness::within(minutes(5))
        .with_acr(["aal2"])
        .with_amr(["otp"]);
    let check = |facts: &Facts, strength: Option<&Strength>| {
        check_freshness(facts, strength, &strong, minutes(5), now)
    };
    let good = Strength::none().with_acr("aal2").with_amr(["pwd", "otp"]);
    assert_eq!(check(&facts, Some(&good)), FreshnessVerdict::Fresh);
    let weak = [
        None,
        Some(Strength::none()),
        Some(Strength::none().with_acr("aal1").with_amr(["otp"])),
        Some(Strength::none().with_acr("aal2").with_amr(["pwd"])),
        Some(Strength::none().with_acr("AAL2").with_amr(["otp"])),
    ];
    for strength in &weak {
        assert_eq!(check(&facts, strength.as_ref()), FreshnessVerdict::TooWeak);
    }
    facts.authenticated_at = Timestamp::MIN;
    assert_eq!(check(&facts, Some(&good)), FreshnessVerdict::TooOld);
}

#[test]
fn l05_a_touch_is_a_maximum_and_n18_an_older_one_moves_nothing() {
    let facts = world().record(1, "alice").facts;
    let start = facts.created_at;
    let touch = |facts: &mut Facts, at: u64, now: u64| {
        let at = after(start, at);
        let activation = Activation {
            at,
            network: facts.network,
            idle_deadline: at + minutes(15),
        };
        facts.touch(activation, after(start, now))
    };
    let mut live = facts;
    assert_eq!(touch(&mut live, 60_000, 60_000), Touched::Recorded);
    let recorded = live;
    assert_eq!(touch(&mut live, 30_000, 61_000), Touched::Older);
    assert_eq!(touch(&mut live, 60_000, 61_000), Touched::Older);
    assert_eq!(
        live, recorded,
        "a late touch of earlier activity changes nothing"
    );
}

#[test]
fn n18_a_slow_request_that_began_earlier_does_not_pull_activity_back() {
    let facts = world().record(1, "alice").facts;
    let start = facts.created_at;
    let activation = |at| Activation {
        at,
        network: facts.network,
        idle_deadline: at + minutes(15),
    };
    let mut live = facts;
    let (began, other) = (start + seconds(1), start + seconds(50));
    assert_eq!(live.touch(activation(other), other), Touched::Recorded);
    assert_eq!(
        live.touch(activation(began), began + seconds(60)),
        Touched::Older
    );
    assert_eq!(live.last_active_at, other);
}

#[test]
fn n16_a_touch_changes_activity_and_deadline_together_or_neither() {
    let facts = world().record(1, "alice").facts;
    let start = facts.created_at;
    for (at, now) in [
        (0, 0),
        (5, 5),
        (5, 900_000),
        (900_000, 900_000),
        (899_999, 899_999),
    ] {
        let mut touched = facts;
        let at = after(start, at);
        let activation = Activation {
            at,
            network: facts.network,
            idle_deadline: at + minutes(15),
        };
        let outcome = touched.touch(activation, after(start, now));
        let moved = touched.last_active_at != facts.last_active_at;
        let later = touched.idle_deadline != facts.idle_deadline;
        assert_eq!(moved, later);
        assert_eq!(moved, outcome == Touched::Recorded);
        assert_eq!(touched.absolute_deadline, facts.absolute_deadline);
        assert_eq!(touched.authenticated_at, facts.authenticated_at);
    }
}

#[test]
fn l04_a_touch_at_or_after_a_recorded_deadline_revives_nothing() {
    let facts = world().record(1, "alice").facts;
    let start = facts.created_at;
    // Activity before the deadline that is reported after it.
    let activation = Activation {
        at: start + minutes(14),
        network: facts.network,
        idle_deadline: start + minutes(29),
    };
    for late in [minutes(15), minutes(16), hours(8), hours(9)] {
        let mut dead = facts;
        assert_eq!(dead.touch(activation, start + late), Touched::Gone);
        assert_eq!(dead, facts);
    }
    let mut locked = facts;
    locked.locked_at = Some(start + seconds(1));
    assert_eq!(locked.touch(activation, start + minutes(14)), Touched::Gone);
}

#[test]
fn n15_the_effective_idle_timeout_is_at_most_one_granularity_short() {
    let set = PolicySet::simple(minutes(10), hours(8)).unwrap();
    let granularity = set.granularity();
    assert_eq!(granularity, seconds(10));
    let world = World::new(set);
    let mut facts = world.record(1, "alice").facts;
    let network = world.policies().find_network(None);
    let mut now = facts.created_at;
    let mut last_input = now;
    for step in [3, 4, 5, 9, 10, 11, 1, 1, 1, 1, 1, 1, 1, 30, 2] {
        now = now + seconds(step);
        last_input = now;
        let due = next_touch(&world.policies(), &facts, network, Activity::Active, now);
        if let Some(activation) = due {
            assert_eq!(facts.touch(activation, now), Touched::Recorded);
        }
        let effective = facts.idle_deadline - last_input;
        assert!(effective <= minutes(10) && effective > minutes(10) - granularity);
    }
    assert!(ends(&world, &facts, last_input + minutes(10)).is_some());
}

#[test]
fn l02_a_passive_request_earns_no_touch() {
    let world = world();
    let facts = world.record(1, "alice").facts;
    let network = world.policies().find_network(None);
    let later = facts.created_at + minutes(5);
    let due = |activity| next_touch(&world.policies(), &facts, network, activity, later);
    assert!(due(Activity::Active).is_some());
    assert!(due(Activity::Passive).is_none());
}

#[test]
fn l10_what_a_presented_token_is_to_its_session() {
    let check = TokenCheck::from_bits;
    let at = world().record(1, "alice").facts.created_at;
    let grace = seconds(10);
    let credential = |confirmed| Credential {
        check: check(2),
        confirmed,
        previous: Some(Previous {
            check: check(1),
            at,
        }),
    };
    let judge = |confirmed, presented, now| {
        judge_token(&credential(confirmed), check(presented), grace, now)
    };
    let (within, beyond) = (at + grace - MS, at + grace);
    assert_eq!(
        judge(true, 2, beyond),
        TokenVerdict::Current { confirm: false }
    );
    assert_eq!(
        judge(false, 2, within),
        TokenVerdict::Current { confirm: true }
    );
    assert_eq!(
        judge(true, 1, within),
        TokenVerdict::Grace,
        "parallel requests"
    );
    assert_eq!(judge(true, 1, beyond), TokenVerdict::Reused);
    assert_eq!(
        judge(false, 1, beyond),
        TokenVerdict::LostSuccessor,
        "a lost answer"
    );
    assert_eq!(judge(true, 9, within), TokenVerdict::Unknown);
    assert_eq!(
        judge(true, 9, beyond),
        TokenVerdict::Reused,
        "an older generation"
    );
    let never_rotated = Credential::new(check(2));
    assert_eq!(
        judge_token(&never_rotated, check(1), grace, beyond),
        TokenVerdict::Reused
    );
}

#[test]
fn an_idle_session_is_locked_until_the_period_or_the_absolute_deadline_ends_it() {
    let policy = Policy::named("default")
        .idle(minutes(15))
        .absolute(minutes(40));
    let policy = policy.on_idle(OnIdle::Lock).lock_period(minutes(20));
    let world = World::new(PolicySet::builder(policy).build().unwrap());
    let facts = world.record(1, "alice").facts;
    let start = facts.created_at;
    let verdict = |facts: &Facts, at| world.judge().verdict(facts, at);
    assert!(
        verdict(&facts, start + minutes(15) - MS)
            .deadlines()
            .is_some()
    );
    let until = start + minutes(35);
    assert_eq!(
        verdict(&facts, start + minutes(15)),
        Verdict::Locked { until }
    );
    assert_eq!(verdict(&facts, until - MS), Verdict::Locked { until });
    assert_eq!(
        verdict(&facts, until),
        Verdict::Ended(EndReason::IdleTimeout)
    );
    let mut late = facts;
    late.last_active_at = start + minutes(14);
    late.idle_deadline = start + minutes(29);
    let absolute = start + minutes(40);
    assert_eq!(
        verdict(&late, start + minutes(30)),
        Verdict::Locked { until: absolute }
    );
    assert_eq!(
        verdict(&late, absolute),
        Verdict::Ended(EndReason::AbsoluteTimeout)
    );
}
