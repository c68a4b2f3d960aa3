//! Bodies that are always ready: the reader sets the pace, and they still end with
//! their session.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{EndReason, Token, minutes, seconds};
use dwell_tower::open::SessionClosed;
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt;
use tower::BoxError;

use crate::support::{Body, MS, Node, SECOND, World, get, pass};

/// A body that always has a frame.
#[derive(Debug)]
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Ok(Frame::data("data: 1\n\n".into()))))
    }
}

async fn endless(node: &Node, token: &Token, media_type: &'static str) -> Body {
    let answer = Response::builder().header("content-type", media_type);
    let answer = answer.body(Body::new(Endless)).unwrap();
    node.answer(get("/", Some(token)), answer).await.into_body()
}

/// Returns the next frame.
#[derive(Debug, PartialEq)]
enum Next {
    Service,
    Expired(String),
    Closed(SessionClosed),
    End,
}

async fn next(body: &mut Body) -> Next {
    match body.frame().await {
        None => Next::End,
        Some(Err(error)) => Next::Closed(*error.downcast().unwrap()),
        Some(Ok(frame)) => match frame.into_data().unwrap() {
            data if data == "data: 1\n\n" => Next::Service,
            data => Next::Expired(String::from_utf8(data.into()).unwrap()),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn l14_always_ready_body_is_cut() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let mut events = endless(node, &token, "text/event-stream").await;
        let mut file = endless(node, &token, "text/plain").await;
        for _ in 0..15 * 60 - 1 {
            assert_eq!(next(&mut events).await, Next::Service, "{name}");
            assert_eq!(next(&mut file).await, Next::Service, "{name}");
            pass(SECOND).await;
        }
        pass(SECOND - MS).await;
        assert_eq!(next(&mut events).await, Next::Service, "{name}");
        assert_eq!(next(&mut file).await, Next::Service, "{name}");
        // It may be polled any number of times, for up to a second.
        let (mut events_end, mut file_end) = (Next::Service, Next::Service);
        for _ in 0..100 {
            pass(10 * MS).await;
            if events_end == Next::Service {
                events_end = next(&mut events).await;
            }
            if file_end == Next::Service {
                file_end = next(&mut file).await;
            }
        }
        let last = "event: session-expired\ndata: {\"reason\":\"idle_timeout\"}\n\n";
        assert_eq!(events_end, Next::Expired(last.to_owned()), "{name}");
        let Next::Closed(SessionClosed(closing)) = file_end else {
            panic!("{name}: {file_end:?}");
        };
        assert_eq!(closing.as_str(), "idle_timeout", "{name}");
        assert_eq!(next(&mut events).await, Next::End, "{name}");
        assert_eq!(next(&mut file).await, Next::End, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn l14_end_cuts_always_ready_body() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let mut events = endless(node, &token, "text/event-stream").await;
        for _ in 0..60 {
            assert_eq!(next(&mut events).await, Next::Service, "{name}");
            pass(SECOND).await;
        }
        let ended = node
            .manager()
            .end_session(token.key(), EndReason::Revoked)
            .await;
        assert!(ended.unwrap());
        let mut end = Next::Service;
        for _ in 0..100 {
            pass(10 * MS).await;
            if end == Next::Service {
                end = next(&mut events).await;
            }
        }
        let last = "event: session-expired\ndata: {\"reason\":\"revoked\"}\n\n";
        assert_eq!(end, Next::Expired(last.to_owned()), "{name}");
    }
}

// A client that stops reading stops the body. When it reads again, the session is
// long over.
#[tokio::test(start_paused = true)]
async fn l14_slow_reader_gets_nothing_after_deadline() {
    for frames in [0, 1, 10, 15, 16, 17, 40] {
        for way in 0..3 {
            let world = World::new();
            let token = world.sign_in().await;
            let (name, node) = &world.nodes()[way];
            let mut events = endless(node, &token, "text/event-stream").await;
            for _ in 0..frames {
                assert_eq!(next(&mut events).await, Next::Service, "{name}");
            }
            pass(minutes(15) + seconds(1)).await;
            let last = next(&mut events).await;
            assert!(
                matches!(last, Next::Expired(_)),
                "{name}, after {frames} frames: {last:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l14_slow_reader_gets_nothing_after_end_elsewhere() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let mut events = endless(node, &token, "text/event-stream").await;
        for _ in 0..5 {
            assert_eq!(next(&mut events).await, Next::Service, "{name}");
        }
        let ended = node
            .manager()
            .end_session(token.key(), EndReason::Revoked)
            .await;
        assert!(ended.unwrap());
        pass(minutes(5)).await;
        let last = next(&mut events).await;
        assert!(matches!(last, Next::Expired(_)), "{name}: {last:?}");
    }
}
