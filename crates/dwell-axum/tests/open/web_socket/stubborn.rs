//! Handlers and clients that ignore the end.

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

/// When an unfinished handler is dropped: one second to notice the end, and
/// another to finish.
const DROPPED: Duration = seconds(2);

/// Reports when a handler is gone, finished or dropped.
struct Gone(UnboundedSender<String>);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = self.0.send("gone".to_owned());
    }
}

/// A node whose handler runs `serve`, and the handler's reports.
async fn node<F, Fut>(serve: F) -> (Node, UnboundedReceiver<String>)
where
    F: Fn(SessionWebSocket, Arc<Gone>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (report, reports) = mpsc::unbounded_channel();
    let route = any(async move |upgrade: SessionWebSocketUpgrade| -> Response {
        upgrade.on_upgrade(async move |socket| serve(socket, Arc::new(Gone(report))).await)
    });
    let world = World::with(short_policies(minutes(10)));
    let node = Node::with(world, Router::new().route("/stubborn", route)).await;
    (node, reports)
}

async fn next(reports: &mut UnboundedReceiver<String>) -> String {
    soon(reports.recv()).await.expect("a report of the handler")
}

async fn sign_out(node: &mut Node) -> Timestamp {
    let ended = node.world.now();
    assert_eq!(node.alice.post("/session/end", "").await.status, 204);
    ended
}

/// Sends until an error, and reports it.
async fn fill(socket: &mut SessionWebSocket, sent: &AtomicUsize) -> axum::Error {
    let much = Bytes::from(vec![b'a'; 64 * 1_024]);
    loop {
        if let Err(error) = socket.send(Message::Binary(much.clone())).await {
            return error;
        }
        sent.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until the sockets' buffers are full; returns how much they took.
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
async fn l14_handler_that_never_reads_dropped_in_two_seconds() {
    let (mut node, mut reports) = node(async |socket, gone: Arc<Gone>| {
        let _held = (socket, gone);
        std::future::pending::<()>().await;
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut reports).await, "gone");
    let late = node.world.now() - ended;
    assert!(late <= DROPPED, "{late:?} late");
    // The client still gets the reason.
    let close = socket.closed().await;
    assert_eq!(
        (u16::from(close.code), &*close.reason),
        (4401, "signed_out")
    );
}

#[tokio::test]
async fn l14_handler_blocked_by_slow_client_dropped_too() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let (mut node, mut reports) = node(move |mut socket: SessionWebSocket, gone| {
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
    assert_eq!(next(&mut reports).await, "gone");
    let late = node.world.now() - ended;
    assert!(late <= DROPPED, "{late:?} late");
    assert_eq!(
        sent.load(Ordering::SeqCst),
        before,
        "the handler was not blocked"
    );
    drop(socket);
}

#[tokio::test]
async fn l14_send_after_end_fails_and_closes_with_reason() {
    let (mut node, mut reports) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        let closing = socket.closed().await;
        assert_eq!(closing, Some(CloseReason::Ended(EndReason::SignedOut)));
        assert_eq!(socket.closing(), closing);
        for _ in 0..2 {
            let error = socket.send(Message::text("one more thing")).await;
            let _ = gone.0.send(error.unwrap_err().to_string());
        }
        assert!(socket.touch().await.is_err(), "a late touch");
        assert!(socket.recv().await.is_none(), "a message after the end");
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    for _ in 0..2 {
        assert_eq!(next(&mut reports).await, "the session is over: signed_out");
    }
    assert_eq!(next(&mut reports).await, "gone");
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

#[tokio::test]
async fn waiting_handler_notified_of_end() {
    let (mut node, mut reports) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        // Cancelled and called again, as in a `select!`.
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
    assert_eq!(next(&mut reports).await, "Some(Ended(SignedOut))");
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

#[tokio::test]
async fn l14_close_reason_sent_when_handler_just_returns() {
    let (mut node, mut reports) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        socket.closed().await;
        drop(gone);
    })
    .await;
    let mut socket = node.connect("/stubborn").await;
    let ended = sign_out(&mut node).await;
    assert_eq!(next(&mut reports).await, "gone");
    node.assert_closed(&mut socket, ended, "signed_out").await;
}

/// A handler may move the socket to another task and return.
#[tokio::test]
async fn l14_socket_moved_to_other_task_ends_too() {
    let (mut node, mut reports) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
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
    assert_eq!(next(&mut reports).await, "the session is over: signed_out");
    assert_eq!(next(&mut reports).await, "gone");
}

/// A client that does not read does not block that task beyond the end.
#[tokio::test]
async fn l14_blocked_socket_in_other_task_notified_of_end() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let (mut node, mut reports) = node(move |mut socket: SessionWebSocket, gone: Arc<Gone>| {
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
    assert_eq!(next(&mut reports).await, "the session is over: signed_out");
    let late = node.world.now() - ended;
    assert!(late <= DROPPED, "{late:?} late");
    drop(socket);
}

#[tokio::test]
async fn leaving_client_ends_handler() {
    let (node, mut reports) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
        while let Some(Ok(_)) = socket.recv().await {}
        drop(gone);
    })
    .await;
    let Socket(mut socket) = node.connect("/stubborn").await;
    socket.close(None).await.unwrap();
    assert_eq!(next(&mut reports).await, "gone");
    // And without a close frame.
    drop(node.connect("/stubborn").await);
    assert_eq!(next(&mut reports).await, "gone");
}

/// No message is lost when a handler cancels `recv` and calls it again.
#[tokio::test]
async fn recv_is_cancel_safe() {
    let (node, mut reports) = node(async |mut socket: SessionWebSocket, gone: Arc<Gone>| {
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
        assert_eq!(next(&mut reports).await, n.to_string());
    }
}
