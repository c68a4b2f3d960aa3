//! What happens at the same time on both sides.

use dwell_core::{EndReason, Selection, minutes, seconds};
use dwell_test_support::{left, outcome};

use tokio::time::timeout;

use crate::support::{PATIENCE, worlds};

#[tokio::test]
async fn l04_sign_out_during_touch_stays_signed_out() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let tab = alice.clone();
        world.clock.advance(minutes(5));
        let touching = world.hold(&tab, "/hold").await;
        alice.get("/logout").await;
        // Nobody releases it: it is stopped.
        let stopped = timeout(PATIENCE, touching).await.expect("it is stopped");
        assert_eq!(outcome(&stopped.unwrap()), "signed_out");
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
        assert_eq!(outcome(&tab.clone().get("/").await), "session_required");
    }
}

/// tower-sessions writes whole records: a request that was under way brings back what
/// the logout deleted. Its link is dead.
#[tokio::test]
async fn l04_record_that_comes_back_after_logout_opens_nothing() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let mut tab = alice.clone();
        let writing = world.hold(&tab, "/hold-and-write").await;
        alice.get("/logout").await;
        // Their store has it again, as a handler that writes by itself leaves it.
        let record = world.record(&tab).await;
        assert!(record.is_none(), "deleted");
        world.pause.release(1);
        writing.await.unwrap();
        assert_eq!(
            world.their_user(&tab).await.as_deref(),
            Some("alice"),
            "back"
        );
        assert_eq!(outcome(&tab.get("/theirs").await), "signed_out");
        assert_eq!(world.their_user(&tab).await, None);
        assert_eq!(tab.get("/theirs").await.text(), "nobody");
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    }
}

#[tokio::test]
async fn n100_cycle_id_during_touch_loses_neither() {
    for world in worlds() {
        let mut alice = world.alice().await;
        world.clock.advance(minutes(10));
        let touching = world.hold(&alice.clone(), "/hold").await;
        alice.get("/cycle").await;
        world.pause.release(1);
        assert_eq!(touching.await.unwrap().status, 200);
        world.stack.flush().await;
        world.clock.advance(minutes(10));
        let answer = alice.get("/").await;
        assert_eq!(left(&answer), (900, 27_600));
        assert_eq!(world.memory.len(), 1);
    }
}

/// A request that was under way when the id changed writes the old record. Both ids
/// have the same link, so both have the same session.
#[tokio::test]
async fn n100_old_id_that_comes_back_shares_the_session() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let mut tab = alice.clone();
        let writing = world.hold(&tab, "/hold-and-write").await;
        alice.get("/cycle").await;
        world.pause.release(1);
        writing.await.unwrap();
        assert_eq!(tab.get("/").await.text(), "alice");
        assert_eq!(world.memory.len(), 1);
        alice.get("/logout").await;
        assert_eq!(outcome(&tab.get("/").await), "signed_out");
    }
}

#[tokio::test]
async fn l01_extension_at_deadline_is_too_late_on_both_sides() {
    for world in worlds() {
        let mut alice = world.alice().await;
        world.clock.advance(minutes(15) - seconds(1));
        assert_eq!(alice.post("/session/extend", "").await.status, 200);
        world.clock.advance(minutes(15));
        let (mut one, mut two) = (alice.clone(), alice.clone());
        let (one, two) = tokio::join!(one.post("/session/extend", ""), two.get("/"));
        assert_eq!(outcome(&one), "idle_timeout");
        assert_eq!(outcome(&two), "idle_timeout");
        assert_eq!(world.their_user(&alice).await, None);
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    }
}

/// A request from before the end writes the user back. The next one signs out again.
#[tokio::test]
async fn l04_record_that_comes_back_after_timeout_opens_nothing() {
    for world in worlds() {
        let mut alice = world.alice().await;
        let mut tab = alice.clone();
        let writing = world.hold(&tab, "/hold-and-write").await;
        let (alice_id, reason) = ("alice".into(), EndReason::Revoked);
        let all = Selection::All;
        world
            .manager
            .end_sessions(&alice_id, all, reason)
            .await
            .unwrap();
        assert_eq!(outcome(&alice.get("/").await), "revoked");
        assert_eq!(world.their_user(&alice).await, None);
        world.pause.release(1);
        writing.await.unwrap();
        assert_eq!(
            world.their_user(&alice).await.as_deref(),
            Some("alice"),
            "back"
        );
        assert_eq!(outcome(&tab.get("/theirs").await), "revoked");
        assert_eq!(world.their_user(&tab).await, None);
    }
}

/// Two logins from one browser: each has its session, none is left without a cookie
/// of theirs.
#[tokio::test]
async fn logins_at_once_have_a_session_each() {
    for world in worlds() {
        let client = world.client();
        let (mut one, mut two) = (client.clone(), client);
        tokio::join!(one.get("/login/alice"), two.get("/login/alice"));
        assert_eq!(world.memory.len(), 2);
        assert_eq!(one.get("/").await.text(), "alice");
        one.get("/logout").await;
        assert_eq!(two.get("/").await.text(), "alice");
    }
}
