//! Answers that are cut, towards clients of HTTP/1.0 (N84).

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Version};
use axum::routing::get;
use dwell_axum::*;
use dwell_test_support::Log;
use futures_util::stream::{self, StreamExt};
use tower::ServiceExt;

use crate::support::{World, cookie, pass};

/// A download without a length.
fn downloads() -> Router {
    let endless = || {
        let start = stream::iter([Ok::<_, Infallible>(Bytes::from("part"))]);
        Body::from_stream(start.chain(stream::pending()))
    };
    Router::new().route("/download", get(async move || endless()))
}

/// Downloads until the session ends. Returns what was logged.
async fn logged(path: &str, version: Version) -> String {
    let world = World::new();
    let (alice, app) = world.alice_and_app(downloads()).await;
    let request = Request::get(path).version(version);
    let request = request.header("cookie", cookie(&alice));
    let request = request.body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), "part");
    let (log, _guard) = Log::keep();
    pass(minutes(15) + seconds(1)).await;
    assert!(body.next().await.unwrap().is_err(), "it breaks off");
    log.take()
}

#[tokio::test(start_paused = true)]
async fn n84_answer_that_looks_whole_is_logged_once() {
    let newer = logged("/download", Version::HTTP_11).await;
    assert!(!newer.contains("HTTP/1.0"), "{newer}");
    let first = logged("/download", Version::HTTP_10).await;
    assert!(
        first.contains("WARN") && first.contains("proxy_http_version 1.1"),
        "{first}"
    );
    let again = logged("/download", Version::HTTP_10).await;
    assert!(!again.contains("HTTP/1.0"), "{again}");
}
