//! Bodies that the test feeds.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;
use tower::BoxError;

use dwell_test_support::Body;

type Part = Result<Frame<Bytes>, BoxError>;

/// Feeds a body. When this is dropped, the body ends.
#[derive(Debug)]
pub(crate) struct Feed(mpsc::UnboundedSender<Part>);

#[derive(Debug)]
struct Fed(mpsc::UnboundedReceiver<Part>);

impl Feed {
    pub(crate) fn new() -> (Self, Body) {
        let (send, receive) = mpsc::unbounded_channel();
        (Self(send), Body::new(Fed(receive)))
    }

    pub(crate) fn say(&self, text: &'static str) {
        self.send(Ok(Frame::data(text.into())));
    }

    pub(crate) fn say_trailers(&self, trailers: HeaderMap) {
        self.send(Ok(Frame::trailers(trailers)));
    }

    pub(crate) fn fail(&self, error: impl Into<BoxError>) {
        self.send(Err(error.into()));
    }

    /// Whether the body is still read.
    pub(crate) fn is_read(&self) -> bool {
        !self.0.is_closed()
    }

    fn send(&self, part: Part) {
        // The reader may be gone.
        let _ = self.0.send(part);
    }
}

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        self.0.poll_recv(cx)
    }
}

/// A body of known length.
#[derive(Debug)]
pub(crate) struct OfLength {
    pub(crate) body: Body,
    pub(crate) length: u64,
}

impl http_body::Body for OfLength {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// An answer with an event stream.
pub(crate) fn event_stream() -> (Feed, Response<Body>) {
    streamed("text/event-stream")
}

/// A streamed answer other than an event stream.
pub(crate) fn download() -> (Feed, Response<Body>) {
    streamed("application/octet-stream")
}

fn streamed(media_type: &'static str) -> (Feed, Response<Body>) {
    let (feed, body) = Feed::new();
    let response = Response::builder().header("content-type", media_type);
    (feed, response.body(body).unwrap())
}
