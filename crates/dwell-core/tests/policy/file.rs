//! The policy file: what it may contain, and where an error is.

use dwell_core::{NetworkId, PolicySet, Unprompted, hours, minutes, seconds};

use dwell_test_support::World;

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
fn documented_policy_file_loads() {
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
fn malformed_file_is_refused_with_file_line_and_key() {
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
            "\"ms\" is no unit; write s, m, h or d",
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
            format!("{good}reauthenticate = \"5M\"\n"),
            4,
            "policy.default.reauthenticate",
            "\"5M\" is not a duration such as \"15m\": \"M\" is no unit; write s, m, h or d",
        ),
        (
            format!("{good}reauthenticate = \"9h\"\n"),
            4,
            "policy.default.reauthenticate",
            "9h is longer than absolute (8h)",
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
fn failed_reload_keeps_last_good_policy() {
    let world = World::with(PolicySet::from_toml("dwell.toml", SAMPLE).unwrap());
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

#[test]
fn n66_unprompted_navigations_are_read_and_inherited() {
    let text = |word: &str| {
        format!(
            "[policy.default]\nidle = \"15m\"\nabsolute = \"8h\"\n\
             unprompted_navigations = \"{word}\"\n[policy.admin]\nidle = \"5m\"\n"
        )
    };
    let set = PolicySet::from_toml("dwell.toml", &text("passive")).unwrap();
    for name in ["default", "admin"] {
        let policy = set.policy(name).unwrap();
        assert_eq!(
            policy.unprompted_navigations(),
            Unprompted::Passive,
            "{name}"
        );
    }
    let error = PolicySet::from_toml("dwell.toml", &text("never")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "dwell.toml:4: policy.default.unprompted_navigations: \"never\" is not one of active, passive"
    );
}
