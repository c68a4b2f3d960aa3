//! How sessions end on either side, and what comes after.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use dwell_core::{EndReason, Token, minutes};
use dwell_test_support::{left, outcome};
use dwell_tower_sessions::LINK;
use tokio::time::timeout;
use tower::ServiceExt;
use tower_sessions::SessionStore;

use crate::support::{Client, PATIENCE, worlds};

#[tokio::test]
async fn n97_login_works_after_idle_timeout() {
    for world in worlds() {
        let mut alice = world.alice().await;
        for _ in 0..3 {
            assert_eq!(alice.get("/").await.text(), "alice");
            world.clock.advance(minutes(15));
            assert_eq!(outcome(&alice.get("/theirs").await), "idle_timeout");
            assert_eq!(
                alice.get("/login").await.text(),
                "nobody",
                "no way in circles"
            );
            alice.get("/login/alice").await;
        }
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 3]);
    }
}

/// The first request after the end is the login.
#[tokio::test]
async fn n97_login_as_first_request_after_end_gets_new_id() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let id = alice.cookie("id").unwrap().to_owned();
        world.clock.advance(minutes(15));
        // The handler does not ask for one: axum-login's does not, over a login.
        alice.get("/login/alice/same-id").await;
        assert_eq!(alice.get("/").await.text(), "alice");
        assert_ne!(alice.cookie("id").unwrap(), id);
    }
}

/// Each request of theirs that finds the session dead signs the user out.
#[tokio::test]
async fn n97_end_costs_owner_no_round_trip_beyond_its_own() {
    for world in worlds() {
        let mut alice = world.alice().await;
        alice.get("/").await;
        world.theirs.calls();
        alice.get("/").await;
        assert_eq!(world.theirs.calls(), 1, "live: their own look-up");
        world.clock.advance(minutes(15));
        // Another node was first.
        world.manager.reap(100).await.unwrap();
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
        assert_eq!(outcome(&alice.get("/").await), "idle_timeout");
        assert_eq!(world.theirs.calls(), 2, "dead: and their own write");
        assert_eq!(world.their_user(&alice).await, None);
    }
}

#[tokio::test]
async fn l13_refused_poll_keeps_reason_and_cookie() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let id = alice.cookie("id").unwrap().to_owned();
        world.clock.advance(minutes(15));
        for _ in 0..3 {
            assert_eq!(outcome(&alice.get("/poll").await), "idle_timeout");
        }
        assert_eq!(alice.cookie("id"), Some(&*id));
        assert_eq!(outcome(&alice.get("/").await), "idle_timeout");
        assert_eq!(outcome(&alice.get("/").await), "session_required");
    }
}

#[tokio::test]
async fn n98_other_user_is_new_session() {
    for world in worlds() {
        let mut client = world.alice().await;
        world.clock.advance(minutes(10));
        client.get("/switch/bob").await;
        assert_eq!(world.events.ends(), [EndReason::Superseded]);
        let answer = client.get("/").await;
        assert_eq!(
            (answer.text(), left(&answer)),
            ("bob".into(), (900, 28_800))
        );
        let list = async |name: &str| world.manager.list(&name.into()).await.unwrap().len();
        assert_eq!((list("alice").await, list("bob").await), (0, 1));
    }
}

#[tokio::test]
async fn n100_cycle_id_starts_no_fresh_timeouts() {
    for world in worlds() {
        let mut alice = world.alice().await;
        world.clock.advance(minutes(10));
        let id = alice.cookie("id").unwrap().to_owned();
        alice.get("/cycle").await;
        assert_ne!(alice.cookie("id").unwrap(), id);
        let answer = alice.get("/").await;
        assert_eq!(
            (answer.text(), left(&answer)),
            ("alice".into(), (900, 28_200))
        );
        assert_eq!(world.memory.len(), 1);
    }
}

#[tokio::test]
async fn n101_unknown_link_is_dead_and_never_adopted() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let mut record = world.record(&alice).await.unwrap();
        let unknown = Token::generate().unwrap();
        for link in [unknown.expose().into(), "x".into(), 7.into()] {
            record.data.insert("user".into(), "alice".into());
            record.data.insert(LINK.into(), link);
            world.theirs.inner.save(&record).await.unwrap();
            let before = world.memory.len();
            assert_eq!(outcome(&alice.get("/theirs").await), "session_required");
            assert_eq!(world.their_user(&alice).await, None);
            assert_eq!(alice.get("/theirs").await.text(), "nobody");
            assert_eq!(world.memory.len(), before, "none is started");
        }
        alice.get("/login/alice").await;
        assert_eq!(alice.get("/").await.text(), "alice");
    }
}

#[tokio::test]
async fn n103_their_logout_closes_streams_as_signed_out() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let request = Request::get("/session/events").header("cookie", cookie(&alice));
        let open = world.app().oneshot(request.body(Body::empty()).unwrap());
        let open = open.await.unwrap();
        assert_eq!(open.status(), 200);
        alice.get("/logout").await;
        let events = timeout(PATIENCE, to_bytes(open.into_body(), 10_000)).await;
        let events = events.expect("the stream ends").unwrap();
        let events = String::from_utf8_lossy(&events);
        assert!(events.contains("signed_out"), "{events}");
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
        assert!(world.record(&alice).await.is_none());
    }
}

/// A session of theirs that is gone where Dwell does not see it.
#[tokio::test]
async fn n103_end_linked_closes_with_owners_reason() {
    for world in worlds() {
        let alice = world.alice().await;
        let record = world.record(&alice).await.unwrap();
        let link = record.data[LINK].as_str().unwrap();
        let reason = EndReason::IdpLogout;
        assert!(world.manager.end_linked(link, reason).await.unwrap());
        assert_eq!(world.events.ends(), [EndReason::IdpLogout]);
    }
}

#[tokio::test]
async fn l19_our_sign_out_flushes_theirs() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let before = alice.clone();
        assert_eq!(alice.post("/session/end", "").await.status, 204);
        assert_eq!(alice.cookie("id"), None);
        assert!(world.record(&before).await.is_none());
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    }
}

/// L19: the way out is open when the session is over, and when it is unknown.
#[tokio::test]
async fn l19_sign_out_after_end_clears_browser() {
    for world in worlds() {
        for (is_told, is_known) in [(false, true), (true, true), (false, false)] {
            let mut alice = world.alice().await;
            if is_known {
                world.clock.advance(minutes(15));
            } else {
                let mut record = world.record(&alice).await.unwrap();
                record.data.insert(LINK.into(), "unknown".into());
                world.theirs.inner.save(&record).await.unwrap();
            }
            if is_told {
                assert_eq!(outcome(&alice.get("/").await), "idle_timeout");
            }
            let before = alice.clone();
            assert_eq!(alice.post("/session/end", "").await.status, 204);
            assert_eq!(alice.cookie("id"), None);
            assert!(world.record(&before).await.is_none());
            assert_eq!(alice.post("/session/end", "").await.status, 204);
        }
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 2]);
    }
}

/// L9: their store gets no secret that opens anything without it, and Dwell's none of
/// theirs.
#[tokio::test]
async fn link_is_theirs_alone() {
    for world in worlds() {
        let alice = world.alice().await;
        let record = world.record(&alice).await.unwrap();
        let mut thief = world.client();
        thief.set_cookie("id", record.data[LINK].as_str().unwrap());
        thief.set_cookie("__Host-session", record.data[LINK].as_str().unwrap());
        assert_eq!(outcome(&thief.get("/").await), "session_required");
    }
}

/// The header that the client sends.
fn cookie(client: &Client) -> String {
    format!("id={}", client.cookie("id").unwrap())
}
