//! Valid and invalid policies, and the defaults of unset values.

use std::time::Duration;

use dwell_core::{
    MAX_DURATION, NetworkId, OnIdle, OnLimit, Policy, PolicyBuilder, PolicyError, PolicySet,
    Preset, Problem, Rule, Timeouts, Unmarked, hours, minutes, seconds,
};

use crate::default;
use dwell_test_support::World;

fn refused(policy: PolicyBuilder) -> PolicyError {
    PolicySet::builder(policy).build().unwrap_err()
}

#[test]
fn n12_zero_subsecond_and_endless_durations_are_refused() {
    for odd in [
        Duration::ZERO,
        Duration::from_millis(1),
        Duration::from_millis(999),
        Duration::from_millis(1_500),
        MAX_DURATION + seconds(1),
        Duration::MAX,
    ] {
        let all: [(&str, PolicyBuilder); 8] = [
            ("idle", default().idle(odd)),
            ("absolute", default().absolute(odd)),
            ("warn", default().warn(odd)),
            ("reauthenticate", default().reauthenticate(odd)),
            ("lock_period", default().lock_period(odd)),
            ("granularity", default().granularity(odd)),
            ("in_flight", default().in_flight(odd)),
            ("hold", default().hold(odd)),
        ];
        for (key, policy) in all {
            let error = refused(policy);
            assert_eq!(
                (error.key, &error.problem),
                (key, &Problem::OutOfRange(odd))
            );
        }
    }
    assert!(
        PolicySet::builder(default().absolute(MAX_DURATION))
            .build()
            .is_ok()
    );
    assert!(
        PolicySet::simple(Timeouts {
            idle: seconds(1),
            absolute: seconds(1)
        })
        .is_ok()
    );
}

#[test]
fn contradictory_policies_are_refused() {
    assert_eq!(refused(default().hold(hours(9))).key, "hold");
    assert_eq!(refused(default().idle(hours(9))).key, "idle");
    assert_eq!(refused(default().warn(minutes(16))).key, "warn");
    assert_eq!(
        refused(Policy::named("default").idle(minutes(1))).problem,
        Problem::Missing
    );
    assert_eq!(
        refused(default().session_limit(0, OnLimit::RefuseNew)).key,
        "max_sessions"
    );
    assert!(matches!(
        refused(Policy::named("admin")).problem,
        Problem::Without(_)
    ));
    let with = |policy| PolicySet::builder(default()).policy(policy).build();
    assert!(matches!(
        with(default()).unwrap_err().problem,
        Problem::NameTaken(_)
    ));
    for bad in ["", "a b", "ü", &"x".repeat(65), "a/b"] {
        assert!(matches!(
            with(Policy::named(bad)).unwrap_err().problem,
            Problem::BadName(_)
        ));
    }
    let many = (0..64).fold(PolicySet::builder(default()), |set, n| {
        set.policy(Policy::named(format!("p{n}")))
    });
    assert!(matches!(
        many.build().unwrap_err().problem,
        Problem::TooMany { .. }
    ));
}

#[test]
fn n45_granularity_near_idle_timeout_is_refused() {
    let with = |granularity| PolicySet::builder(default().granularity(granularity)).build();
    assert!(with(minutes(4)).is_err());
    let set = with(minutes(3)).unwrap();
    assert_eq!(set.granularity(), minutes(3));
    // Also near the idle timeout of another policy or of a network.
    let short = PolicySet::builder(default().granularity(minutes(2)))
        .policy(Policy::named("admin").idle(minutes(5)))
        .build();
    assert_eq!(short.unwrap_err().key, "granularity");
    let network = PolicySet::builder(default().granularity(minutes(2)))
        .network("guests", ["10.0.0.0/8"], minutes(1))
        .build();
    assert_eq!(network.unwrap_err().key, "granularity");
    // A derived granularity follows the shortest idle timeout.
    let set = PolicySet::builder(default())
        .policy(Policy::named("admin").idle(minutes(5)))
        .build();
    assert_eq!(set.unwrap().granularity(), seconds(5));
    assert_eq!(
        PolicySet::simple(Timeouts {
            idle: hours(8),
            absolute: hours(8)
        })
        .unwrap()
        .granularity(),
        minutes(1)
    );
}

#[test]
fn n26_presets_and_ceilings_cut_with_a_warning() {
    let set = PolicySet::builder(
        Policy::named("default")
            .preset(Preset::NistAal3)
            .idle(minutes(20))
            .absolute(hours(13)),
    )
    .organization_absolute(hours(10))
    .network("office", ["10.0.0.0/8"], minutes(30))
    .build()
    .unwrap();
    let warned = set.warnings().join("\n");
    for place in [
        "policy.default.idle",
        "policy.default.absolute",
        "network office.idle",
    ] {
        assert!(warned.contains(place), "{warned}");
    }
    assert!(warned.contains("NIST SP 800-63B-4 §2.3.3"), "{warned}");
    let world = World::with(set);
    let facts = world.opened(1, "alice").facts;
    assert_eq!(facts.idle_deadline - facts.created_at, minutes(15));
    assert_eq!(facts.absolute_deadline - facts.created_at, hours(10));
    let deadlines = *world
        .due_policy()
        .verdict(&facts, facts.created_at)
        .deadlines()
        .unwrap();
    assert_eq!(deadlines.set_by, Rule::Preset(Preset::NistAal3));
    assert_eq!(
        world.policies().describe(deadlines.set_by),
        "preset nist-aal3"
    );
}

