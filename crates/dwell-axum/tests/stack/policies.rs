//! `policy("admin")`: areas that ask for authentication and never end a session.

use axum::Router;
use axum::routing::{get, post};
use dwell_axum::*;

use crate::support::{
    Client, World, document, get_with, locking_policies, outcome, policies, set_cookies, verdict,
};

const MS: std::time::Duration = std::time::Duration::from_millis(1);

/// Answers with the nearest deadline's rule and the seconds left.
async fn show_limit(session: Session) -> String {
    let deadlines = session.deadlines().expect("the session is live");
    let rule = session.handle().policies().describe(deadlines.set_by);
    format!("{rule} {}", deadlines.remaining().as_secs())
}

fn routes() -> Router {
    let group = Router::new()
        .route("/a", get(show_limit))
        .route("/b", get(show_limit));
    let vault = Router::new().route("/vault", get(show_limit).layer(policy("vault")));
    let inside_out = get(show_limit).layer((policy("vault"), policy("admin")));
    Router::new()
        .route("/plain", get(show_limit))
        .route("/one", get(show_limit).layer(policy("admin")))
        .route("/route-layer", get(show_limit).route_layer(policy("admin")))
        .route(
            "/get",
            get(show_limit).layer(policy("admin")).post(show_limit),
        )
        .route("/inside-out", inside_out)
        .nest("/admin", group.merge(vault).layer(policy("admin")))
        .merge(session_endpoints_at("/admin/session").layer(policy("admin")))
}

/// `admin` has five minutes and one hour, `vault` two minutes and four hours.
fn with_vault() -> PolicySet {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    PolicySet::builder(default.granularity(seconds(15)))
        .policy(Policy::named("admin").idle(minutes(5)).absolute(hours(1)))
        .policy(Policy::named("vault").idle(minutes(2)).absolute(hours(4)))
        .build()
        .unwrap()
}

async fn limit_at(client: &mut Client, path: &str) -> String {
    let answer = client.get(path).await;
    match answer.status.is_success() {
        true => answer.text(),
        false => outcome(&answer),
    }
}

#[tokio::test]
async fn n54_area_leaves_sessions_own_deadlines_alone() {
    let world = World::with(with_vault());
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(1));
    let mut tab = alice.clone();
    for path in [
        "/admin/a",
        "/admin/b",
        "/one",
        "/route-layer",
        "/get",
        "/plain",
    ] {
        let passive = [("session-activity", "passive")];
        let answer = get_with(&mut alice, path, &passive).await;
        assert_eq!(answer.text(), "policy default 840", "{path}");
        let left = answer.header("session-timeout");
        assert_eq!(left, Some("idle=840, absolute=28740, warn=60"), "{path}");
    }
    let status = document(&tab.get("/admin/session").await);
    assert_eq!(status["set_by"], "policy default");
    assert_eq!(status["remaining_ms"], 840_000);
}

#[tokio::test]
async fn l06_two_areas_combine_by_minimum_in_any_order() {
    for path in ["/admin/vault", "/inside-out"] {
        let world = World::with(with_vault());
        let mut alice = world.alice(routes()).await;
        world.clock.advance(minutes(2) - MS);
        assert_eq!(alice.get(path).await.status, 200, "{path}");
        // The pause is the vault's, the age of the authentication the admin's.
        for _ in 0..58 {
            world.clock.advance(minutes(1));
            assert_eq!(alice.get(path).await.status, 200, "{path}");
        }
        world.clock.advance(MS);
        assert_eq!(
            limit_at(&mut alice, path).await,
            "401 step_up_required",
            "{path}"
        );
        assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
        world.clock.advance(minutes(2));
        assert_eq!(
            limit_at(&mut alice, path).await,
            "401 step_up_required",
            "{path}"
        );
    }
}

/// Whatever request comes first, the area asks for authentication and the session
/// goes on.
#[tokio::test]
async fn n54_nobodys_request_ends_session_in_area() {
    let nobody: [&[(&str, &str)]; 4] = [
        &[("sec-purpose", "prefetch")],
        &[("session-activity", "passive")],
        &[
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "no-cors"),
        ],
        &[],
    ];
    for fields in nobody {
        let world = World::new();
        let mut alice = world.alice(routes()).await;
        world.clock.advance(minutes(5) - MS);
        let passive = [("session-activity", "passive")];
        assert_eq!(get_with(&mut alice, "/one", &passive).await.status, 200);
        world.clock.advance(MS);
        world.events.clear();
        let answer = get_with(&mut alice, "/one", fields).await;
        assert_eq!(outcome(&answer), "401 step_up_required", "{fields:?}");
        assert!(set_cookies(&answer).is_empty(), "{fields:?}");
        assert_eq!(
            answer.header("session-timeout"),
            Some("idle=600, absolute=28500, warn=60")
        );
        assert_eq!(world.events.kinds(), [EventKind::StepUpRequired]);
        assert_eq!(world.events.events()[0].route.as_deref(), Some("/one"));
        assert_eq!(verdict(&mut alice).await, "ok");
    }
}

