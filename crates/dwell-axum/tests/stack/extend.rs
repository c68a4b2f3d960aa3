//! `POST /session/extend`: staying signed in at the subject's explicit request.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::post;
use dwell_axum::*;

use crate::support::{
    World, client, document, idle_left, outcome, post_with, removes_cookie, set_cookies, signed_in,
    token, verdict,
};

#[tokio::test]
async fn extension_is_activity_now_and_event() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(14));
    world.events.clear();
    let answer = alice.post("/session/extend", "").await;
    let now = document(&answer);
    assert_eq!(now["remaining_ms"], 15 * 60_000);
    assert_eq!(now["idle_deadline"], "2026-01-01T00:29:00.000Z");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(idle_left(&answer), 900);
    assert_eq!(world.idle(&alice), minutes(0));

    let events = world.events.events();
    let [renewed] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(renewed.event, EventKind::SessionRenewed);
    assert_eq!(renewed.subject, Some("alice".into()));
    assert_eq!(renewed.route.as_deref(), Some("/session/extend"));
    assert_eq!(renewed.idle_ms, Some(14 * 60_000));
}

#[tokio::test]
async fn extension_needs_no_body_and_no_media_type() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(5));
    let same_origin = [("sec-fetch-site", "same-origin")];
    let answer = alice
        .send(http::Method::POST, "/session/extend", &same_origin, "")
        .await;
    assert_eq!(document(&answer)["remaining_ms"], 15 * 60_000);
}

#[tokio::test]
async fn session_can_be_extended_repeatedly() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    for _ in 0..30 {
        world.clock.advance(minutes(14));
        let now = document(&alice.post("/session/extend", "").await);
        assert_eq!(now["remaining_ms"], 15 * 60_000);
    }
    assert_eq!(world.events.count(EventKind::SessionRenewed), 30);
}

#[tokio::test]
async fn l03_extension_does_not_move_absolute_deadline() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    for _ in 0..34 {
        world.clock.advance(minutes(14));
        let now = document(&alice.post("/session/extend", "").await);
        assert_eq!(now["absolute_deadline"], "2026-01-01T08:00:00.000Z");
    }
    // 7 hours and 56 minutes have passed.
    world.clock.advance(minutes(4));
    let late = alice.post("/session/extend", "").await;
    assert_eq!(outcome(&late), "401 absolute_timeout");
}

#[tokio::test]
async fn extension_within_granularity_answers_recorded_state() {
    let world = World::remote();
    let mut alice = world.alice(Router::new()).await;
    let writes = world.store.writes();
    world.clock.advance(seconds(14));
    let now = document(&alice.post("/session/extend", "").await);
    assert_eq!(now["remaining_ms"], 900_000 - 14_000);
    world.stack.flush().await;
    assert_eq!(world.store.writes(), writes);
    world.clock.advance(seconds(1));
    let now = document(&alice.post("/session/extend", "").await);
    assert_eq!(now["remaining_ms"], 900_000);
    world.stack.flush().await;
    assert_eq!(world.store.writes(), writes + 1);
}

#[tokio::test]
async fn prefetched_or_passive_extension_extends_nothing() {
    for field in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("session-activity", "passive"),
        ("session-activity", "ACTIVE"),
        ("session-activity", "active, active"),
        ("session-activity", ""),
        ("sec-secure-session-id", "s1"),
    ] {
        let world = World::new();
        let mut alice = world.alice(Router::new()).await;
        let before = world.record(&alice);
        world.clock.advance(minutes(10));
        let answer = post_with(&mut alice, "/session/extend", &[field], "").await;
        assert_eq!(document(&answer)["remaining_ms"], 300_000, "{field:?}");
        assert_eq!(world.record(&alice), before, "{field:?}");
        assert_eq!(
            world.events.count(EventKind::SessionRenewed),
            0,
            "{field:?}"
        );
    }
}

