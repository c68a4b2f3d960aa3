//! How linked sessions end, on either side, and what comes after.

use dwell_core::{EndReason, Token, minutes};

use super::owner::{LINK, Owner, USER};
use super::{FRESH, worlds};
use crate::support::outcome;

#[tokio::test]
async fn n103_flush_ends_linked_session_as_signed_out() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        let link = owner.link();
        client.get("/flush").await;
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
        assert_eq!(client.get("/").await.text(), "nobody");
        assert_eq!(owner.all(LINK), [""; 0]);
        client.get("/login/alice").await;
        assert_eq!(client.get("/").await.text(), "alice");
        assert_ne!(owner.link().key(), link.key(), "another session");
        assert_eq!(world.memory.len(), 2);
    }
}

#[tokio::test]
async fn n97_idle_timeout_signs_owner_out_and_login_works() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        for _ in 0..2 {
            client.get("/login/alice").await;
            assert_eq!(client.get("/").await.text(), "alice");
            world.clock.advance(minutes(15));
            assert_eq!(outcome(&client.get("/").await), "idle_timeout");
            assert_eq!(owner.all(USER), [""; 0], "the owner's user is signed out");
            assert_eq!(client.get("/").await.text(), "nobody");
        }
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout; 2]);
    }
}

/// L13: the owner's session is no reason to forget why Dwell's ended.
#[tokio::test]
async fn l13_user_learns_reason_after_poll_was_refused() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        world.clock.advance(minutes(15));
        assert_eq!(outcome(&client.get("/").await), "idle_timeout");
        assert_eq!(client.get("/").await.text(), "nobody", "public pages go on");
        assert_eq!(outcome(&client.get("/demand").await), "idle_timeout");
        assert_eq!(outcome(&client.get("/demand").await), "session_required");
        assert_eq!(owner.all(LINK), [""; 0]);
    }
}

/// The first request after the end is the login itself: the owner must see its user
/// come anew, under a new id.
#[tokio::test]
async fn n97_login_as_first_request_after_end_is_kept() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        let first = owner.link();
        world.clock.advance(minutes(15));
        assert_eq!(client.get("/login/alice").await.status, 200);
        assert_eq!(client.get("/").await.text(), "alice");
        assert_ne!(owner.link().key(), first.key());
        assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    }
}

#[tokio::test]
async fn n101_unknown_link_is_dead_and_never_adopted() {
    for link in [Token::generate().unwrap().expose(), "no token"] {
        for (world, manager) in worlds() {
            let owner = Owner::default();
            owner.write(&[(USER, "alice"), (LINK, link)]);
            let mut client = owner.client(&manager);
            assert_eq!(outcome(&client.get("/").await), "session_required");
            assert_eq!((owner.all(LINK), owner.all(USER)), (vec![], vec![]));
            assert_eq!(client.get("/").await.text(), "nobody");
            assert!(world.memory.is_empty());
            client.get("/login/alice").await;
            assert_eq!(client.get("/").await.text(), "alice");
        }
    }
}

/// The owner gave its new login the old id.
#[tokio::test]
async fn n97_unseen_login_after_end_is_new_session() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        owner.write(&[(USER, "alice")]);
        client.get("/").await;
        for _ in 0..2 {
            world.clock.advance(minutes(15));
            assert_eq!(outcome(&client.get("/").await), "idle_timeout");
            let link = owner.all(LINK).remove(0);
            owner.write(&[(USER, "alice"), (LINK, &link)]);
            let answer = client.get("/demand").await;
            assert_eq!(answer.text(), "alice");
            assert_eq!(answer.header("session-timeout").unwrap(), FRESH);
        }
    }
}

#[tokio::test]
async fn l19_sign_out_flushes_owner() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        client.get("/sign-out").await;
        assert_eq!((owner.all(LINK), owner.all(USER)), (vec![], vec![]));
        assert_eq!(client.get("/").await.text(), "nobody");
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
    }
}

#[tokio::test]
async fn n103_started_session_without_owners_user_ends_at_once() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/start/alice").await;
        assert_eq!(world.events.ends(), [EndReason::SignedOut]);
        assert_eq!(client.get("/").await.text(), "nobody");
        assert_eq!(owner.all(LINK), [""; 0]);
    }
}

#[tokio::test]
async fn end_linked_closes_with_owners_reason() {
    for (world, manager) in worlds() {
        let owner = Owner::default();
        let mut client = owner.client(&manager);
        client.get("/login/alice").await;
        let link = owner.all(LINK).remove(0);
        let reason = EndReason::Revoked;
        assert!(manager.end_linked(&link, reason).await.unwrap());
        assert!(!manager.end_linked(&link, reason).await.unwrap());
        assert!(!manager.end_linked("no link", reason).await.unwrap());
        assert_eq!(world.events.ends(), [EndReason::Revoked]);
        assert_eq!(outcome(&client.get("/").await), "revoked");
    }
}
