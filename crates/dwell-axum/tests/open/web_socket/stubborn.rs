//! Handlers and clients that do not care for the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::Message;
use axum::response::Response;
use axum::routing::any;
use dwell_axum::dwell_tower::open::CloseReason;
use dwell_axum::*;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::timeout;

use super::support::{Node, Socket};
use crate::support::{World, short_policies, soon};

/// When a handler that does not finish is dropped: a second to see the end,
/// and another to finish.
const DROPPED: Duration = seconds(2);

/// Tells when a handler is gone, whatever became of it.
struct Gone(UnboundedSender<String>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send("gone".to_owned());
    }
}

/// A node whose handler does `serve`, and what it says.
async fn node<F, Fut>(serve: F) -> (Node, UnboundedReceiver<String>)
where
    F: Fn(SessionWebSocket, Arc<Gone>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (tell, told) = mpsc::unbounded_channel();
    let route = any(async move |upgrade: SessionWebSocketUpgrade| -> Response {
        upgrade.on_upgrade(async move |socket| serve(socket, Arc::new(Gone(tell))).await)
    });
    let world = World::with(short_policies(minutes(10)));
    let node = Node::with(world, Router::new().route("/stubborn", route)).await;
    (node, told)
}

async fn next(told: &mut UnboundedReceiver<String>) -> String {
    soon(told.recv()).await.expect("the handler says something")
}

async fn sign_out(node: &mut Node) -> Timestamp {
    let ended = node.world.now();
    assert_eq!(node.alice.post("/session/end", "").await.status, 204);
    ended
}

/// Sends until that is an error, which it tells.
async fn fill(socket: &mut SessionWebSocket, sent: &AtomicUsize) -> axum::Error {
    let much = Bytes::from(vec![b'a'; 64 * 1_024]);
    loop {
        if let Err(error) = socket.send(Message::Binary(much.clone())).await {
            return error;
        }
        sent.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until nothing more goes into the sockets' buffers; tells how much has.
async fn filled(sent: &AtomicUsize) -> usize {
    let mut before = 0;
    let mut look = tokio::time::interval(Duration::from_millis(200));
    soon(async {
        loop {
            look.tick().await;
            let now = sent.load(Ordering::SeqCst);
            if now > 0 && now == before {
                break now;
            }
            before = now;
        }
    })
    .await
}

#[tokio::test]
async fn l14_a_handler_that_never_reads_is_dropped_within_two_seconds() {
    let (mut node, mut told) = node(async |socket, gone: Arc<Gone>| {
        let _held = (socket, gone);
        std::future::pending::<()>().await;
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut told).await, "gone");
    let late = node.world.now() - ended;
    assert!(late <= DROPPED, "{late:?} late");
    // And the client is told why all the same.
    let close = socket.closed().await;
    assert_eq!(
        (u16::from(close.code), &*close.reason),
        (4401, "signed_out")
    );
}

#[tokio::test]
async fn l14_a_handler_blocked_by_a_client_that_does_not_read_is_dropped_too() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let (mut node, mut told) = node(move |mut socket: SessionWebSocket, gone| {
        let count = Arc::clone(&count);
        async move {
            fill(&mut socket, &count).await;
            drop(gone);
        }
    })
    .await;
    let socket = node.connect("/stubborn").await;
    let before = filled(&sent).await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut told).await, "gone");
    let late = node.world.now() - ended;
    assert!(late <= DROPPED, "{late:?} late");
    assert_eq!(
        sent.load(Ordering::SeqCst),
        before,
        "it was blocked all the time"
    );
    drop(socket);
}

#[tokio::test]
async fn l14_sending_after_the_end_is_an_error_and_tells_the_client_why() {
    let (mut node, mut told) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        let closing = socket.closed().await;
        assert_eq!(closing, Some(CloseReason::Ended(EndReason::SignedOut)));
        assert_eq!(socket.closing(), closing);
        for _ in 0..2 {
            let error = socket.send(Message::text("one more thing")).await;
            let _ = gone.0.send(error.unwrap_err().to_string());
        }
        assert!(socket.touch().await.is_err(), "a late touch");
        assert!(socket.recv().await.is_none(), "nothing to read any more");
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    for _ in 0..2 {
        assert_eq!(next(&mut told).await, "the session is over: signed_out");
    }
    assert_eq!(next(&mut told).await, "gone");
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

#[tokio::test]
async fn a_handler_that_waits_for_something_else_hears_of_the_end() {
    let (mut node, mut told) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        // Given up and asked again, as in a `select!`.
        loop {
            let waited = timeout(Duration::from_millis(50), socket.closed()).await;
            if let Ok(closing) = waited {
                let _ = gone.0.send(format!("{closing:?}"));
                break;
            }
            assert_eq!(socket.closing(), None);
        }
        assert!(socket.recv().await.is_none());
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut told).await, "Some(Ended(SignedOut))");
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

#[tokio::test]
async fn l14_a_handler_that_just_leaves_at_the_end_leaves_nobody_without_a_reason() {
    let (mut node, mut told) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        socket.closed().await;
        drop(gone);
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut told).await, "gone");
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

/// A handler may have the socket served by a task of its own and be done.
#[tokio::test]
async fn l14_a_socket_that_was_handed_on_ends_too() {
    let (mut node, mut told) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            let error = loop {
                pace.tick().await;
                if let Err(error) = socket.send(Message::text("tick")).await {
                    break error;
                }
            };
            let _ = gone.0.send(error.to_string());
        });
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    for _ in 0..20 {
        let tick = soon(socket.next()).await;
        assert!(matches!(tick, Some(Ok(_))), "{tick:?}");
    }
    let ended = sign_out(&mut node).await;
    node.assert_closed(&mut socket, ended, "signed_out").await;
    assert_eq!(next(&mut told).await, "the session is over: signed_out");
    assert_eq!(next(&mut told).await, "gone");
}

/// Nor does a client that does not read hold that task up.
#[tokio::test]
async fn l14_a_socket_that_was_handed_on_is_told_of_the_end_while_it_is_blocked() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let (mut node, mut told) = node(move |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        let count = Arc::clone(&count);
        async move {
            tokio::spawn(async move {
                let error = fill(&mut socket, &count).await;
                let _ = gone.0.send(error.to_string());
            });
        }
    })
    .await;
    let socket = node.connect("/stubborn").await;
    filled(&sent).await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut told).await, "the session is over: signed_out");
    let late = node.world.now() - ended;
    assert!(late <= DROPPED, "{late:?} late");
    drop(socket);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_handler() {
    let (node, mut told) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        while let Some(Ok(_)) = socket.recv().await {}
        drop(gone);
    })
    .await;
    let Socket(mut socket) = node.connect("/stubborn").await;
    socket.close(None).await.unwrap();
    assert_eq!(next(&mut told).await, "gone");
    // And without a word.
    drop(node.connect("/stubborn").await);
    assert_eq!(next(&mut told).await, "gone");
}

/// Messages are not lost when a handler gives `recv` up and asks again.
#[tokio::test]
async fn recv_is_safe_to_be_given_up() {
    let (node, mut told) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        loop {
            match timeout(Duration::from_millis(1), socket.recv()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    let _ = gone.0.send(text.to_string());
                }
                Ok(Some(Ok(_))) | Err(_) => {}
                Ok(_) => break,
            }
        }
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    for n in 0..200 {
        let text = tokio_tungstenite::tungstenite::Message::text(n.to_string());
        socket.send(text).await;
    }
    for n in 0..200 {
        assert_eq!(next(&mut told).await, n.to_string());
    }
}
