//! Properties of any facts, touches and policies.

use std::time::Duration;

use dwell_core::engine::next_touch;
use dwell_core::store::TouchOutcome;
use dwell_core::{Activity, SessionKey, Verdict, engine, minutes, seconds};
use proptest::prelude::*;

use crate::naive::policy_set;
use dwell_test_support::World;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn l06_tighter_policy_makes_no_deadline_later(
        ago in 0..500_000_u64,
        pause in 0..500_000_u64,
        provider in prop::option::of(0..5_000_000_u64),
        tight in 0..3_usize,
    ) {
        let loose = World::with(policy_set(2));
        let mut facts = loose.opened(1, "alice").facts;
        facts.longest_pause = Duration::from_millis(pause);
        facts.provider_deadline = provider.map(|ms| facts.created_at + Duration::from_millis(ms));
        let at = facts.created_at + Duration::from_millis(ago);
        let before = loose.due_policy().verdict(&facts, at);
        loose.manager.policies().replace(policy_set(tight));
        let after = loose.due_policy().verdict(&facts, at);
        match (before.deadlines(), after.deadlines()) {
            (Some(before), Some(after)) => {
                prop_assert!(after.nearest <= before.nearest);
                prop_assert!(after.absolute <= before.absolute);
            }
            (None, Some(_)) => prop_assert!(false, "revived"),
            _ => {}
        }
    }

    #[test]
    fn l03_no_touch_passes_absolute_deadline(
        touches in prop::collection::vec((0..9_000_000_u64, 0..9_000_000_u64), 0..50),
    ) {
        let world = World::with(policy_set(0));
        let mut facts = world.opened(1, "alice").facts;
        let (start, absolute) = (facts.created_at, facts.absolute_deadline);
        let network = world.policies().find_network(None);
        for (at, now) in touches {
            let (at, now) = (start + Duration::from_millis(at), start + Duration::from_millis(now));
            let before = facts;
            let touch = engine::touch(&world.policies(), &facts, network, at);
            let touched = facts.touch(touch, now);
            prop_assert!(touched != TouchOutcome::Recorded || now < absolute);
            prop_assert!(facts.last_active_at >= before.last_active_at);
            prop_assert!(facts.last_active_at <= now.max(before.last_active_at));
            prop_assert_eq!(facts.absolute_deadline, absolute);
            let ends = matches!(world.due_policy().verdict(&facts, absolute), Verdict::Ended(_));
            prop_assert!(ends);
        }
    }

    #[test]
    fn n15_active_session_ends_at_most_one_granularity_early(
        gaps in prop::collection::vec(0..600_000_u64, 1..60),
    ) {
        let world = World::with(policy_set(0));
        let mut facts = world.opened(1, "alice").facts;
        let network = world.policies().find_network(None);
        let mut at = facts.created_at;
        for gap in gaps {
            let (previous, next) = (at, at + Duration::from_millis(gap));
            if next >= facts.absolute_deadline {
                break;
            }
            let ended = matches!(world.due_policy().verdict(&facts, next), Verdict::Ended(_));
            // Ended only if the pause was at least idle − granularity.
            let idle = minutes(10) - seconds(5);
            prop_assert!(!ended || next - previous >= idle);
            if ended {
                break;
            }
            at = next;
            let due = next_touch(&world.policies(), &facts, network, Activity::Active, at);
            if let Some(touch) = due {
                prop_assert_eq!(facts.touch(touch, at), TouchOutcome::Recorded);
            }
        }
    }

    #[test]
    fn n49_only_right_key_finds_session(bytes in any::<[u8; 16]>()) {
        let world = World::with(policy_set(0));
        let record = world.start(1, "alice");
        let key = SessionKey::from_bytes(bytes);
        prop_assume!(key != record.key);
        prop_assert!(world.find(key).is_none());
        prop_assert_eq!(world.memory.len(), 1, "a look-up that finds nothing writes nothing");
    }
}
