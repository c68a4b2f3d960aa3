//! Requests admitted in time finish; late ones are refused cleanly (N40).

use dwell_core::{minutes, seconds};
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::open::SessionBody;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::support::{Body, Feed, MS, SECOND, World, get, pass};

/// The handler of an upload: reads all of it, and returns its length.
async fn store(request: Request<SessionBody<Body>>) -> Result<Response<Body>, BoxError> {
    let whole = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Body::from(format!("{} bytes", whole.len()))))
}

#[tokio::test(start_paused = true)]
async fn n40_upload_at_deadline_finishes_and_next_is_refused() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let uploads = SessionTimeoutLayer::new(node.manager()).without_reaper();
        let uploads = uploads.layer(service_fn(store));
        pass(minutes(15) - SECOND).await;
        let (feed, body) = Feed::new();
        let mut upload = get("/upload", Some(&token)).map(|_| body);
        upload
            .headers_mut()
            .insert("session-activity", "passive".parse().unwrap());
        let answer = tokio::spawn(uploads.oneshot(upload));
        for _ in 0..60 {
            feed.say("0123456789");
            pass(seconds(1)).await;
            assert!(feed.is_read(), "{name}");
        }
        assert!(!node.serves(&token).await, "{name}: the next is refused");
        assert!(feed.is_read(), "{name}: the upload in flight is not cut");
        drop(feed);
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 200, "{name}");
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, "600 bytes", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn n40_slow_handler_at_deadline_finishes() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let node = node.clone();
        pass(minutes(15) - MS).await;
        let slow = tokio::spawn({
            let (node, token) = (node.clone(), token.clone());
            async move { node.get("/slow", &token).await }
        });
        node.pause.arrival().await;
        pass(MS).await;
        assert!(
            !node.serves(&token).await,
            "{name}: exactly at the deadline"
        );
        pass(minutes(5)).await;
        node.pause.release(1);
        let answer = slow.await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
        assert_eq!(answer.into_body().text().await, "served", "{name}");
        assert!(!node.serves(&token).await, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn n40_short_answer_under_way_at_deadline_is_sent_whole() {
    let world = World::new();
    let token = world.sign_in().await;
    let answer = world.node().get("/", &token).await;
    pass(minutes(20)).await;
    assert_eq!(answer.into_body().text().await, "served");
}

#[tokio::test(start_paused = true)]
async fn n40_stream_started_after_deadline_is_cut_at_once() {
    for way in 0..3 {
        let world = World::new();
        let token = world.sign_in().await;
        let (name, node) = &world.nodes()[way];
        let node = node.clone();
        let opening = tokio::spawn({
            let (node, token) = (node.clone(), token.clone());
            async move { node.events_at("/slow/events", Some(&token)).await }
        });
        node.pause.arrival().await;
        pass(minutes(15) + seconds(5)).await;
        node.pause.release(1);
        let (_feed, reader) = opening.await.unwrap();
        assert_eq!(reader.ends_now().await.reason(), "idle_timeout", "{name}");
    }
}
