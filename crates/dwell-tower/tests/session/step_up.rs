//! Routes that demand a recent and strong enough authentication.

use std::time::Duration;

use dwell_core::{Clock, EventKind, Policy, PolicySet, SubjectId, hours, minutes, seconds};
use dwell_testkit::TestResponse;

use crate::support::{Client, World, get_with, key, left, outcome, set_cookies, token, verdict};

const STEP_UP: &str = "step_up_required";

async fn ask(client: &mut Client, path: &str) -> String {
    outcome(&client.get(path).await)
}

fn challenge(answer: &TestResponse) -> &str {
    answer
        .header("www-authenticate")
        .expect("every 401 carries a challenge")
}

#[tokio::test]
async fn authentication_counts_until_age_limit_of_route() {
    let world = World::new();
    let mut client = world.signed_in().await;
    assert_eq!(ask(&mut client, "/fresh/transfer").await, "ok");
    world.clock.advance(minutes(5) - Duration::from_millis(1));
    assert_eq!(ask(&mut client, "/fresh/transfer").await, "ok");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(ask(&mut client, "/fresh/transfer").await, STEP_UP);
    assert_eq!(ask(&mut client, "/").await, "ok", "other routes are served");
    assert_eq!(client.get("/reauthenticate").await.status, 200);
    assert_eq!(ask(&mut client, "/fresh/transfer").await, "ok");
}

#[tokio::test]
async fn challenge_follows_rfc_9470() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(5));
    let start = r#"Bearer error="insufficient_user_authentication", error_description="A more recent or stronger authentication is required""#;
    let fresh = client.get("/fresh/transfer").await;
    assert_eq!(
        (fresh.status.as_u16(), fresh.reason().as_deref()),
        (401, Some(STEP_UP))
    );
    assert_eq!(challenge(&fresh), format!(r#"{start}, max_age="300""#));
    let strong = client.get("/strong/transfer").await;
    assert_eq!(
        challenge(&strong),
        format!(r#"{start}, acr_values="aal2 aal3", max_age="300""#)
    );
    assert_eq!(strong.headers.get_all("www-authenticate").iter().count(), 1);
}

#[tokio::test]
async fn policy_limit_holds_when_route_states_none() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let set = PolicySet::builder(default.reauthenticate(minutes(2)))
        .build()
        .unwrap();
    let world = World::with(set);
    let mut client = world.signed_in().await;
    assert_eq!(ask(&mut client, "/by-policy/x").await, "ok");
    world.clock.advance(minutes(2));
    let refused = client.get("/by-policy/x").await;
    assert_eq!(outcome(&refused), STEP_UP);
    assert!(
        challenge(&refused).ends_with(r#", max_age="120""#),
        "{}",
        challenge(&refused)
    );
    assert_eq!(
        ask(&mut client, "/fresh/x").await,
        "ok",
        "the five minutes of the route"
    );
}

#[tokio::test]
async fn acr_and_amr_must_suffice() {
    let world = World::new();
    for (query, strong, otp) in [
        ("", STEP_UP, STEP_UP),
        ("?acr=aal1", STEP_UP, STEP_UP),
        ("?acr=AAL2", STEP_UP, STEP_UP),
        ("?acr=aal2", "ok", STEP_UP),
        ("?acr=aal3&amr=pwd", "ok", STEP_UP),
        ("?amr=otp", STEP_UP, "ok"),
        ("?acr=aal2&amr=otp", "ok", "ok"),
    ] {
        let mut client = world.client();
        client.get(&format!("/login{query}")).await;
        assert_eq!(
            ask(&mut client, "/strong/x").await,
            strong,
            "login {query:?}"
        );
        assert_eq!(ask(&mut client, "/otp/x").await, otp, "login {query:?}");
        assert_eq!(ask(&mut client, "/fresh/x").await, "ok");
        // A re-authentication counts by its own class and methods.
        let mut client = world.client();
        client.get("/login?acr=aal3&amr=otp").await;
        client.get(&format!("/reauthenticate{query}")).await;
        assert_eq!(
            ask(&mut client, "/strong/x").await,
            strong,
            "again {query:?}"
        );
        assert_eq!(ask(&mut client, "/otp/x").await, otp, "again {query:?}");
    }
}

#[tokio::test]
async fn n52_refused_step_up_neither_touches_nor_signs_out() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(6));
    let before = world.record(&token(&client));
    for path in ["/fresh/x", "/strong/x", "/otp/x", "/by-policy/x"] {
        for headers in [vec![], vec![("session-activity", "active")]] {
            let answer = get_with(&mut client, path, &headers).await;
            assert_eq!(outcome(&answer), STEP_UP);
            assert_eq!(left(&answer), (540, 28_440));
            assert_eq!(set_cookies(&answer), [""; 0]);
            assert_eq!(world.record(&token(&client)), before, "{path}");
        }
    }
    assert_eq!(verdict(&mut client).await, "ok");
    // Refused step-ups alone: the session ends as without requests.
    world.clock.advance(minutes(8));
    assert_eq!(ask(&mut client, "/fresh/x").await, STEP_UP);
    world.clock.advance(minutes(1));
    assert_eq!(ask(&mut client, "/fresh/x").await, "idle_timeout");
}

