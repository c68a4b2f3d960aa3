//! `token_refresh()` and `clamp_expiry`: refreshing keeps nobody signed in, and no
//! token outlives its session.

use axum::routing::{get, post};
use axum::{Json, Router};
use dwell_axum::*;
use http::Method;

use crate::support::{Client, World, outcome};

/// Routes that refresh: one takes the session, one forgets to.
fn refreshing() -> Router {
    let seconds = |at: Timestamp| Json(at.as_seconds());
    Router::new()
        .route("/page", get(async |_: Session| ()))
        .route(
            "/refresh",
            post(async move |session: Session| {
                let now = session.deadlines().unwrap().now;
                seconds(session.clamp_expiry(now + minutes(5)))
            })
            .layer(token_refresh()),
        )
        .route("/careless", post(async || "tokens").layer(token_refresh()))
        .route(
            "/leave",
            post(async move |session: Session| {
                session.sign_out().await.unwrap();
                seconds(session.clamp_expiry(Timestamp::MAX))
            }),
        )
}

#[tokio::test]
async fn l02_refresh_keeps_nobody_signed_in() {
    let world = World::new();
    for path in ["/refresh", "/careless"] {
        let mut alice = world.alice(refreshing()).await;
        for _ in 0..14 {
            world.clock.advance(minutes(1));
            // No request declares itself active here.
            let active = [("session-activity", "active")];
            let answer = alice.send(Method::POST, path, &active, "").await;
            assert_eq!(outcome(&answer), "ok");
        }
        world.clock.advance(minutes(1));
        let answer = alice.post(path, "").await;
        assert_eq!(outcome(&answer), "401 idle_timeout", "{path}");
    }
}

#[tokio::test]
async fn n100_token_lives_no_longer_than_session() {
    let world = World::new();
    let mut alice = world.alice(refreshing()).await;
    let began = world.clock.now();
    let exp = async |alice: &mut Client| -> u64 {
        let answer = alice.post("/refresh", "").await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.text().parse().unwrap()
    };
    let after = |time| (began + time).as_seconds();
    assert_eq!(exp(&mut alice).await, after(minutes(5)));
    world.clock.advance(minutes(13));
    assert_eq!(
        exp(&mut alice).await,
        after(minutes(15)),
        "the idle deadline"
    );
    for _ in 0..38 {
        assert_eq!(outcome(&alice.get("/page").await), "ok");
        world.clock.advance(minutes(12));
    }
    alice.get("/page").await;
    world.clock.advance(minutes(8));
    assert_eq!(
        exp(&mut alice).await,
        after(hours(8)),
        "the absolute deadline"
    );
}

#[tokio::test]
async fn token_of_ended_session_has_expired() {
    let world = World::new();
    let mut alice = world.alice(refreshing()).await;
    assert_eq!(alice.post("/leave", "").await.text(), "0");
    let answer = alice.post("/careless", "").await;
    assert_eq!(outcome(&answer), "401 session_required");
}
