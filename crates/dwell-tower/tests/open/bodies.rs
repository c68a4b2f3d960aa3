//! How bodies are cut: event streams with a last event, other bodies with an error,
//! so that no client takes a part for the whole.

use dwell_core::{EndReason, minutes, seconds};
use dwell_tower::open::CloseReason;
use http::{HeaderMap, HeaderValue, Response};

use crate::support::{
    Body, Ended, Feed, MS, OfLength, Reader, SECOND, World, download, event_stream, get, pass,
};

const IDLE: CloseReason = CloseReason::Ended(EndReason::IdleTimeout);

/// Opens a connection in a session, and returns how it was cut at the deadline.
async fn cut(answer: (Feed, Response<Body>), say: &[&'static str]) -> Ended {
    let world = World::new();
    let token = world.sign_in().await;
    let (feed, answer) = answer;
    let opened = world.node().answer(get("/", Some(&token)), answer).await;
    let reader = Reader::of(opened.into_body());
    for text in say {
        pass(SECOND).await;
        feed.say(text);
    }
    reader.ends_after(minutes(15)).await
}

/// The answer with one more header field.
fn with(
    answer: (Feed, Response<Body>),
    name: &'static str,
    value: &'static str,
) -> (Feed, Response<Body>) {
    let (feed, mut answer) = answer;
    answer
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    (feed, answer)
}

#[tokio::test(start_paused = true)]
async fn l14_other_body_breaks_off_with_error() {
    for answer in [download(), with(download(), "content-type", "text/html")] {
        let ended = cut(answer, &["some", "more"]).await;
        assert_eq!((ended.closing(), &*ended.text), (IDLE, "somemore"));
    }
    let (feed, mut plain) = download();
    plain.headers_mut().remove("content-type");
    assert_eq!(cut((feed, plain), &[]).await.closing(), IDLE);
}

#[tokio::test(start_paused = true)]
async fn l14_encoded_event_stream_gets_no_event() {
    let answer = with(event_stream(), "content-encoding", "gzip");
    let ended = cut(answer, &["\n\n"]).await;
    assert_eq!((ended.closing(), &*ended.text), (IDLE, "\n\n"));
}

#[tokio::test(start_paused = true)]
async fn l14_event_stream_cut_inside_event_just_ends() {
    for (said, between) in [
        (&[][..], true),
        (&["data: 1\n\n"], true),
        (&["data: 1\n", "\n"], true),
        (&["data: 1\r\n\r\n"], true),
        (&[": comment\n\n", "data: 2\n\n"], true),
        (&["data: 1"], false),
        (&["data: 1\n"], false),
        (&["data: 1\n\n", "data: 2\n"], false),
        (&["data: 1\n\nid: 7"], false),
    ] {
        let ended = cut(event_stream(), said).await;
        match between {
            true => assert_eq!(ended.reason(), "idle_timeout", "{said:?}"),
            false => {
                assert!(ended.error.is_none(), "{said:?}: {ended:?}");
                assert_eq!(ended.text, said.concat());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn l14_media_type_with_parameters_is_event_stream() {
    let typed = "Text/Event-Stream; charset=utf-8";
    let ended = cut(with(event_stream(), "content-type", typed), &[]).await;
    assert_eq!(ended.reason(), "idle_timeout");
}

#[tokio::test(start_paused = true)]
async fn stream_ending_before_deadline_ends_normally() {
    let world = World::new();
    let token = world.sign_in().await;
    let node = world.node();
    for (feed, reader) in [node.events(&token).await, node.download(&token).await] {
        feed.say("data: 1\n\n");
        pass(minutes(1)).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("digest", HeaderValue::from_static("abc"));
        feed.say_trailers(trailers.clone());
        drop(feed);
        let ended = reader.ends_now().await;
        assert!(ended.error.is_none(), "{ended:?}");
        assert_eq!(ended.text, "data: 1\n\n");
        assert_eq!(ended.trailers, Some(trailers));
    }
}

#[tokio::test(start_paused = true)]
async fn inner_body_error_passes_unchanged() {
    let world = World::new();
    let token = world.sign_in().await;
    let (feed, reader) = world.node().download(&token).await;
    feed.say("some");
    pass(seconds(5)).await;
    feed.fail("told to fail");
    let ended = reader.ends_now().await;
    assert_eq!(ended.error.unwrap().to_string(), "told to fail");
    assert_eq!(ended.text, "some");
}

#[tokio::test(start_paused = true)]
async fn l14_cut_body_yields_nothing_more_and_drops_inner_body() {
    use http_body::Body as _;
    use http_body_util::BodyExt;

    let world = World::new();
    let token = world.sign_in().await;
    let (feed, answer) = event_stream();
    let opened = world.node().answer(get("/", Some(&token)), answer).await;
    let mut body = opened.into_body();
    let last = body.frame().await.unwrap().unwrap();
    assert!(
        last.into_data()
            .unwrap()
            .starts_with(b"event: session-expired\n")
    );
    assert!(!feed.is_read());
    feed.say("data: more\n\n");
    assert!(body.is_end_stream());
    for _ in 0..3 {
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn l14_slow_body_of_known_length_is_cut_and_keeps_length() {
    use http_body::Body as _;

    for length in [64 * 1_024 + 1, 10_000_000] {
        let world = World::new();
        let token = world.sign_in().await;
        let (feed, body) = Feed::new();
        let answer = Response::new(Body::new(OfLength { body, length }));
        let opened = world.node().answer(get("/", Some(&token)), answer).await;
        let body = opened.into_body();
        // The writer learns by this that the body was cut.
        assert_eq!(body.size_hint().exact(), Some(length));
        let reader = Reader::of(body);
        feed.say("some");
        pass(minutes(15) - MS).await;
        assert!(reader.is_open());
        assert_eq!(reader.ends_after(minutes(15)).await.closing(), IDLE);
    }
}

// The last event would not fit into it.
#[tokio::test(start_paused = true)]
async fn l14_event_stream_of_known_length_promises_none() {
    use http_body::Body as _;

    let world = World::new();
    let token = world.sign_in().await;
    let (_feed, body) = Feed::new();
    let length = 10_000_000;
    let answer = Response::builder().header("content-type", "text/event-stream");
    let answer = answer.body(Body::new(OfLength { body, length })).unwrap();
    let opened = world.node().answer(get("/", Some(&token)), answer).await;
    let body = opened.into_body();
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(
        Reader::of(body).ends_after(minutes(15)).await.reason(),
        "idle_timeout"
    );
}
