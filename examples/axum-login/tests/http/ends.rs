//! Signing out on either side, another user, and stores that forget.

use dwell_axum::{EndReason, ManualClock, MemoryStore, Selection, minutes};
use dwell_sqlx::SqliteStore;
use dwell_test_support::Folder;

use crate::node::{Node, Theirs, led_to_login, sign_in};

#[tokio::test]
async fn n97_axum_login_user_gets_back_in_after_idle_timeout() {
    let (node, clock) = Node::start().await;
    let alice = node.alice().await;
    for _ in 0..2 {
        clock.advance(minutes(15));
        led_to_login(&alice, "idle_timeout").await;
        sign_in(&alice, "alice").await;
    }
    assert_eq!(node.events.ends(), [EndReason::IdleTimeout; 2]);
}

/// The login page was open when the session ended. axum-login takes the user for
/// signed in, and changes nothing in its data.
#[tokio::test]
async fn n97_login_form_that_was_open_at_end_works() {
    let (node, clock) = Node::start().await;
    let alice = node.browser();
    let form = alice.visit("/login").await.form("/login");
    sign_in(&alice, "alice").await;
    let id = alice.cookie("id");
    clock.advance(minutes(15));
    let form = form.with("username", "alice").with("password", "secret");
    assert_eq!(alice.submit(&form).await.location(), "/");
    assert_eq!(alice.visit("/").await.text(), "Hello alice");
    assert_ne!(alice.cookie("id"), id);
}

#[tokio::test]
async fn n103_axum_login_logout_ends_session_as_signed_out() {
    let (node, _clock) = Node::start().await;
    let alice = node.alice().await;
    let mut stream = node.stream(&alice).await;
    stream.until("session-status").await;
    assert_eq!(alice.visit("/logout").await.location(), "/login");
    let end = stream.rest().await;
    assert!(end.contains("signed_out"), "{end}");
    assert_eq!(node.events.ends(), [EndReason::SignedOut]);
    assert_eq!(alice.fetch("/unread").await.reason(), "session_required");
}

#[tokio::test]
async fn l19_session_end_signs_out_at_axum_login() {
    let (node, _clock) = Node::start().await;
    let alice = node.alice().await;
    let thief = node.tab_of(&alice);
    assert_eq!(alice.post("/session/end", "").await.status, 204);
    assert_eq!(alice.cookie("id"), None);
    assert_eq!(alice.visit("/").await.location(), "/login?next=%2F");
    assert_eq!(thief.visit("/").await.location(), "/login?next=%2F");
    assert_eq!(node.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn revoked_user_is_signed_out_at_axum_login() {
    let (node, _clock) = Node::start().await;
    let alice = node.alice().await;
    let (id, reason) = ("1".into(), EndReason::Revoked);
    let ended = node
        .sessions
        .end_sessions(&id, Selection::All, reason)
        .await;
    assert_eq!(ended.unwrap(), 1);
    led_to_login(&alice, "revoked").await;
}

#[tokio::test]
async fn n98_login_over_other_user_is_new_session() {
    let (node, clock) = Node::start().await;
    let browser = node.browser();
    let form = browser.visit("/login").await.form("/login");
    sign_in(&browser, "alice").await;
    clock.advance(minutes(6));
    let form = form.with("username", "bob").with("password", "secret");
    assert_eq!(browser.submit(&form).await.location(), "/");
    assert_eq!(browser.visit("/").await.text(), "Hello bob");
    assert_eq!(node.events.ends(), [EndReason::Superseded]);
    // Alice's password was too long ago; bob's was not.
    assert_eq!(browser.post("/transfer", "{}").await.text(), "done");
}

#[tokio::test]
async fn n101_restart_of_dwells_store_in_memory_revives_nobody() {
    let theirs = Theirs::default();
    let clock = ManualClock::new();
    let first = Node::over(&theirs, MemoryStore::with_clock(clock.clone())).await;
    let (alice, bob) = (first.alice().await, first.browser());
    sign_in(&bob, "bob").await;
    clock.advance(minutes(15));
    led_to_login(&alice, "idle_timeout").await;
    drop(first);
    let second = Node::over(&theirs, MemoryStore::with_clock(clock)).await;
    for browser in [alice, bob] {
        let browser = second.tab_of(&browser);
        let answer = browser.visit("/").await;
        assert!(answer.location().starts_with("/login?"), "refused");
        assert!(browser.open("/").await.text().contains("password"));
        sign_in(&browser, "alice").await;
    }
}

#[tokio::test]
async fn restart_of_dwells_store_in_file_keeps_session_and_deadline() {
    let (folder, theirs, clock) = (Folder::new(), Theirs::default(), ManualClock::new());
    let open = async || {
        let builder = SqliteStore::builder().with_clock(clock.clone());
        builder.open(folder.path("sessions.db")).await.unwrap()
    };
    let first = Node::over(&theirs, open().await).await;
    let alice = first.alice().await;
    clock.advance(minutes(10));
    drop(first);
    let second = Node::over(&theirs, open().await).await;
    let alice = second.tab_of(&alice);
    assert_eq!(alice.fetch("/unread").await.text(), "3");
    clock.advance(minutes(5));
    led_to_login(&alice, "idle_timeout").await;
}

#[tokio::test]
async fn restart_of_their_store_signs_out_and_login_works() {
    let clock = ManualClock::new();
    let store = MemoryStore::with_clock(clock.clone());
    let first = Node::over(&Theirs::default(), store.clone()).await;
    let alice = first.alice().await;
    drop(first);
    let second = Node::over(&Theirs::default(), store).await;
    let alice = second.tab_of(&alice);
    assert_eq!(alice.visit("/").await.location(), "/login?next=%2F");
    sign_in(&alice, "alice").await;
    assert_eq!(second.sessions.list(&"1".into()).await.unwrap().len(), 2);
    // Nobody can use the first one. It ends in its time.
    clock.advance(minutes(15));
    second.sessions.reap(10).await.unwrap();
    assert_eq!(second.sessions.list(&"1".into()).await.unwrap().len(), 0);
}
