//! Requests of sessions with a copy.

use dwell_core::store::SessionStore;
use dwell_core::{EndReason, EventKind, SessionManager, Token, minutes, seconds};
use http::Method;
use tower::ServiceExt;

use super::{MS, Near};
use crate::support::{called, get, outcome, poll_once, stack};

impl Near {
    /// The manager of this node.
    pub(super) fn manager(&self) -> SessionManager {
        let cache = self.cache.clone();
        self.world.local.map_store(|_| cache)
    }

    /// Replaces a session's token on another node. The change is not delivered.
    pub(super) async fn rotate_elsewhere(&self, token: &Token) -> Token {
        let app = self.world.app(&self.world.local);
        let answer = app.oneshot(get("/rotate", token)).await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let (_, rest) = cookie.split_once('=').unwrap();
        Token::parse(&rest.as_bytes()[..Token::LENGTH]).expect("a token")
    }
}

#[tokio::test(start_paused = true)]
async fn request_of_hot_session_asks_no_store_and_never_waits() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let token = near.copied().await;
    let mut app = near.world.app_of(&stack);
    for _ in 0..10 {
        near.advance(100 * MS).await;
        let request = async {
            let mut answer = called(&mut app, get("/", &token)).await;
            poll_once(&mut answer).await
        };
        let (calls, answer) = near.calls(request).await;
        assert!(answer.is_ready());
        assert_eq!(calls, 0);
    }
}

/// The time left goes by the store's clock also if a copy answered.
#[tokio::test(start_paused = true)]
async fn l11_remaining_time_is_as_if_store_had_answered() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let token = near.copied().await;
    let mut client = near.world.client(&stack, &token);
    let passive = [("session-activity", "passive")];
    for left in ["898", "897"] {
        near.advance(seconds(1)).await;
        near.advance(MS).await;
        let answer = client.send(Method::GET, "/", &passive, "").await;
        let remaining = answer.header("session-timeout").unwrap();
        assert!(
            remaining.starts_with(&format!("idle={left},")),
            "{remaining}"
        );
    }
    assert_eq!(near.world.store.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn l02_activity_of_hot_session_is_recorded_within_second() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let token = near.copied().await;
    let mut client = near.world.client(&stack, &token);
    for _ in 0..20 {
        near.advance(seconds(1)).await;
        assert_eq!(outcome(&client.get("/").await), "ok");
        tokio::task::yield_now().await;
        tokio::time::advance(seconds(1)).await;
        tokio::task::yield_now().await;
    }
    let idle = near.world.now() - near.world.last_active(&token);
    assert!(idle <= seconds(15), "{idle:?}");
    // Look-ups every five seconds, and a touch every fifteen.
    assert_eq!(
        (near.world.store.reads(), near.world.store.writes()),
        (6, 1)
    );
}

/// A copy answers the request, and its touch waits like any other.
#[tokio::test(start_paused = true)]
async fn touch_of_hot_session_waits_for_look_up() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let token = near.copied().await;
    let mut client = near.world.client(&stack, &token);
    assert_eq!(outcome(&client.get("/").await), "ok");
    near.advance(seconds(14)).await;
    near.find(&token).await;
    near.advance(seconds(1)).await;
    let (calls, answer) = near.calls(client.get("/")).await;
    assert_eq!((calls, outcome(&answer).as_str()), (0, "ok"));
    tokio::task::yield_now().await;
    assert_eq!(near.world.store.writes(), 0);
    near.advance(seconds(4)).await;
    assert!(!near.answers(&token));
    let (calls, answer) = near.calls(client.get("/")).await;
    assert_eq!((calls, outcome(&answer).as_str()), (1, "ok"));
    assert_eq!(near.world.store.writes(), 1);
    assert_eq!(
        near.world.last_active(&token),
        near.world.now() - seconds(4)
    );
}

#[tokio::test(start_paused = true)]
async fn l04_session_ended_elsewhere_is_refused_once_delivered() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let token = near.copied().await;
    let mut client = near.world.client(&stack, &token);
    assert_eq!(outcome(&client.get("/").await), "ok");
    let end = EndReason::Revoked.into();
    near.other().end(token.key(), end).await.unwrap();
    near.shared.pulse().await;
    assert_eq!(outcome(&client.get("/").await), "revoked");
}

/// The new token comes to a node before the change: by its old copy, the node
/// would take the token for a stolen one and end the session.
#[tokio::test(start_paused = true)]
async fn l10_token_issued_elsewhere_is_good_before_delivery() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let old = near.copied().await;
    let new = near.rotate_elsewhere(&old).await;
    assert!(near.answers(&old), "nothing was delivered");
    for _ in 0..2 {
        let mut client = near.world.client(&stack, &new);
        let (calls, answer) = near.calls(client.get("/")).await;
        assert_eq!(outcome(&answer), "ok");
        assert!(calls > 0, "the store itself was asked");
    }
    assert_eq!(near.world.events.ends(), []);
    assert!(near.world.record(&new).credential.confirmed);
}

#[tokio::test(start_paused = true)]
async fn l10_stolen_token_ends_cached_session_too() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let old = near.copied().await;
    let new = near.rotate_elsewhere(&old).await;
    assert_eq!(
        outcome(&near.world.client(&stack, &new).get("/").await),
        "ok"
    );
    near.shared.pulse().await;
    near.advance(minutes(1)).await;
    assert_eq!(
        outcome(&near.world.client(&stack, &new).get("/").await),
        "ok"
    );
    assert!(near.answers(&new));
    let mut thief = near.world.client(&stack, &old);
    assert_eq!(outcome(&thief.get("/").await), "token_reuse");
    assert_eq!(near.world.events.count(EventKind::SessionExpired), 1);
    let mut owner = near.world.client(&stack, &new);
    assert_eq!(outcome(&owner.get("/").await), "token_reuse");
}

/// A copy answers while the store is down, as long as the feed confirms it. After
/// that nobody gets in.
#[tokio::test(start_paused = true)]
async fn l08_nobody_gets_in_with_watch_lost_and_store_down() {
    let near = Near::new();
    let stack = stack(&near.manager());
    let token = near.copied().await;
    let mut client = near.world.client(&stack, &token);
    assert_eq!(outcome(&client.get("/").await), "ok");
    near.world.store.fail();
    assert_eq!(outcome(&client.get("/").await), "ok");
    near.shared.break_off();
    tokio::task::yield_now().await;
    let answer = client.get("/").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("set-cookie"), None);
}
