//! Ordinary answers are sent as they would be without Dwell.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dwell_axum::*;
use futures_util::stream;
use http::Request;
use tower::{Layer, Service, service_fn};

use crate::support::{Served, World, cookie, hyper_get, short_policies};

const LONG: usize = 1_000_000;

/// Routes that ignore the session; the layers still see it.
fn routes() -> Router {
    let unchanged = async || (StatusCode::NOT_MODIFIED, [("etag", "\"a\"")]);
    let chunks = async || {
        let chunks = ["a", "b", "c"].map(|text| Ok::<_, Infallible>(Bytes::from(text)));
        Body::from_stream(stream::iter(chunks))
    };
    Router::new()
        .route("/text", get(async || "four"))
        .route("/long", get(async || vec![b'a'; LONG]))
        .route("/empty", get(async || ()))
        .route("/nothing", get(async || StatusCode::NO_CONTENT))
        .route("/unchanged", get(unchanged))
        .route("/chunks", get(chunks))
        .route("/announced", get(announced))
}

/// A stream of known length.
async fn announced() -> Response {
    let chunk = Bytes::from(vec![b'b'; LONG / 10]);
    let chunks = (0..10).map(move |_| Ok::<_, Infallible>(chunk.clone()));
    let length = [("content-length", LONG.to_string())];
    (length, Body::from_stream(stream::iter(chunks))).into_response()
}

/// The parts of an answer that are compared.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    status: u16,
    content_length: Option<String>,
    transfer_encoding: Option<String>,
    body: usize,
}

async fn shape(served: &Served, method: &str, path: &str, cookie: &str) -> (bool, Shape) {
    let headers = [("cookie", cookie)];
    let answer = hyper_get(served.address, method, path, &headers).await;
    let in_session = answer.headers().contains_key("session-timeout");
    let field = |name: &str| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (content_length, transfer_encoding) = (field("content-length"), field("transfer-encoding"));
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(Body::new(answer.into_body()), usize::MAX).await;
    let shape = Shape {
        status,
        content_length,
        transfer_encoding,
        body: body.unwrap().len(),
    };
    (in_session, shape)
}

#[tokio::test]
async fn ordinary_answers_unchanged_on_wire() {
    let world = World::with(short_policies(minutes(10)));
    let alice = world.alice(routes()).await;
    // What a shared cache may keep carries no time left.
    let private = map_response(async |mut answer: Response| {
        let value = HeaderValue::from_static("private");
        answer.headers_mut().insert("cache-control", value);
        answer
    });
    let routes = || routes().layer(private.clone());
    let with = Served::start(world.router(routes())).await;
    let without = Served::start(routes()).await;
    let cookie = cookie(&alice);
    for path in [
        "/text",
        "/long",
        "/empty",
        "/nothing",
        "/unchanged",
        "/chunks",
        "/announced",
    ] {
        for method in ["GET", "HEAD"] {
            let (in_session, ours) = shape(&with, method, path, &cookie).await;
            let (_, theirs) = shape(&without, method, path, &cookie).await;
            assert!(in_session, "{method} {path}");
            assert_eq!(ours, theirs, "{method} {path}");
        }
    }
    let (_, long) = shape(&with, "GET", "/long", &cookie).await;
    let length = LONG.to_string();
    assert_eq!((long.content_length, long.body), (Some(length), LONG));
}

/// A body of axum keeps its type and gets no second box.
#[tokio::test(start_paused = true)]
async fn axum_bodies_are_not_boxed_again() {
    fn is_axums<S: Service<Request<Body>, Response = Response>>(_: &S) {}

    let world = World::new();
    let service = service_fn(async |_: Request<Body>| Ok::<_, Infallible>("a".into_response()));
    let service = world.stack.layer(service);
    is_axums(&service);
    let own = world.router(Router::new());
    is_axums(&own);
}