#[tokio::test]
async fn n52_redirected_step_up_neither_touches_nor_signs_out() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(6));
    let before = world.record(&token(&client));
    let answer = get_with(&mut client, "/fresh/x", &[("accept", "text/html")]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        world.record(&token(&client)),
        before,
        "a redirect is also a refusal"
    );
    assert_eq!(left(&answer), (540, 28_440));
}

#[tokio::test]
async fn n52_step_up_refused_with_any_status_is_no_activity() {
    use dwell_tower::rejection::Refusal;
    use http::request::Parts;

    let world = World::new();
    let teapot = |_: &Refusal, _: &Parts| {
        let mut response = http::Response::new(bytes::Bytes::new());
        *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
        response
    };
    let mut client = signed_in_with(&world, world.stack().with_rejection(teapot)).await;
    world.clock.advance(minutes(6));
    let before = world.record(&token(&client));
    assert_eq!(client.get("/fresh/x").await.status, 418);
    assert_eq!(world.record(&token(&client)), before);
}

async fn signed_in_with(world: &World, stack: dwell_tower::SessionTimeoutLayer) -> Client {
    crate::support::signed_in(world.client_of(&stack)).await
}

#[tokio::test]
async fn n34_authentication_of_another_user_satisfies_nothing() {
    let world = World::new();
    let mut alice = world.signed_in().await;
    let mut bob = world.client();
    bob.get("/login?subject=bob").await;
    world.clock.advance(minutes(5));
    assert_eq!(bob.get("/reauthenticate?acr=aal3").await.status, 200);
    assert_eq!(ask(&mut bob, "/strong/x").await, "ok");
    assert_eq!(ask(&mut alice, "/strong/x").await, STEP_UP);
    assert_eq!(ask(&mut alice, "/fresh/x").await, STEP_UP);

    // Nor does the same user's in another session.
    let mut elsewhere = world.client();
    elsewhere.get("/login?acr=aal3").await;
    assert_eq!(ask(&mut elsewhere, "/strong/x").await, "ok");
    assert_eq!(ask(&mut alice, "/fresh/x").await, STEP_UP);

    // A login of another user starts that user's session.
    let old = token(&alice);
    alice.get("/login?subject=bob&acr=aal3").await;
    assert_ne!(key(&token(&alice)), key(&old));
    assert_eq!(
        ask(&mut world.client_with(&old), "/strong/x").await,
        "superseded"
    );
}

