//! Event streams of handlers: cut, with one last event.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use dwell_axum::dwell_tower::open::UpgradePolicy;
use dwell_axum::*;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::time::{Interval, interval, timeout};

use crate::support::{Client, Events, GRAIN, World, ask, default_policy, pass};

const TICK: Duration = seconds(1);

/// An endless stream that counts ticks.
fn ticks() -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let tick = async |(mut interval, n): (Interval, u64)| {
        interval.tick().await;
        let event = sse::Event::default().event("tick").data(n.to_string());
        Some((Ok(event), (interval, n + 1)))
    };
    stream::unfold((interval(TICK), 0), tick)
}

/// Event streams of several kinds.
fn streams() -> Router {
    let never = || stream::pending::<Result<sse::Event, Infallible>>();
    let keep_alive = || KeepAlive::new().interval(seconds(10));
    // Always ready.
    let busy = || stream::repeat_with(|| Ok::<_, Infallible>(sse::Event::default().data("again")));
    Router::new()
        .route("/ticks", get(async |_: Session| Sse::new(ticks())))
        .route("/silent", get(async move |_: Session| Sse::new(never())))
        .route(
            "/kept",
            get(async move |_: Session| Sse::new(never()).keep_alive(keep_alive())),
        )
        .route("/busy", get(async move |_: Session| Sse::new(busy())))
        .route("/half", get(half))
        .route(
            "/outlives",
            get(async |_: Session| (Extension(UpgradePolicy::OutlivesSession), Sse::new(ticks()))),
        )
        .route("/public", get(async || Sse::new(ticks())))
}

/// Stops in the middle of an event.
async fn half(_: Session) -> Response {
    let start = Ok::<_, Infallible>(Bytes::from("event: news\ndata: the first hal"));
    let body = stream::once(async { start }).chain(stream::pending());
    let media_type = [("content-type", "text/event-stream")];
    (media_type, Body::from_stream(body)).into_response()
}

async fn open(world: &World, path: &str) -> (Client, Events) {
    let (alice, app) = world.alice_and_app(streams()).await;
    let events = Events::open(&app, &alice, path).await;
    (alice, events)
}

