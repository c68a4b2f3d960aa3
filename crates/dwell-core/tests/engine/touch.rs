//! What a touch moves, and what it never moves.

use dwell_core::engine::{Touch, next_touch};
use dwell_core::store::TouchOutcome;
use dwell_core::{Activity, Facts, PolicySet, Timeouts, hours, minutes, seconds};

use crate::{after, ends};
use dwell_test_support::World;

#[test]
fn l05_touch_is_maximum_and_n18_older_one_moves_nothing() {
    let facts = World::default().opened(1, "alice").facts;
    let start = facts.created_at;
    let touch = |facts: &mut Facts, at: u64, now: u64| {
        let at = after(start, at);
        let touch = Touch {
            at,
            network: facts.network,
            idle_deadline: at + minutes(15),
            retried: false,
        };
        facts.touch(touch, after(start, now))
    };
    let mut live = facts;
    assert_eq!(touch(&mut live, 60_000, 60_000), TouchOutcome::Recorded);
    let recorded = live;
    assert_eq!(touch(&mut live, 30_000, 61_000), TouchOutcome::Older);
    assert_eq!(touch(&mut live, 60_000, 61_000), TouchOutcome::Older);
    assert_eq!(live, recorded, "an older touch changes nothing");
}

#[test]
fn n18_slow_request_pulls_no_activity_back() {
    let facts = World::default().opened(1, "alice").facts;
    let start = facts.created_at;
    let touch = |at| Touch {
        at,
        network: facts.network,
        idle_deadline: at + minutes(15),
        retried: false,
    };
    let mut live = facts;
    let (began, other) = (start + seconds(1), start + seconds(50));
    assert_eq!(live.touch(touch(other), other), TouchOutcome::Recorded);
    assert_eq!(
        live.touch(touch(began), began + seconds(60)),
        TouchOutcome::Older
    );
    assert_eq!(live.last_active_at, other);
}

#[test]
fn n16_touch_moves_activity_and_deadline_together() {
    let facts = World::default().opened(1, "alice").facts;
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
        let touch = Touch {
            at,
            network: facts.network,
            idle_deadline: at + minutes(15),
            retried: false,
        };
        let outcome = touched.touch(touch, after(start, now));
        let moved = touched.last_active_at != facts.last_active_at;
        let later = touched.idle_deadline != facts.idle_deadline;
        assert_eq!(moved, later);
        assert_eq!(moved, outcome == TouchOutcome::Recorded);
        assert_eq!(touched.absolute_deadline, facts.absolute_deadline);
        assert_eq!(touched.authenticated_at, facts.authenticated_at);
    }
}

#[test]
fn l04_touch_after_recorded_deadline_revives_nothing() {
    let facts = World::default().opened(1, "alice").facts;
    let start = facts.created_at;
    // Activity before the deadline that arrives after it.
    let touch = Touch {
        at: start + minutes(14),
        network: facts.network,
        idle_deadline: start + minutes(29),
        retried: false,
    };
    for late in [minutes(15), minutes(16), hours(8), hours(9)] {
        let mut dead = facts;
        assert_eq!(dead.touch(touch, start + late), TouchOutcome::Gone);
        assert_eq!(dead, facts);
    }
    let mut locked = facts;
    locked.locked_at = Some(start + seconds(1));
    assert_eq!(locked.touch(touch, start + minutes(14)), TouchOutcome::Gone);
}

#[test]
fn n15_idle_timeout_is_at_most_one_granularity_short() {
    let set = PolicySet::simple(Timeouts {
        idle: minutes(10),
        absolute: hours(8),
    })
    .unwrap();
    let granularity = set.granularity();
    assert_eq!(granularity, seconds(10));
    let world = World::with(set);
    let mut facts = world.opened(1, "alice").facts;
    let network = world.policies().find_network(None);
    let mut now = facts.created_at;
    let mut last_input = now;
    for step in [3, 4, 5, 9, 10, 11, 1, 1, 1, 1, 1, 1, 1, 30, 2] {
        now = now + seconds(step);
        last_input = now;
        let due = next_touch(&world.policies(), &facts, network, Activity::Active, now);
        if let Some(touch) = due {
            assert_eq!(facts.touch(touch, now), TouchOutcome::Recorded);
        }
        let effective = facts.idle_deadline - last_input;
        assert!(effective <= minutes(10) && effective > minutes(10) - granularity);
    }
    assert!(ends(&world, &facts, last_input + minutes(10)).is_some());
}

#[test]
fn l02_passive_request_earns_no_touch() {
    let world = World::default();
    let facts = world.opened(1, "alice").facts;
    let network = world.policies().find_network(None);
    let later = facts.created_at + minutes(5);
    let due = |activity| next_touch(&world.policies(), &facts, network, activity, later);
    assert!(due(Activity::Active).is_some());
    assert!(due(Activity::Passive).is_none());
}

#[test]
fn n58_retried_touch_counts_until_its_own_deadline() {
    let facts = World::default().opened(1, "alice").facts;
    let start = facts.created_at;
    let retried = |at| Touch {
        at: start + at,
        network: facts.network,
        idle_deadline: start + at + minutes(15),
        retried: true,
    };
    let ms = std::time::Duration::from_millis(1);
    for (at, now, expected) in [
        (minutes(14), minutes(15), TouchOutcome::Recorded),
        (minutes(14), minutes(29) - ms, TouchOutcome::Recorded),
        (minutes(14), minutes(29), TouchOutcome::Gone),
        (
            minutes(15) - ms,
            minutes(30) - ms - ms,
            TouchOutcome::Recorded,
        ),
        // Its activity came too late.
        (minutes(15), minutes(15), TouchOutcome::Gone),
    ] {
        let mut late = facts;
        assert_eq!(
            late.touch(retried(at), start + now),
            expected,
            "{at:?} {now:?}"
        );
        let moved = late != facts;
        assert_eq!(moved, expected == TouchOutcome::Recorded);
    }
    let mut over = facts;
    over.absolute_deadline = start + minutes(16);
    assert_eq!(
        over.touch(retried(minutes(14)), start + minutes(16)),
        TouchOutcome::Gone
    );
    let mut locked = facts;
    locked.locked_at = Some(start + minutes(15));
    assert_eq!(
        locked.touch(retried(minutes(14)), start + minutes(16)),
        TouchOutcome::Gone
    );
}
