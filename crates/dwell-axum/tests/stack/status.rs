//! `GET /session`: the status document, field by field. Asking moves nothing.

use axum::Router;
use axum::routing::post;
use dwell_axum::*;
use serde_json::{Value, json};

use crate::support::{
    World, document, get_with, idle_left, outcome, post_with, removes_cookie, set_cookies,
    signed_in, verdict,
};

#[tokio::test]
async fn status_document_has_exactly_these_fields() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world
        .clock
        .advance(std::time::Duration::from_millis(61_234));
    let answer = alice.get("/session").await;
    let reference = SessionRef::of(world.record(&alice).key).to_string();
    assert_eq!(
        document(&answer),
        json!({
            "state": "active",
            "session": reference,
            "now": "2026-01-01T00:01:01.234Z",
            "deadline": "2026-01-01T00:15:00.000Z",
            "idle_deadline": "2026-01-01T00:15:00.000Z",
            "absolute_deadline": "2026-01-01T08:00:00.000Z",
            "remaining_ms": 838_766,
            "ends_by": "idle_timeout",
            "set_by": "policy default",
            "warn_ms": 60_000,
            "extendable": true,
            "granularity_ms": 15_000,
            "policy": "default",
            "network": null,
            "authenticated_at": "2026-01-01T00:00:00.000Z",
            "acr": null,
        })
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.header("session-timeout"),
        Some("idle=838, absolute=28738, warn=60")
    );
}

#[tokio::test]
async fn document_tells_class_and_time_of_authentication() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(7));
    assert_eq!(alice.post("/reauthenticate", "aal2").await.status, 200);
    world.clock.advance(minutes(1));
    let now = document(&alice.get("/session").await);
    assert_eq!(now["authenticated_at"], "2026-01-01T00:07:00.000Z");
    assert_eq!(now["acr"], "aal2");
}

/// Situations with different nearest deadlines, and what the document shows.
struct Case {
    policies: PolicySetBuilder,
    login: fn(NewSession) -> NewSession,
    ends_by: &'static str,
    set_by: &'static str,
    policy: &'static str,
    network: Option<&'static str>,
    minutes: u64,
}

fn cases() -> Vec<Case> {
    let policy = |name: &str, idle| Policy::named(name).idle(minutes(idle)).absolute(hours(8));
    let set = |idle| PolicySet::builder(policy("default", idle));
    let case = |policies, ends_by, set_by, minutes| Case {
        policies,
        login: |new| new,
        ends_by,
        set_by,
        policy: "default",
        network: None,
        minutes,
    };
    let office = ["10.20.0.0/16"];
    let pci = policy("default", 20).preset(Preset::PciDss);
    let aal3 = policy("default", 30).preset(Preset::NistAal3);
    vec![
        case(set(15), "idle_timeout", "policy default", 15),
        Case {
            login: |new| new.with_policy("admin"),
            policy: "admin",
            ..case(
                set(15).policy(policy("admin", 5)),
                "idle_timeout",
                "policy admin",
                5,
            )
        },
        Case {
            network: Some("office"),
            ..case(
                set(15).network("office", office, minutes(30)),
                "idle_timeout",
                "network office",
                30,
            )
        },
        Case {
            network: Some("office"),
            ..case(
                set(15)
                    .network("office", office, minutes(30))
                    .organization_idle(minutes(20)),
                "idle_timeout",
                "organization",
                20,
            )
        },
        case(
            PolicySet::builder(pci),
            "idle_timeout",
            "preset pci-dss",
            15,
        ),
        case(
            PolicySet::builder(aal3),
            "idle_timeout",
            "preset nist-aal3",
            15,
        ),
        case(set(480), "absolute_timeout", "policy default", 480),
        case(
            set(15).organization_absolute(minutes(10)),
            "absolute_timeout",
            "organization",
            10,
        ),
        Case {
            login: |new| new.with_provider_deadline(ManualClock::new().now() + minutes(12)),
            ..case(set(15), "idp_session_expired", "identity provider", 12)
        },
    ]
}

#[tokio::test]
async fn n17_document_counts_to_nearest_limit_and_names_it() {
    for case in cases() {
        let world = World::with(case.policies.build().unwrap());
        let start = async move |login: LoginSession| {
            login.start((case.login)(NewSession::new("alice"))).await?;
            Ok::<_, SessionError>(())
        };
        let routes = Router::new().route("/start", post(start));
        let mut alice = world.client_at("10.20.1.1", routes);
        assert_eq!(alice.post("/start", "").await.status, 200);

        let now = document(&alice.get("/session").await);
        let name = case.set_by;
        assert_eq!(now["ends_by"], case.ends_by, "{name}");
        assert_eq!(now["set_by"], case.set_by);
        assert_eq!(now["policy"], case.policy, "{name}");
        assert_eq!(now["network"], json!(case.network), "{name}");
        assert_eq!(now["remaining_ms"], case.minutes * 60_000, "{name}");
        let by_idle = case.ends_by == "idle_timeout";
        assert_eq!(now["extendable"], by_idle, "{name}");
        let nearest = ["absolute_deadline", "idle_deadline"][usize::from(by_idle)];
        assert_eq!(now["deadline"], now[nearest], "{name}");

        // The session ends at that instant, to the millisecond.
        let one = std::time::Duration::from_millis(1);
        world.clock.advance(minutes(case.minutes) - one);
        assert_eq!(
            document(&alice.get("/session").await)["remaining_ms"],
            1,
            "{name}"
        );
        world.clock.advance(one);
        let end = alice.get("/session").await;
        assert_eq!(outcome(&end), format!("401 {}", case.ends_by), "{name}");
    }
}

