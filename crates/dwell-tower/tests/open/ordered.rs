//! Requests in flight when somebody ends their session (N60 to N63): bodies are cut,
//! however short or slow, and a request that promises to change nothing is stopped.

use dwell_core::{AuthenticationContext, EndReason, Token, minutes, seconds};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::open::{CloseReason, SessionBody, SessionClosed};
use dwell_tower::rejection::session_state;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::support::{App, Body, Feed, MS, Node, OfLength, Reader, SECOND, World, get, pass};

async fn end(node: &Node, token: &Token, reason: EndReason) {
    let ended = node.manager().end_session(token.key(), reason).await;
    assert!(ended.unwrap());
}

/// Sends a request and waits until its handler is paused.
pub(crate) async fn held(
    node: &Node,
    method: Method,
    path: &str,
    token: &Token,
) -> JoinHandle<Response<Body>> {
    let mut request = get(path, Some(token));
    *request.method_mut() = method;
    let sent = tokio::spawn({
        let node = node.clone();
        async move { node.send(request).await }
    });
    node.pause.arrival().await;
    sent
}

pub(crate) async fn reason_of(answer: Response<Body>) -> (StatusCode, String) {
    (answer.status(), answer.into_body().text().await)
}

/// A body of known, small length, fed byte by byte.
fn trickle() -> (Feed, Response<Body>) {
    let (feed, body) = Feed::new();
    let body = Body::new(OfLength { body, length: 20 });
    (feed, Response::new(body))
}

#[tokio::test(start_paused = true)]
async fn n60_short_slow_body_is_cut() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (feed, answer) = trickle();
        let opened = node.answer(get("/", Some(&token)), answer).await;
        let reader = Reader::of(opened.into_body());
        for _ in 0..5 {
            feed.say("x");
            pass(500 * MS).await;
        }
        assert!(reader.is_open(), "{name}");
        end(node, &token, EndReason::SignedOut).await;
        let ended = reader.ends_now().await;
        assert_eq!(
            (ended.closing().as_str(), &*ended.text),
            ("signed_out", "xxxxx"),
            "{name}"
        );
        assert!(!feed.is_read(), "{name}: the handler's body was dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn n60_short_slow_body_is_cut_at_deadline() {
    let world = World::new();
    let token = world.sign_in().await;
    let (feed, answer) = trickle();
    feed.say("x");
    let opened = world.node().answer(get("/", Some(&token)), answer).await;
    let ended = Reader::of(opened.into_body()).ends_after(minutes(15)).await;
    assert_eq!(
        (ended.closing().as_str(), &*ended.text),
        ("idle_timeout", "x")
    );
}

// Its first byte is there at once, and its length is known.
#[tokio::test(start_paused = true)]
async fn n60_body_begun_at_once_arrives_whole() {
    let world = World::new();
    let token = world.sign_in().await;
    let (feed, answer) = trickle();
    feed.say("x");
    let opened = world.node().answer(get("/", Some(&token)), answer).await;
    let reader = Reader::of(opened.into_body());
    for _ in 1..20 {
        pass(500 * MS).await;
        feed.say("y");
    }
    drop(feed);
    let ended = reader.ends_now().await;
    assert!(ended.error.is_none(), "{ended:?}");
    assert_eq!(ended.text, format!("x{}", "y".repeat(19)));
}

#[tokio::test(start_paused = true)]
async fn n60_body_shorter_than_it_says_breaks_off() {
    for said in [&[][..], &["some"]] {
        let world = World::new();
        let token = world.sign_in().await;
        let (feed, answer) = trickle();
        said.iter().for_each(|text| feed.say(text));
        drop(feed);
        let opened = world.node().answer(get("/", Some(&token)), answer).await;
        let body = opened.into_body();
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(20));
        let ended = Reader::of(body).ends_now().await;
        assert_eq!(ended.text, said.concat());
        assert!(ended.error.is_some() || !said.is_empty(), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn n61_long_poll_is_refused_within_second_of_end() {
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for reason in [
            EndReason::SignedOut,
            EndReason::Revoked,
            EndReason::TokenReuse,
            EndReason::Superseded,
            EndReason::IdpLogout,
        ] {
            for way in 0..3 {
                let world = World::new();
                let token = world.sign_in().await;
                let (name, node) = &world.nodes()[way];
                let poll = held(node, method.clone(), "/slow", &token).await;
                pass(seconds(6)).await;
                assert!(!poll.is_finished(), "{name}");
                end(node, &token, reason).await;
                pass(SECOND).await;
                assert!(poll.is_finished(), "{name}, {method}, {reason}");
                let answer = poll.await.unwrap();
                assert_eq!(answer.headers().get("session-timeout"), None, "{name}");
                assert_eq!(answer.headers()["cache-control"], "no-store", "{name}");
                let (status, text) = reason_of(answer).await;
                assert_eq!(status, 401, "{name}");
                assert!(text.contains(reason.as_str()), "{name}: {text}");
            }
        }
    }
}

// Stopping it could leave its work half done.
#[tokio::test(start_paused = true)]
async fn n61_request_that_acts_is_not_stopped() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let world = World::new();
        let token = world.sign_in().await;
        let node = world.node();
        let request = held(&node, method, "/slow", &token).await;
        end(&node, &token, EndReason::SignedOut).await;
        pass(minutes(1)).await;
        node.pause.release(1);
        assert_eq!(
            reason_of(request.await.unwrap()).await,
            (StatusCode::OK, "served".to_owned())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn n61_request_that_ends_its_own_session_is_answered() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let sign_out = service_fn(async |request: Request<SessionBody<Body>>| {
            let (parts, _) = request.into_parts();
            let state = session_state(&parts).unwrap();
            assert!(state.sign_out().await.unwrap());
            pass(seconds(5)).await;
            Ok::<_, BoxError>(Response::new(Body::from("signed out")))
        });
        let stack = SessionTimeoutLayer::new(node.manager()).without_reaper();
        let answer = stack
            .layer(sign_out)
            .oneshot(get("/logout", Some(&token)))
            .await;
        assert_eq!(answer.unwrap().status(), 200, "{name}");
    }
}

