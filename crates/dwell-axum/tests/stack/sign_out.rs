//! `POST /session/end`: signing out.

use axum::Router;
use dwell_axum::dwell_core::store::Lookup;
use dwell_axum::*;
use dwell_testkit::TestResponse;

use crate::support::{
    COOKIE, World, outcome, removes_cookie, set_cookies, signed_in, token, verdict,
};

/// Asserts the answer that every caller gets.
fn assert_signed_out(answer: &TestResponse) {
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert!(answer.body.is_empty());
    assert_eq!(
        answer.header("clear-site-data"),
        Some(r#""cache", "storage""#),
        "sibling applications keep their cookies"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("session-timeout"), None);
}

#[tokio::test]
async fn signing_out_ends_session_and_clears_browser() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    let mut tab = alice.clone();
    world.clock.advance(minutes(2));
    let answer = alice.post("/session/end", "").await;
    assert_signed_out(&answer);
    assert!(removes_cookie(&answer));
    assert_eq!(alice.cookie(COOKIE), None);

    let events = world.events.events();
    let end = events.last().unwrap();
    assert_eq!(end.event, EventKind::SessionLogout);
    assert_eq!(end.reason, Some(EndReason::SignedOut));
    assert_eq!(end.route.as_deref(), Some("/session/end"));
    assert_eq!(end.idle_ms, Some(120_000));

    // Another tab still has the cookie.
    let answer = tab.get("/").await;
    assert_eq!(outcome(&answer), "401 signed_out");
    assert!(removes_cookie(&answer));
    assert_eq!(world.events.count(EventKind::SessionUseAfterExpire), 1);
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn signing_out_without_session_clears_browser_too() {
    let world = World::new();
    let mut nobody = world.client(Router::new());
    let answer = nobody.post("/session/end", "").await;
    assert_signed_out(&answer);
    assert!(removes_cookie(&answer));
    assert_eq!(world.events.kinds(), []);
}

#[tokio::test]
async fn unknown_token_signs_out_like_no_token() {
    let world = World::new();
    let mut stranger = world.client(Router::new());
    for value in [Token::generate().unwrap().expose(), "nonsense"] {
        stranger.set_cookie(COOKIE, value);
        assert_signed_out(&stranger.post("/session/end", "").await);
    }
    assert_eq!(world.events.kinds(), []);
}

#[tokio::test]
async fn n73_signing_out_twice_ends_once() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    let mut tab = alice.clone();
    assert_signed_out(&alice.post("/session/end", "").await);
    assert_signed_out(&alice.post("/session/end", "").await);
    assert_signed_out(&tab.post("/session/end", "").await);
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn n44_late_sign_out_keeps_reason_of_end() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    let dead = token(&alice);
    world.clock.advance(minutes(15));
    assert_signed_out(&alice.post("/session/end", "").await);
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    match world.lookup(&dead) {
        Lookup::Ended(ended) => assert_eq!(ended.reason, EndReason::IdleTimeout),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn signing_out_keeps_subjects_other_sessions() {
    let world = World::new();
    let mut laptop = world.alice(Router::new()).await;
    let mut phone = world.alice(Router::new()).await;
    let mut bob = signed_in(world.client(Router::new()), "bob").await;
    assert_signed_out(&laptop.post("/session/end", "").await);
    assert_eq!(verdict(&mut phone).await, "ok");
    assert_eq!(verdict(&mut bob).await, "ok");
}

#[tokio::test]
async fn l08_sign_out_during_outage_is_503_and_repeatable() {
    let world = World::remote();
    let mut alice = world.alice(Router::new()).await;
    world.store.fail();
    let answer = alice.post("/session/end", "").await;
    assert_eq!(outcome(&answer), "503 store_unavailable");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.header("clear-site-data"), None);
    assert!(set_cookies(&answer).is_empty());
    world.store.heal();
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_signed_out(&alice.post("/session/end", "").await);
    assert_eq!(world.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn n73_what_browser_clears_is_a_setting() {
    for (clear, expected) in [
        (&[][..], None),
        (&[SiteData::Storage], Some(r#""storage""#)),
        (
            &[SiteData::Cache, SiteData::CookiesOfAllSubdomains],
            Some(r#""cache", "cookies""#),
        ),
    ] {
        let world = World::new();
        let routes = session_endpoints_clearing("/own", clear);
        let mut alice = world.alice(routes).await;
        let answer = alice.post("/own/end", "").await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("clear-site-data"), expected);
        assert!(removes_cookie(&answer));
    }
}