#[tokio::test]
async fn deadline_recorded_under_stricter_policy_is_named() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.replace_policies(
        PolicySet::simple(Timeouts {
            idle: minutes(30),
            absolute: hours(12),
        })
        .unwrap(),
    );
    let now = document(&alice.get("/session").await);
    assert_eq!(now["set_by"], "recorded deadline");
    assert_eq!(now["remaining_ms"], 15 * 60_000);
    assert_eq!(now["absolute_deadline"], "2026-01-01T08:00:00.000Z");
}

#[tokio::test]
async fn session_not_extendable_near_absolute_deadline() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    for _ in 0..47 {
        world.clock.advance(minutes(10));
        assert_eq!(alice.get("/").await.status, 200);
    }
    let before = document(&alice.get("/session").await);
    assert_eq!(before["ends_by"], "absolute_timeout");
    assert_eq!(before["set_by"], "policy default");
    assert_eq!(before["extendable"], false);
    assert_eq!(before["remaining_ms"], 10 * 60_000);
    // The later idle deadline is in the document as well.
    assert_eq!(before["idle_deadline"], "2026-01-01T08:05:00.000Z");
    world.clock.advance(minutes(9));
    let after = document(&alice.post("/session/extend", "").await);
    assert_eq!(after["remaining_ms"], 60_000);
    assert_eq!(after["extendable"], false);
    world.clock.advance(minutes(1));
    assert_eq!(verdict(&mut alice).await, "401 absolute_timeout");
}

#[tokio::test]
async fn policys_warning_time_in_document_and_header() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policies = PolicySet::builder(default.warn(seconds(90)))
        .build()
        .unwrap();
    let world = World::with(policies);
    let mut alice = world.alice(Router::new()).await;
    let answer = alice.get("/session").await;
    assert_eq!(document(&answer)["warn_ms"], 90_000);
    assert!(
        answer
            .header("session-timeout")
            .unwrap()
            .ends_with(", warn=90")
    );
}

#[tokio::test]
async fn n01_polling_status_keeps_nobody_signed_in() {
    let world = World::remote();
    let mut alice = world.alice(Router::new()).await;
    let writes = world.store.writes();
    for passed in (10..900).step_by(10) {
        world.clock.advance(seconds(10));
        let answer = alice.get("/session").await;
        assert_eq!(document(&answer)["remaining_ms"], (900 - passed) * 1_000);
        assert!(set_cookies(&answer).is_empty());
        world.stack.flush().await;
        assert_eq!(world.store.writes(), writes, "after {passed} s");
    }
    world.clock.advance(seconds(10));
    let end = alice.get("/session").await;
    assert_eq!(outcome(&end), "401 idle_timeout");
    for _ in 0..90 {
        world.clock.advance(seconds(10));
        let end = alice.get("/session").await;
        assert_eq!(outcome(&end), "401 idle_timeout");
        assert!(set_cookies(&end).is_empty());
    }
    assert!(removes_cookie(&alice.get("/").await));
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn l02_status_endpoint_never_moves_idle_deadline() {
    for unmarked in [Unmarked::Active, Unmarked::Passive] {
        let default = Policy::named("default")
            .idle(minutes(15))
            .absolute(hours(8));
        let policies = PolicySet::builder(default.unmarked(unmarked))
            .build()
            .unwrap();
        let world = World::with(policies);
        let mut alice = world.alice(Router::new()).await;
        world.clock.advance(minutes(10));
        assert_eq!(idle_left(&alice.get("/session").await), 300, "{unmarked:?}");
        assert_eq!(world.idle(&alice), minutes(10), "{unmarked:?}");
    }
}

#[tokio::test]
async fn l17_status_poll_cannot_declare_itself_active() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    let answer = get_with(&mut alice, "/session", &[("session-activity", "active")]).await;
    assert_eq!(document(&answer)["remaining_ms"], 300_000);
    assert_eq!(world.idle(&alice), minutes(10));
}

#[tokio::test]
async fn every_endpoint_answers_same_document() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(1));
    let extended = document(&alice.post("/session/extend", "").await);
    let reported =
        document(&post_with(&mut alice, "/session/activity", &[], r#"{"idle_ms":0}"#).await);
    let asked = document(&alice.get("/session").await);
    assert_eq!(extended, asked);
    assert_eq!(reported, asked);
}

#[tokio::test]
async fn each_session_gets_only_its_own_deadlines() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(5));
    let mut bob = signed_in(world.client(Router::new()), "bob").await;
    let left = |document: Value| document["remaining_ms"].as_u64();
    assert_eq!(left(document(&alice.get("/session").await)), Some(600_000));
    assert_eq!(left(document(&bob.get("/session").await)), Some(900_000));
}