#[tokio::test]
async fn n34_replayed_authentication_keeps_its_age() {
    let world = World::new();
    let mut client = world.client();
    client.get("/login?authenticated_ago=299").await;
    assert_eq!(ask(&mut client, "/fresh/x").await, "ok");
    client.get("/login?authenticated_ago=300").await;
    assert_eq!(ask(&mut client, "/fresh/x").await, STEP_UP);
}

#[tokio::test]
async fn n34_authentication_without_time_opens_nothing() {
    let world = World::new();
    let mut client = world.client();
    let since_the_epoch = world.clock.now().as_millis() / 1_000;
    client
        .get(&format!("/login?authenticated_ago={since_the_epoch}"))
        .await;
    assert_ne!(ask(&mut client, "/fresh/x").await, "ok");
}

#[tokio::test]
async fn n14_authentication_from_future_is_fresh_no_longer() {
    let world = World::new();
    let mut client = world.client();
    let refused = client.get("/login?authenticated_ahead=61").await;
    assert_eq!(refused.status, 409, "N96: it is told at the login");
    assert_ne!(ask(&mut client, "/fresh/x").await, "ok");
    // Within the leeway it is accepted.
    client.get("/login?authenticated_ahead=60").await;
    assert_eq!(ask(&mut client, "/fresh/x").await, "ok");
}

#[tokio::test]
async fn n35_window_is_fixed_and_does_not_slide() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(7));
    client.get("/reauthenticate").await;
    for _ in 0..9 {
        world.clock.advance(seconds(30));
        assert_eq!(ask(&mut client, "/fresh/transfer").await, "ok");
        client.get("/extend").await;
        client.get("/rotate").await;
    }
    world.clock.advance(seconds(30));
    assert_eq!(ask(&mut client, "/fresh/transfer").await, STEP_UP);
}

#[tokio::test]
async fn n35_extension_and_rotation_are_no_authentication() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(5));
    for path in ["/extend", "/rotate", "/"] {
        client.get(path).await;
        assert_eq!(ask(&mut client, "/fresh/x").await, STEP_UP, "{path}");
    }
}

#[tokio::test]
async fn step_up_is_demanded_succeeds_and_is_reported() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(5));
    world.events.clear();
    client.get("/fresh/transfer?to=bob").await;
    client.get("/reauthenticate").await;
    client.get("/fresh/transfer?to=bob").await;
    let kinds = world.events.kinds();
    let expected = [
        EventKind::StepUpRequired,
        EventKind::StepUpSucceeded,
        EventKind::SessionRotated,
    ];
    assert_eq!(kinds, expected);
    let required = &world.events.events()[0];
    assert_eq!(
        required.route.as_deref(),
        Some("/fresh/transfer"),
        "without the query"
    );
    assert_eq!(
        required.subject.as_ref().map(SubjectId::as_str),
        Some("alice")
    );
}

#[tokio::test]
async fn stricter_route_asks_again_after_too_long_pause() {
    let world = World::new();
    let mut client = world.signed_in().await;
    assert_eq!(ask(&mut client, "/admin/users").await, "ok");
    world.clock.advance(minutes(6));
    // A click elsewhere does not reopen the stricter route.
    assert_eq!(ask(&mut client, "/").await, "ok");
    let before = world.record(&token(&client));
    let refused = client.get("/admin/users").await;
    assert_eq!(outcome(&refused), STEP_UP);
    assert!(
        challenge(&refused).ends_with(r#", max_age="300""#),
        "{}",
        challenge(&refused)
    );
    assert_eq!(world.record(&token(&client)), before);
    client.get("/reauthenticate").await;
    assert_eq!(ask(&mut client, "/admin/users").await, "ok");
}

#[tokio::test]
async fn n54_session_overdue_by_limit_of_area_goes_on() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(5));
    assert_eq!(ask(&mut client, "/admin/users").await, STEP_UP);
    assert_eq!(ask(&mut client, "/").await, "ok");
}