#[tokio::test]
async fn n54_area_asks_when_authentication_is_too_old() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    for _ in 0..59 {
        world.clock.advance(minutes(1));
        assert_eq!(alice.get("/admin/a").await.status, 200);
    }
    world.clock.advance(minutes(1));
    let mut tab = alice.clone();
    assert_eq!(
        limit_at(&mut alice, "/admin/a").await,
        "401 step_up_required"
    );
    assert_eq!(tab.get("/plain").await.status, 200);
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    assert_eq!(alice.get("/admin/a").await.status, 200);
}

#[tokio::test]
async fn n54_whoever_logs_in_under_policy_is_ended_by_it() {
    let world = World::new();
    let as_admin = async |login: LoginSession| {
        let new = NewSession::new("alice").with_policy("admin");
        login.start(new).await.map(drop)
    };
    let routes = routes().route("/admin-login", post(as_admin));
    let mut alice = world.client(routes);
    assert_eq!(alice.post("/admin-login", "").await.status, 200);
    world.clock.advance(minutes(5));
    assert_eq!(limit_at(&mut alice, "/plain").await, "401 idle_timeout");
}

/// A stranger at a machine that was unattended for ten minutes: one click
/// elsewhere must not open the admin area.
#[tokio::test]
async fn activity_elsewhere_does_not_count_for_stricter_route() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(10));
    assert_eq!(alice.get("/plain").await.status, 200);
    world.clock.advance(seconds(30));
    world.events.clear();
    let answer = alice.get("/admin/b").await;
    assert_eq!(outcome(&answer), "401 step_up_required");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="insufficient_user_authentication""#));
    assert!(challenge.ends_with(r#", max_age="300""#), "{challenge}");
    assert!(set_cookies(&answer).is_empty());
    let events = world.events.events();
    assert_eq!(world.events.kinds(), [EventKind::StepUpRequired]);
    assert_eq!(events[0].route.as_deref(), Some("/admin/b"));
    // Other routes still work, and this one works after a step-up.
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_eq!(alice.post("/reauthenticate", "").await.status, 200);
    assert_eq!(limit_at(&mut alice, "/admin/b").await, "policy default 900");
}

#[tokio::test]
async fn policy_on_some_methods_leaves_others_alone() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(6));
    assert_eq!(alice.post("/get", "").await.text(), "policy default 540");
    world.clock.advance(minutes(6));
    assert_eq!(limit_at(&mut alice, "/get").await, "401 step_up_required");
}

#[tokio::test]
async fn policy_lets_request_without_session_pass() {
    let world = World::new();
    let open = get(async |s: Option<Session>| s.map_or("nobody", |_| "somebody"));
    let routes = Router::new()
        .route("/open", open.layer(policy("admin")))
        .merge(routes());
    let mut nobody = world.client(routes);
    assert_eq!(nobody.get("/open").await.text(), "nobody");
    assert_eq!(limit_at(&mut nobody, "/one").await, "401 session_required");
}

#[tokio::test]
async fn n54_area_neither_ends_nor_locks() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let default = default.on_idle(OnIdle::Lock);
    let admin = Policy::named("admin").idle(minutes(5)).on_idle(OnIdle::End);
    let set = PolicySet::builder(default).policy(admin).build().unwrap();
    let world = World::with(set);
    let mut alice = world.alice(routes()).await;
    world.clock.advance(minutes(6));
    assert_eq!(limit_at(&mut alice, "/one").await, "401 step_up_required");
    assert_eq!(limit_at(&mut alice, "/plain").await, "policy default 540");

    let world = World::with(locking_policies());
    let mut bob = world.alice(routes()).await;
    world.clock.advance(minutes(15));
    assert_eq!(limit_at(&mut bob, "/plain").await, "401 session_locked");
}

#[tokio::test]
async fn route_with_unknown_policy_is_500() {
    let world = World::new();
    let routes = Router::new()
        .route("/typo", get(show_limit).layer(policy("admni")))
        .route("/plain", get(show_limit));
    let mut alice = world.alice(routes.clone()).await;
    let answer = alice.get("/typo").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.reason(), None);
    assert!(!answer.text().contains("admni"), "{}", answer.text());
    assert_eq!(alice.get("/plain").await.status, 200);
    assert_eq!(world.client(routes).get("/typo").await.status, 500);
}

#[tokio::test]
async fn route_is_500_while_its_policy_is_missing() {
    let world = World::new();
    let mut alice = world.alice(routes()).await;
    assert_eq!(alice.get("/one").await.status, 200);
    world.replace_policies(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    );
    assert_eq!(alice.get("/one").await.status, 500);
    assert_eq!(alice.get("/plain").await.status, 200);
    world.replace_policies(policies());
    assert_eq!(alice.get("/one").await.status, 200);
}
