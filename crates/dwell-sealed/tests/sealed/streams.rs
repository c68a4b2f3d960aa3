//! Streams of sealed sessions: they end by time, and by ends in their own process.

use std::time::Duration;

use crate::support::{self, COOKIE, KEY, Node, sealed};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use dwell_core::store::SessionStore;
use dwell_core::{minutes, seconds};
use dwell_test_support::{RuntimeClock, pass};
use tower::ServiceExt;

/// A node whose time is tokio's, which passes at once.
fn node() -> Node {
    let node = Node::new();
    let store = support::store(&[KEY], "shop.example", &node.clock);
    Node {
        store: store.with_clock(RuntimeClock::default()),
        ..node
    }
}

/// Reads the events of the session in this token until they end. Returns the last
/// and how long it took.
async fn events(node: &Node, token: &str) -> (String, Duration) {
    let request = Request::get("/session/events").header("cookie", format!("{COOKIE}={token}"));
    let request = request.body(Body::empty()).unwrap();
    let began = node.store.now().await.unwrap();
    let answer = node.router().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    let ended = node.store.now().await.unwrap();
    (last.to_owned(), ended - began)
}

/// Within a timer's grain of this time.
fn assert_took(took: Duration, expected: Duration) {
    let late = took.checked_sub(expected);
    assert!(late.is_some_and(|late| late <= seconds(1)), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn l14_stream_ends_at_deadline_in_its_token() {
    let node = node();
    let alice = node.alice().await;
    let (last, took) = events(&node, &sealed(&alice)).await;
    assert!(
        last.contains("session-expired") && last.contains("idle_timeout"),
        "{last}"
    );
    assert_took(took, minutes(15));
}

#[tokio::test(start_paused = true)]
async fn activity_in_same_process_moves_end_of_stream() {
    let node = node();
    let mut alice = node.alice().await;
    let token = sealed(&alice);
    let ((last, took), ()) = tokio::join!(events(&node, &token), async {
        pass(minutes(10)).await;
        assert_eq!(alice.get("/account").await.status, 200);
    });
    assert!(last.contains("idle_timeout"), "{last}");
    assert_took(took, minutes(25));
}

#[tokio::test(start_paused = true)]
async fn l14_sign_out_ends_streams_of_its_process() {
    let node = node();
    let mut alice = node.alice().await;
    let token = sealed(&alice);
    let ((last, took), ()) = tokio::join!(events(&node, &token), async {
        pass(minutes(1)).await;
        assert_eq!(alice.post("/session/end", "").await.status, 204);
    });
    assert!(last.contains("signed_out"), "{last}");
    assert_took(took, minutes(1));
}