/// Skips the handler's events and returns the reason of the last event.
async fn reason(events: &mut Events) -> String {
    let last = async {
        loop {
            let event = events.next().await;
            if event.name == "session-expired" {
                return event;
            }
        }
    };
    let last = timeout(hours(1), last).await;
    let last = last.expect("the stream comes to its end");
    assert_eq!(
        events.any().await,
        None,
        "something came after the last event"
    );
    last.json()["reason"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn l14_handlers_stream_ends_at_deadline_with_last_event() {
    for path in ["/ticks", "/silent", "/kept"] {
        for world in [World::new(), World::shared(), World::remote()] {
            let (alice, mut events) = open(&world, path).await;
            let deadline = world.record(&alice).facts.idle_deadline;
            assert_eq!(reason(&mut events).await, "idle_timeout", "{path}");
            let now = world.now();
            assert!(now >= deadline && now - deadline <= GRAIN, "{path} {now}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l14_always_ready_stream_ends_too() {
    let policy = default_policy().idle(seconds(60)).warn(seconds(20));
    let world = World::with(PolicySet::builder(policy).build().unwrap());
    let (mut alice, app) = world.alice_and_app(streams()).await;
    let mut busy = crate::support::ask(&app, &alice, "/busy").await.into_body();
    let mut next = async || {
        use std::future::poll_fn;
        use std::pin::Pin;

        use http_body::Body as _;
        // A slow reader, because the stream is always ready.
        pass(Duration::from_millis(5)).await;
        poll_fn(|cx| Pin::new(&mut busy).poll_frame(cx)).await
    };
    for _ in 0..100 {
        assert!(next().await.is_some());
    }
    alice.post("/session/end", "").await;
    let mut rest = 0;
    while let Some(frame) = next().await {
        rest += 1;
        let data = frame.unwrap().into_data().unwrap();
        if data.starts_with(b"event: session-expired") {
            assert_eq!(rest, 1, "at once");
        }
    }
    assert_eq!(rest, 1);
}

#[tokio::test(start_paused = true)]
async fn n38_handlers_stream_ends_with_ended_session() {
    let world = World::new();
    let (mut alice, mut events) = open(&world, "/ticks").await;
    pass(minutes(1)).await;
    let at = world.now();
    alice.post("/session/end", "").await;
    assert_eq!(reason(&mut events).await, "signed_out");
    assert!(world.now() - at <= GRAIN);

    let (_alice, mut events) = open(&world, "/ticks").await;
    pass(minutes(1)).await;
    let at = world.now();
    world.revoke().await;
    assert_eq!(reason(&mut events).await, "revoked");
    assert!(world.now() - at <= GRAIN);
}

#[tokio::test(start_paused = true)]
async fn l14_handlers_stream_follows_moved_deadline() {
    for world in [World::new(), World::shared(), World::remote()] {
        let (mut alice, mut events) = open(&world, "/silent").await;
        for _ in 0..10 {
            events.none_for(minutes(10)).await;
            assert_eq!(alice.get("/").await.status, 200);
        }
        // The last touch may still be in flight.
        pass(seconds(2)).await;
        let deadline = world.record(&alice).facts.idle_deadline;
        assert_eq!(events.expired().await, "idle_timeout");
        assert!(world.now() >= deadline, "too soon");
        assert!(world.now() - deadline <= GRAIN, "too late");
    }
}

#[tokio::test(start_paused = true)]
async fn l02_holding_handlers_stream_is_no_activity() {
    let world = World::new();
    let (alice, mut events) = open(&world, "/ticks").await;
    let opened = world.record(&alice).facts.last_active_at;
    for _ in 0..600 {
        events.next().await;
    }
    assert_eq!(world.record(&alice).facts.last_active_at, opened);
}

#[tokio::test(start_paused = true)]
async fn l14_last_event_not_inserted_into_unfinished_event() {
    let world = World::new();
    let (_alice, app) = world.alice_and_app(streams()).await;
    let alice = crate::support::signed_in(app.clone(), "alice").await;
    let body = crate::support::ask(&app, &alice, "/half").await.into_body();
    let text = axum::body::to_bytes(body, 1_024).await.unwrap();
    // An event source drops an unfinished event.
    assert_eq!(&*text, b"event: news\ndata: the first hal");
    assert_eq!(world.idle(&alice), minutes(15));
}

#[tokio::test(start_paused = true)]
async fn marked_stream_outlives_session() {
    let world = World::new();
    let (mut alice, mut events) = open(&world, "/outlives").await;
    alice.post("/session/end", "").await;
    for _ in 0..3_600 {
        assert_eq!(events.next().await.name, "tick");
    }
}

#[tokio::test(start_paused = true)]
async fn stream_without_session_not_cut() {
    let world = World::new();
    let app = world.app(streams());
    let nobody = Client::new(app.clone());
    let request = http::Request::get("/public").body(Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(app, request).await.unwrap();
    let mut events = Events::new(answer.into_body());
    for _ in 0..3_600 {
        assert_eq!(events.next().await.name, "tick");
    }
    drop(nobody);
}

#[tokio::test(start_paused = true)]
async fn n54_area_closes_its_streams() {
    let admin = Policy::named("admin").idle(minutes(5));
    let policies = PolicySet::builder(default_policy()).policy(admin);
    let world = World::with(policies.build().unwrap());
    let strict = streams().layer(policy("admin"));
    let routes = Router::new().nest("/admin", strict).merge(streams());
    let (mut alice, app) = world.alice_and_app(routes).await;
    let began = world.now();
    let mut strict = Events::open(&app, &alice, "/admin/silent").await;
    let mut lax = Events::open(&app, &alice, "/silent").await;
    pass(minutes(4)).await;
    alice.get("/").await;
    assert_eq!(strict.expired().await, "step_up_required");
    let lasted = world.now() - began;
    assert!(
        lasted >= minutes(9) && lasted <= minutes(9) + GRAIN,
        "{lasted:?}"
    );
    lax.none_for(minutes(9)).await;
    assert_eq!(lax.expired().await, "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn n85_shutdown_ends_every_event_stream_and_no_session() {
    let world = World::new();
    let (mut alice, app) = world.alice_and_app(streams()).await;
    let mut open = Vec::new();
    for path in ["/session/events", "/silent", "/kept"] {
        open.push(Events::open(&app, &alice, path).await);
    }
    pass(seconds(1)).await;
    world.stack.end_event_streams();
    open.push(Events::open(&app, &alice, "/session/events").await);
    for mut events in open {
        let closed = async {
            while let Some(event) = events.any().await {
                assert_ne!(event.name, "session-expired");
            }
        };
        timeout(seconds(1), closed).await.expect("it ends at once");
    }
    assert_eq!(alice.get("/poll").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn n90_status_streams_and_own_streams_share_bound() {
    let world = World::new();
    let (alice, app) = world.alice_and_app(streams()).await;
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(Events::open(&app, &alice, "/session/events").await);
        open.push(Events::open(&app, &alice, "/silent").await);
    }
    for path in ["/session/events", "/silent"] {
        let refused = ask(&app, &alice, path).await;
        assert_eq!(refused.status(), 429, "{path}");
        let media_type = &refused.headers()["content-type"];
        assert_eq!(media_type, "application/problem+json", "{path}");
    }
    drop(open.pop());
    pass(GRAIN).await;
    open.push(Events::open(&app, &alice, "/session/events").await);
}
