//! Policies: what is refused, what combines how, what a file may say.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::time::Duration;

use dwell_core::{
    Admission, MAX_DURATION, NetworkId, OnIdle, OnLimit, Policy, PolicyBuilder, PolicyError,
    PolicySet, Presented, PresentedSession, Preset, Problem, Rule, SessionHandle, Unmarked,
    Verdict, engine::TokenVerdict, hours, minutes, seconds,
};
use support::World;

fn default() -> PolicyBuilder {
    Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8))
}

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
        let all: [(&str, PolicyBuilder); 6] = [
            ("idle", default().idle(odd)),
            ("absolute", default().absolute(odd)),
            ("warn", default().warn(odd)),
            ("reauthenticate", default().reauthenticate(odd)),
            ("lock_period", default().lock_period(odd)),
            ("granularity", default().granularity(odd)),
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
    assert!(PolicySet::simple(seconds(1), seconds(1)).is_ok());
}

#[test]
fn what_contradicts_itself_is_refused() {
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
fn n45_a_granularity_near_the_idle_timeout_is_refused() {
    let with = |granularity| PolicySet::builder(default().granularity(granularity)).build();
    assert!(with(minutes(4)).is_err());
    let set = with(minutes(3)).unwrap();
    assert_eq!(set.granularity(), minutes(3));
    // Also when another policy or a network is what makes it near.
    let short = PolicySet::builder(default().granularity(minutes(2)))
        .policy(Policy::named("admin").idle(minutes(5)))
        .build();
    assert_eq!(short.unwrap_err().key, "granularity");
    let network = PolicySet::builder(default().granularity(minutes(2)))
        .network("guests", ["10.0.0.0/8"], minutes(1))
        .build();
    assert_eq!(network.unwrap_err().key, "granularity");
    // Derived, it follows the shortest.
    let set = PolicySet::builder(default())
        .policy(Policy::named("admin").idle(minutes(5)))
        .build();
    assert_eq!(set.unwrap().granularity(), seconds(5));
    assert_eq!(
        PolicySet::simple(hours(8), hours(8)).unwrap().granularity(),
        minutes(1)
    );
}

#[test]
fn n26_presets_and_ceilings_are_upper_bounds_and_say_so() {
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
    let world = World::new(set);
    let facts = world.record(1, "alice").facts;
    assert_eq!(facts.idle_deadline - facts.created_at, minutes(15));
    assert_eq!(facts.absolute_deadline - facts.created_at, hours(10));
    let deadlines = *world
        .judge()
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
fn every_preset_gives_a_policy_with_its_numbers() {
    for preset in Preset::ALL {
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
fn n30_unset_is_not_zero_but_what_the_default_says() {
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
    let plain = PolicySet::simple(seconds(60), hours(1)).unwrap();
    assert_eq!(plain.policy("default").unwrap().warn(), seconds(30));
}

/// A handle on a session that was last active in `last` and is used from
/// `current`, `ago` after that activity.
fn handle(world: &World, last: &str, current: &str, ago: Duration) -> SessionHandle {
    let policies = world.policies();
    let mut record = world.record(1, "alice");
    record.facts.network = policies.network_id(policies.find_network(last.parse().ok()));
    // Recorded without a limit, so that only the rules of now are judged.
    record.facts.idle_deadline = record.facts.created_at + hours(8);
    let session = PresentedSession {
        now: record.facts.created_at + ago,
        record,
        token: None,
        standing: TokenVerdict::Current { confirm: false },
    };
    let presented = Presented::Session(session);
    let handle = SessionHandle::new(world.manager.clone(), policies, presented);
    handle.locate(current.parse().ok());
    handle
}

fn offices() -> World {
    World::new(
        PolicySet::builder(default())
            .policy(Policy::named("admin").idle(minutes(5)).absolute(hours(1)))
            .network("office", ["10.0.0.0/8"], minutes(30))
            .network("lobby", ["10.9.0.0/16"], minutes(2))
            .build()
            .unwrap(),
    )
}

const OFFICE: &str = "10.1.1.1";
const LOBBY: &str = "10.9.1.1";
const CAFE: &str = "203.0.113.7";

fn idle_allowance(last: &str, current: &str) -> Duration {
    let world = offices();
    let handle = handle(&world, last, current, Duration::ZERO);
    let Admission::Session(verdict) = handle.decide() else {
        panic!("a session was presented")
    };
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
    assert!(matches!(from(OFFICE), Admission::Session(Verdict::Live(_))));
    assert!(matches!(from(CAFE), Admission::Session(Verdict::Ended(_))));
    let entering = handle(&world, CAFE, OFFICE, minutes(20)).decide();
    assert!(
        matches!(entering, Admission::Session(Verdict::Ended(_))),
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
        let Admission::Session(verdict) = handle.decide() else {
            panic!("a session was presented")
        };
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
    let world = World::new(
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
    assert!(matches!(
        handle.decide(),
        Admission::Session(Verdict::Live(_))
    ));
    assert!(handle.tighten("admin"));
    let tightened = handle.decide();
    assert!(matches!(tightened, Admission::Session(Verdict::Ended(_))));
    assert_eq!(handle.decide(), tightened, "deciding twice gives the same");
    assert_eq!(handle.admission(), Some(tightened));
}

#[test]
fn activity_elsewhere_does_not_buy_back_a_stricter_route() {
    let world = offices();
    let policies = world.policies();
    let mut record = world.record(1, "alice");
    record.facts.longest_pause = minutes(10);
    let now = record.facts.created_at;
    let session = PresentedSession {
        record,
        now,
        token: None,
        standing: TokenVerdict::Current { confirm: false },
    };
    let handle = SessionHandle::new(world.manager.clone(), policies, Presented::Session(session));
    assert!(matches!(
        handle.decide(),
        Admission::Session(Verdict::Live(_))
    ));
    assert!(handle.tighten("admin"));
    assert!(matches!(
        handle.decide(),
        Admission::Session(Verdict::Stale { .. })
    ));
}

#[test]
fn networks_that_make_no_sense_are_refused() {
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

const SAMPLE: &str = r#"
[policy.default]
preset = "nist-aal3"            # start from a cited preset
idle = "15m"
absolute = "8h"
warn = "60s"
reauthenticate = "5m"
on_idle = "end"
unmarked = "active"
granularity = "15s"

[policy.admin]
idle = "5m"
absolute = "1h"

[organization]
idle = "30m"
absolute = "12h"

[[network]]
name = "office"
cidr = ["10.20.0.0/16", "2001:db8:7::/48"]
idle = "30m"

[client_ip]
source = "x-forwarded-for"
trusted_proxies = ["127.0.0.1/32"]
"#;

#[test]
fn the_documented_policy_file_loads_into_the_types_that_code_builds() {
    let set = PolicySet::from_toml("dwell.toml", SAMPLE).unwrap();
    let (default, admin) = (set.policy("default").unwrap(), set.policy("admin").unwrap());
    assert_eq!(
        (default.idle(), default.absolute()),
        (minutes(15), hours(8))
    );
    assert_eq!((admin.idle(), admin.absolute()), (minutes(5), hours(1)));
    assert_eq!(set.granularity(), seconds(15));
    assert_eq!(
        set.network_id(set.find_network("10.20.3.4".parse().ok())),
        NetworkId::of("office")
    );
    assert!(set.client_ip().trusts("127.0.0.1".parse().unwrap()));
    assert_eq!(
        set.warnings().len(),
        1,
        "the office is cut by the preset: {:?}",
        set.warnings()
    );
}

#[test]
fn a_malformed_policy_file_is_refused_with_file_line_and_key() {
    let good = "[policy.default]\nidle = \"15m\"\nabsolute = \"8h\"\n";
    let network = |cidr: &str| {
        format!("{good}[[network]]\nname = \"n\"\ncidr = [\"{cidr}\"]\nidle = \"1m\"\n")
    };
    let cases: Vec<(String, usize, &str, &str)> = vec![
        (format!("{good}idel = \"1m\"\n"), 4, "idel", "unknown field"),
        (
            "[policy.default]\nidle = \"0s\"\nabsolute = \"8h\"\n".into(),
            2,
            "policy.default.idle",
            "out of range",
        ),
        (
            "[policy.default]\nidle = \"-5m\"\nabsolute = \"8h\"\n".into(),
            2,
            "policy.default.idle",
            "not a duration",
        ),
        (
            "[policy.default]\nidle = \"500ms\"\nabsolute = \"8h\"\n".into(),
            2,
            "policy.default.idle",
            "out of range",
        ),
        (
            "[policy.default]\nidle = \"99999999999999999999h\"\nabsolute = \"8h\"\n".into(),
            2,
            "policy.default.idle",
            "not a duration",
        ),
        (
            "[policy.default]\nidle = 900\nabsolute = \"8h\"\n".into(),
            2,
            "idle",
            "expected a string",
        ),
        (
            "[policy.default]\nidle = \"9h\"\nabsolute = \"8h\"\n".into(),
            2,
            "policy.default.idle",
            "longer than absolute",
        ),
        (
            format!("{good}warn = \"16m\"\n"),
            4,
            "policy.default.warn",
            "longer than idle",
        ),
        (
            format!("{good}granularity = \"10m\"\n"),
            4,
            "policy.default.granularity",
            "longer than",
        ),
        (
            format!("{good}preset = \"nist\"\n"),
            4,
            "policy.default.preset",
            "not one of",
        ),
        (
            format!("{good}on_idle = \"stop\"\n"),
            4,
            "policy.default.on_idle",
            "not one of",
        ),
        (
            format!("{good}unmarked = \"Active\"\n"),
            4,
            "policy.default.unmarked",
            "not one of",
        ),
        (
            format!("{good}max_sessions = 3\n"),
            4,
            "policy.default.max_sessions",
            "on_limit",
        ),
        (
            format!("{good}on_limit = \"end_oldest\"\n"),
            4,
            "policy.default.on_limit",
            "max_sessions",
        ),
        (format!("{good}max_sessions = -1\n"), 4, "max_sessions", ""),
        (
            format!("{good}\n[policy.default]\nidle = \"1m\"\n"),
            5,
            "[policy.default]",
            "duplicate",
        ),
        (
            "[policy.admin]\nidle = \"1m\"\nabsolute = \"1h\"\n".into(),
            1,
            "policy.default",
            "must be there",
        ),
        ("".into(), 1, "policy.default", "must be there"),
        (
            network("10.0.0.7/8"),
            6,
            "network n.cidr",
            "write 10.0.0.0/8",
        ),
        (
            network("10.0.0.0/33"),
            6,
            "network n.cidr",
            "not an address range",
        ),
        (
            format!(
                "{}[[network]]\nname = \"n\"\ncidr = [\"11.0.0.0/8\"]\nidle = \"1m\"\n",
                network("10.0.0.0/8")
            ),
            9,
            "network n.name",
            "is taken",
        ),
        (
            format!("{good}[client_ip]\nsource = \"guess\"\n"),
            5,
            "client_ip.source",
            "not one of",
        ),
        (
            format!("{good}[client_ip]\nsource = \"x-forwarded-for\"\n"),
            4,
            "client_ip.trusted_proxies",
            "must be given",
        ),
        (
            format!("{good}[client_ip]\nsource = \"peer\"\ntrusted_proxies = [\"x\"]\n"),
            6,
            "client_ip.trusted_proxies",
            "not an address range",
        ),
        (
            format!("{good}[organization]\nidle = \"0s\"\n"),
            5,
            "organization.idle",
            "out of range",
        ),
        (
            format!("{good}[polices.x]\n"),
            4,
            "[polices.x]",
            "unknown field",
        ),
        (format!("{good}# Grüße ✓\nidle2 = \n"), 5, "idle2", ""),
        (
            format!("{good}[policy.\"a b\"]\nidle = \"1m\"\n"),
            4,
            "policy.a b.name",
            "not a name",
        ),
    ];
    for (text, line, key, message) in cases {
        let error = PolicySet::from_toml("bank.toml", &text).unwrap_err();
        assert_eq!(
            (error.file.as_str(), error.line),
            ("bank.toml", line),
            "{text}\n{error}"
        );
        assert_eq!(error.key, key, "{text}\n{error}");
        assert!(error.message.contains(message), "{text}\n{error}");
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("bank.toml:{line}: {key}: ")),
            "{shown}"
        );
    }
}

#[test]
fn a_failed_reload_keeps_the_last_good_policy() {
    let world = World::new(PolicySet::from_toml("dwell.toml", SAMPLE).unwrap());
    let before = world.policies();
    let reload = PolicySet::from_toml("dwell.toml", &SAMPLE.replace("15m", "15 bananas"));
    if let Ok(set) = reload {
        world.manager.policies().replace(set);
    }
    assert_eq!(
        world.policies().policy("default").unwrap().idle(),
        minutes(15)
    );
    assert!(std::sync::Arc::ptr_eq(&before, &world.policies()));
}
