//! What counts as activity, and what asks for the password again.

use dwell_axum::minutes;

use crate::node::{Node, again, led_to_login};

#[tokio::test]
async fn l02_polls_beyond_idle_timeout_end_session() {
    let (node, clock) = Node::start().await;
    let alice = node.alice().await;
    for _ in 0..3 {
        clock.advance(minutes(4));
        assert_eq!(alice.fetch("/unread").await.text(), "3");
    }
    clock.advance(minutes(3));
    assert_eq!(alice.fetch("/unread").await.reason(), "idle_timeout");
    let page = alice.open("/").await;
    assert!(page.text().contains("password"), "{}", page.text());
}

#[tokio::test]
async fn l02_activity_keeps_session_until_absolute_timeout() {
    let (node, clock) = Node::start().await;
    let alice = node.alice().await;
    for _ in 0..47 {
        clock.advance(minutes(10));
        assert_eq!(alice.visit("/").await.text(), "Hello alice");
    }
    clock.advance(minutes(10));
    led_to_login(&alice, "absolute_timeout").await;
}

#[tokio::test]
async fn step_up_asks_for_password_and_goes_on_under_new_id() {
    let (node, clock) = Node::start().await;
    let alice = node.alice().await;
    assert_eq!(alice.post("/transfer", "{}").await.text(), "done");
    clock.advance(minutes(5));
    assert_eq!(
        alice.post("/transfer", "{}").await.reason(),
        "step_up_required"
    );
    assert_eq!(again(&alice, "wrong").await.location(), "/again");
    assert_eq!(
        alice.post("/transfer", "{}").await.reason(),
        "step_up_required"
    );
    let id = alice.cookie("id");
    assert_eq!(again(&alice, "secret").await.location(), "/");
    assert_ne!(alice.cookie("id"), id);
    assert_eq!(alice.post("/transfer", "{}").await.text(), "done");
}

#[tokio::test]
async fn status_tells_time_left_and_extends() {
    let (node, clock) = Node::start().await;
    let alice = node.alice().await;
    clock.advance(minutes(14));
    let status = alice.fetch("/session").await.json();
    assert_eq!(status["remaining_ms"], 60_000);
    let status = alice.post("/session/extend", "").await.json();
    assert_eq!(status["remaining_ms"], 900_000);
}

#[tokio::test]
async fn public_pages_are_served_to_everybody() {
    let (node, clock) = Node::start().await;
    let nobody = node.browser();
    assert_eq!(nobody.visit("/about").await.text(), "about us");
    assert_eq!(
        nobody.visit("/").await.location(),
        "/login?next=%2F",
        "theirs"
    );
    let alice = node.alice().await;
    clock.advance(minutes(15));
    led_to_login(&alice, "idle_timeout").await;
    assert_eq!(alice.visit("/about").await.text(), "about us");
}
