//! When a session ends, by which rule, and what a broken stamp means.

use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::TouchOutcome;
use dwell_core::{
    EndReason, Facts, OnIdle, Policy, PolicySet, Rule, Timeouts, Timestamp, Verdict, hours,
    minutes, seconds,
};

use crate::ends;
use dwell_test_support::World;

const MS: Duration = Duration::from_millis(1);

#[test]
fn l01_session_is_over_at_its_deadline() {
    let world = World::default();
    let facts = world.opened(1, "alice").facts;
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
fn n11_boundary_belongs_to_end_for_whole_seconds() {
    for idle in [1, 2, 59, 60, 61, 3_600] {
        let world = World::with(
            PolicySet::simple(Timeouts {
                idle: seconds(idle),
                absolute: hours(8),
            })
            .unwrap(),
        );
        let facts = world.opened(1, "alice").facts;
        let deadline = facts.created_at + seconds(idle);
        assert_eq!(ends(&world, &facts, deadline - MS), None);
        assert_eq!(ends(&world, &facts, deadline), Some(EndReason::IdleTimeout));
    }
}

#[test]
fn n17_nearest_deadline_has_its_reason_and_rule() {
    let world = World::default();
    let mut facts = world.opened(1, "alice").facts;
    let now = facts.created_at;
    let deadlines = |facts: &Facts| *world.due_policy().verdict(facts, now).deadlines().unwrap();
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
        "of two equal deadlines the one that activity can't move wins"
    );
    assert!(!tie.extendable());
    facts.provider_deadline = Some(now + minutes(15) + MS);
    assert_eq!(deadlines(&facts).ends_by, EndReason::IdleTimeout);
}

#[test]
fn earlier_of_two_passed_deadlines_gives_reason() {
    let world = World::default();
    let mut facts = world.opened(1, "alice").facts;
    let late = facts.created_at + hours(24);
    assert_eq!(ends(&world, &facts, late), Some(EndReason::IdleTimeout));
    facts.last_active_at = facts.created_at + hours(8) - minutes(15);
    facts.idle_deadline = facts.created_at + hours(8);
    assert_eq!(ends(&world, &facts, late), Some(EndReason::AbsoluteTimeout));
}

#[test]
fn l17_missing_or_corrupt_stamp_means_expired() {
    let world = World::default();
    let good = world.opened(1, "alice").facts;
    let now = good.created_at + seconds(1);
    let breaks: [fn(&mut Facts); 2] = [
        |f| f.created_at = Timestamp::MIN,
        |f| f.last_active_at = Timestamp::MIN,
    ];
    for spoil in breaks {
        let mut facts = good;
        spoil(&mut facts);
        assert!(ends(&world, &facts, now).is_some());
    }
}

#[test]
fn n24_stamps_far_in_future_are_corrupt() {
    let world = World::default();
    let mut facts = world.opened(1, "alice").facts;
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
fn n13_clock_step_back_moves_no_deadline() {
    let world = World::default();
    let facts = world.opened(1, "alice").facts;
    let start = facts.created_at;
    let before = *world
        .due_policy()
        .verdict(&facts, start)
        .deadlines()
        .unwrap();
    let back = *world
        .due_policy()
        .verdict(&facts, start - seconds(30))
        .deadlines()
        .unwrap();
    assert_eq!(back.nearest, before.nearest, "a deadline is an instant");
    let mut touched = facts;
    let touch = Touch {
        at: start - seconds(30),
        network: facts.network,
        idle_deadline: start + hours(1),
        retried: false,
    };
    assert_eq!(
        touched.touch(touch, start - seconds(30)),
        TouchOutcome::Older
    );
    assert_eq!(touched, facts);
}

#[test]
fn idle_session_is_locked_until_period_or_absolute_end() {
    let policy = Policy::named("default")
        .idle(minutes(15))
        .absolute(minutes(40));
    let policy = policy.on_idle(OnIdle::Lock).lock_period(minutes(20));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let facts = world.opened(1, "alice").facts;
    let start = facts.created_at;
    let verdict = |facts: &Facts, at| world.due_policy().verdict(facts, at);
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