#[tokio::test]
async fn l17_extension_declared_twice_is_passive() {
    let world = World::new();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    let twice = [
        ("session-activity", "active"),
        ("session-activity", "active"),
    ];
    let answer = post_with(&mut alice, "/session/extend", &twice, "").await;
    assert_eq!(document(&answer)["remaining_ms"], 300_000);
}

#[tokio::test]
async fn extension_counts_where_unmarked_requests_do_not() {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let strict = default.unmarked(Unmarked::Passive);
    let world = World::with(PolicySet::builder(strict).build().unwrap());
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    assert_eq!(alice.get("/").await.status, 200);
    assert_eq!(world.idle(&alice), minutes(10));
    let now = document(&alice.post("/session/extend", "").await);
    assert_eq!(now["remaining_ms"], 15 * 60_000);
}

#[tokio::test]
async fn n41_extension_after_end_is_401_with_reason() {
    let world = World::new();
    let mut idle = world.alice(Router::new()).await;
    let dead = token(&idle);
    world.clock.advance(minutes(15));
    let answer = idle.post("/session/extend", "").await;
    assert_eq!(outcome(&answer), "401 idle_timeout");
    assert!(
        set_cookies(&answer).is_empty(),
        "the page asks, not the person"
    );
    assert_eq!(answer.header("session-timeout"), None);
    // Again with the same token: the session is still ended.
    idle.set_cookie(crate::support::COOKIE, &dead);
    let again = idle.post("/session/extend", "").await;
    assert_eq!(outcome(&again), "401 idle_timeout");

    let mut out = world.alice(Router::new()).await;
    let mut tab = out.clone();
    assert_eq!(out.post("/session/end", "").await.status, 204);
    assert_eq!(
        outcome(&tab.post("/session/extend", "").await),
        "401 signed_out"
    );

    let mut other = world.alice(Router::new()).await;
    let key = world.record(&other).key;
    let revoked = world.manager.end_session(key, EndReason::Revoked).await;
    assert!(revoked.unwrap());
    assert_eq!(
        outcome(&other.post("/session/extend", "").await),
        "401 revoked"
    );
    assert_eq!(world.events.count(EventKind::SessionRenewed), 0);
}

/// The session is live when the request arrives, and has ended when the endpoint
/// extends it.
#[tokio::test]
async fn n41_extension_overtaken_by_end_is_401_with_reason() {
    let world = World::new();
    let manager = world.manager.clone();
    let overtake = from_fn(move |request: Request, next: Next| {
        let manager = manager.clone();
        async move {
            let handle = request.extensions().get::<SessionState>().cloned();
            let key = handle.and_then(|handle| handle.record()).map(|r| r.key);
            if let (Some(key), "/session/extend") = (key, request.uri().path()) {
                manager.end_session(key, EndReason::Revoked).await.unwrap();
            }
            next.run(request).await
        }
    });
    let app = Router::new()
        .route("/login", post(crate::support::login))
        .merge(session_endpoints())
        .layer(overtake)
        .layer(world.stack.clone());
    let mut alice = signed_in(client(app), "alice").await;
    world.clock.advance(minutes(1));
    let answer = alice.post("/session/extend", "").await;
    assert_eq!(world.events.count(EventKind::SessionRenewed), 0);
    assert_eq!(outcome(&answer), "401 revoked");
    assert!(removes_cookie(&answer));
}

#[tokio::test]
async fn l08_extension_without_store_is_503_and_loses_nothing() {
    let world = World::remote();
    let mut alice = world.alice(Router::new()).await;
    world.clock.advance(minutes(10));
    world.store.fail();
    let answer = alice.post("/session/extend", "").await;
    assert_eq!(outcome(&answer), "503 store_unavailable");
    assert!(answer.header("retry-after").is_some());
    assert!(set_cookies(&answer).is_empty());
    world.store.heal();
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_eq!(world.idle(&alice), minutes(10));
}