#[test]
fn every_preset_gives_policy_with_its_numbers() {
    for preset in Preset::ALL.iter().copied() {
        assert_eq!(Preset::parse(preset.as_str()), Some(preset));
        let policy = Policy::named("default").preset(preset);
        let policy = match preset.idle() {
            Some(_) => policy,
            None => policy.idle(hours(1)),
        };
        let policy = match preset.absolute() {
            Some(_) => policy,
            None => policy.absolute(hours(8)),
        };
        let set = PolicySet::builder(policy).build().unwrap();
        assert!(set.warnings().is_empty());
        let default = set.policy("default").unwrap();
        assert!(preset.idle().is_none_or(|idle| default.idle() == idle));
        assert!(
            preset
                .absolute()
                .is_none_or(|absolute| default.absolute() == absolute)
        );
    }
}

#[test]
fn n30_unset_values_come_from_default() {
    let set = PolicySet::builder(
        default()
            .warn(minutes(2))
            .on_idle(OnIdle::Lock)
            .unmarked(Unmarked::Passive),
    )
    .policy(Policy::named("admin").idle(minutes(2)))
    .build()
    .unwrap();
    let admin = set.policy("admin").unwrap();
    assert_eq!((admin.idle(), admin.absolute()), (minutes(2), hours(8)));
    assert_eq!(
        admin.warn(),
        minutes(1),
        "an inherited warning gives way to the idle timeout"
    );
    assert_eq!(
        (admin.on_idle(), admin.unmarked()),
        (OnIdle::Lock, Unmarked::Passive)
    );
    assert_eq!(admin.reauthenticate(), minutes(5));
    let plain = PolicySet::simple(Timeouts {
        idle: seconds(60),
        absolute: hours(1),
    })
    .unwrap();
    assert_eq!(plain.policy("default").unwrap().warn(), seconds(30));
}

#[test]
fn invalid_networks_are_refused() {
    let with = |name: &str, cidr: &[&str], idle| {
        let cidr: Vec<String> = cidr.iter().map(ToString::to_string).collect();
        PolicySet::builder(default())
            .network("office", ["10.0.0.0/8"], minutes(30))
            .network(name, cidr, idle)
            .build()
            .unwrap_err()
            .problem
    };
    assert!(matches!(
        with("office", &["11.0.0.0/8"], minutes(1)),
        Problem::NameTaken(_)
    ));
    assert!(matches!(
        with("lab", &["10.0.0.0/8"], minutes(1)),
        Problem::RangeTaken(_)
    ));
    assert!(matches!(
        with("lab", &["10.0.0.7/8"], minutes(1)),
        Problem::HostBits { .. }
    ));
    assert!(matches!(
        with("lab", &["nonsense"], minutes(1)),
        Problem::BadCidr(_)
    ));
    assert!(matches!(with("lab", &[], minutes(1)), Problem::Missing));
    assert!(matches!(
        with("lab", &["11.0.0.0/8"], Duration::ZERO),
        Problem::OutOfRange(_)
    ));
    assert_ne!(NetworkId::of("office"), NetworkId::NONE);
}

#[test]
fn n96_reauthenticate_is_at_most_absolute() {
    let policy = |absolute| Policy::named("default").idle(minutes(2)).absolute(absolute);
    let longer = policy(hours(8)).reauthenticate(hours(8) + seconds(1));
    let error = PolicySet::builder(longer).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "policy.default.reauthenticate: 8h 1s is longer than absolute (8h)"
    );
    let equal = policy(hours(8)).reauthenticate(hours(8));
    assert!(PolicySet::builder(equal).build().is_ok());
    // What nobody stated gives way.
    let set = PolicySet::builder(policy(minutes(3)))
        .policy(Policy::named("admin").idle(minutes(1)).absolute(minutes(2)));
    let set = set.build().unwrap();
    assert_eq!(set.policy("default").unwrap().reauthenticate(), minutes(3));
    assert_eq!(set.policy("admin").unwrap().reauthenticate(), minutes(2));
}

#[test]
fn requests_in_flight_are_bounded_as_default_says() {
    let default = default().in_flight(minutes(10)).hold(minutes(5));
    let own = Policy::named("own").in_flight(minutes(1)).hold(minutes(2));
    let set = PolicySet::builder(default)
        .policy(Policy::named("inheriting"))
        .policy(own)
        .build()
        .unwrap();
    let of = |name| {
        let policy = set.policy(name).unwrap();
        (policy.in_flight(), policy.hold())
    };
    assert_eq!(of("inheriting"), (Some(minutes(10)), Some(minutes(5))));
    assert_eq!(of("own"), (Some(minutes(1)), Some(minutes(2))));
}