/// Starts an upload that feeds one frame and holds the rest back. The handler reads
/// all of it, and acts then.
pub(crate) async fn upload(
    node: &Node,
    token: &Token,
) -> (Feed, JoinHandle<Result<Response<Body>, BoxError>>) {
    let handler = service_fn(async |request: Request<SessionBody<Body>>| {
        let whole = request.into_body().collect().await?.to_bytes();
        Ok::<_, BoxError>(Response::new(Body::from(format!("moved {}", whole.len()))))
    });
    let stack = SessionTimeoutLayer::new(node.manager()).without_reaper();
    let (feed, body) = Feed::new();
    feed.say("1");
    let mut request = get("/transfer", Some(token)).map(|_| body);
    *request.method_mut() = Method::POST;
    let answer = tokio::spawn(App::new(stack.layer(handler)).oneshot(request));
    pass(SECOND).await;
    assert!(feed.is_read());
    (feed, answer)
}

#[tokio::test(start_paused = true)]
async fn n62_body_held_back_is_cut_at_end() {
    for reason in [
        EndReason::SignedOut,
        EndReason::Revoked,
        EndReason::TokenReuse,
    ] {
        for way in 0..3 {
            let world = World::new();
            let token = world.sign_in().await;
            let (name, node) = &world.nodes()[way];
            let (feed, answer) = upload(node, &token).await;
            end(node, &token, reason).await;
            pass(SECOND).await;
            feed.say("2");
            drop(feed);
            let error = answer.await.unwrap().expect_err(name);
            let SessionClosed(closed) = error.downcast_ref().expect(name);
            assert_eq!(*closed, CloseReason::Ended(reason), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn n62_body_of_session_that_lives_arrives() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (feed, answer) = upload(node, &token).await;
        // Its token is replaced meanwhile.
        let other = node.state("/", Some(&token)).await;
        other
            .reauthenticated(AuthenticationContext::none())
            .await
            .unwrap();
        pass(seconds(30)).await;
        feed.say("2");
        drop(feed);
        assert_eq!(
            answer
                .await
                .unwrap()
                .unwrap()
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes(),
            "moved 2",
            "{name}"
        );
    }
}

// Nobody polls the body while its client does not read.
#[tokio::test(start_paused = true)]
async fn n63_slow_reader_keeps_no_producer_alive() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let (feed, answer) = crate::support::download();
        feed.say("some");
        let opened = node.answer(get("/", Some(&token)), answer).await;
        let mut body = opened.into_body();
        assert!(body.frame().await.is_some());
        pass(seconds(5)).await;
        assert!(feed.is_read(), "{name}");
        end(node, &token, EndReason::Revoked).await;
        pass(SECOND).await;
        assert!(!feed.is_read(), "{name}: the producer is gone");
        let error = body.frame().await.unwrap().unwrap_err();
        let SessionClosed(closed) = error.downcast_ref().expect(name);
        assert_eq!(closed.as_str(), "revoked", "{name}");
        assert!(body.frame().await.is_none(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn n63_slow_reader_keeps_no_producer_alive_at_deadline() {
    let world = World::new();
    let token = world.sign_in().await;
    let (feed, answer) = crate::support::download();
    feed.say("some");
    let opened = world.node().answer(get("/", Some(&token)), answer).await;
    let mut body = opened.into_body();
    assert!(body.frame().await.is_some());
    pass(minutes(15) - MS).await;
    assert!(feed.is_read());
    pass(SECOND).await;
    assert!(!feed.is_read());
}
