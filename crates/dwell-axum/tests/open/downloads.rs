//! Downloads in flight when their session ends, over real sockets.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::routing::get;
use axum::{Extension, Router};
use dwell_axum::dwell_tower::open::UpgradePolicy;
use dwell_axum::*;
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use tokio::time::{Interval, interval};

use crate::support::{Served, World, cookie, hyper_get, short_policies, soon};

const IDLE: Duration = seconds(1);

/// How late the end may be.
const BOUND: Duration = seconds(1);

const CHUNK: usize = 4_096;

/// More bytes than a download at this pace transfers while its session lives.
const CHUNKS: usize = 125;

fn chunks() -> impl Stream<Item = Result<Bytes, Infallible>> {
    let pace = interval(IDLE / 50);
    let next = async |(mut pace, left): (Interval, usize)| {
        let left = left.checked_sub(1)?;
        pace.tick().await;
        Some((Ok(Bytes::from(vec![b'a'; CHUNK])), (pace, left)))
    };
    stream::unfold((pace, CHUNKS), next)
}

fn routes() -> Router {
    let length = [("content-length", (CHUNKS * CHUNK).to_string())];
    Router::new()
        .route("/chunked", get(async || Body::from_stream(chunks())))
        .route(
            "/announced",
            get(async || (length, Body::from_stream(chunks()))),
        )
        .route(
            "/outlives",
            get(async || {
                (
                    Extension(UpgradePolicy::OutlivesSession),
                    Body::from_stream(chunks()),
                )
            }),
        )
}

/// The outcome of a download.
struct Download {
    bytes: usize,
    error: Option<String>,
    /// How long after the session's deadline it ended; negative before.
    ended: (Timestamp, Timestamp),
}

async fn download(world: &World, path: &str) -> Download {
    let alice = world.alice(routes()).await;
    let served = Served::start(world.router(routes())).await;
    let headers = [
        ("cookie", &*cookie(&alice)),
        ("session-activity", "passive"),
    ];
    let answer = hyper_get(served.address, "GET", path, &headers).await;
    assert_eq!(answer.status(), 200);
    let deadline = world.record(&alice).facts.idle_deadline;
    let mut body = Body::new(answer.into_body()).into_data_stream();
    let (mut bytes, mut error) = (0, None);
    while let Some(chunk) = soon(body.next()).await {
        match chunk {
            Ok(chunk) => bytes += chunk.len(),
            Err(why) => error = Some(why.to_string()),
        }
    }
    Download {
        bytes,
        error,
        ended: (world.now(), deadline),
    }
}

#[tokio::test]
async fn l14_download_breaks_off_visibly_at_deadline() {
    for path in ["/chunked", "/announced"] {
        let world = World::with(short_policies(IDLE));
        let Download {
            bytes,
            error,
            ended,
        } = download(&world, path).await;
        assert!(
            error.is_some(),
            "{path}: the part can't be mistaken for the whole"
        );
        assert!(bytes > 0 && bytes < CHUNKS * CHUNK, "{path}: {bytes} bytes");
        let (ended, deadline) = ended;
        assert!(ended >= deadline, "{path}: too soon");
        assert!(
            ended - deadline < BOUND,
            "{path}: {:?} late",
            ended - deadline
        );
    }
}

#[tokio::test]
async fn l14_marked_download_outlives_session() {
    let world = World::with(short_policies(IDLE));
    let Download {
        bytes,
        error,
        ended,
    } = download(&world, "/outlives").await;
    assert_eq!((bytes, error), (CHUNKS * CHUNK, None));
    let (ended, deadline) = ended;
    assert!(ended > deadline + seconds(1));
}

/// An upload is admitted when it arrives: the session's end does not interrupt
/// it, and the next request is refused.
#[tokio::test]
async fn n40_upload_in_flight_at_deadline_finishes() {
    let routes = || {
        let upload = async |_: Session, body: Bytes| body.len().to_string();
        Router::new().route("/upload", axum::routing::post(upload))
    };
    let world = World::with(short_policies(IDLE));
    let (alice, app) = world.alice_and_app(routes()).await;
    let request = http::Request::post("/upload")
        .header("cookie", cookie(&alice))
        .header("session-activity", "passive")
        .body(Body::from_stream(chunks()))
        .unwrap();
    let answer = tower::ServiceExt::oneshot(app.clone(), request).await;
    let body = axum::body::to_bytes(answer.unwrap().into_body(), 64).await;
    assert_eq!(body.unwrap(), (CHUNKS * CHUNK).to_string());
    let next = crate::support::ask(&app, &alice, "/").await;
    assert_eq!(next.status(), 401);
}

/// The handler's stream is dropped, too, so it stops producing.
#[tokio::test]
async fn l14_handlers_stream_dropped_at_end() {
    let world = World::with(short_policies(IDLE));
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let sender = std::sync::Arc::new(std::sync::Mutex::new(Some(sender)));
    let route = get(async move |_: Session| {
        let held = sender.lock().unwrap().take();
        let never = stream::pending::<Result<Bytes, Infallible>>().map(move |chunk| {
            let _ = &held;
            chunk
        });
        Body::from_stream(never)
    });
    let routes = Router::new().route("/held", route);
    let mut alice = world.alice(Router::new()).await;
    let served = Served::start(world.router(routes)).await;
    let headers = [("cookie", &*cookie(&alice))];
    let answer = hyper_get(served.address, "GET", "/held", &headers).await;
    assert_eq!(answer.status(), 200);
    let began = world.now();
    alice.post("/session/end", "").await;
    assert!(soon(receiver).await.is_err(), "dropped, not answered");
    assert!(world.now() - began < BOUND);
}
