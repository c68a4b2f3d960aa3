//! Bodies that end with their session.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use dwell_core::SessionState;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::begun::{Ahead, BoxError, BytesBody};
use super::close_reason::CloseReason;
use super::drain::Drain;
use super::lifeline::Lifeline;
use crate::grpc::is_grpc;
use crate::log;
use crate::sync::lock;
use crate::task::Task;

/// Cuts a body when its session ends.
///
/// An event stream (`text/event-stream`) ends with a last event,
/// `session-expired`, whose data is `{"reason":"idle_timeout"}` or another
/// reason, and without an event when the server shuts down. An answer of gRPC ends
/// with the status `UNAUTHENTICATED` and the reason, or with `UNAVAILABLE` when the
/// server shuts down. Any other body breaks off with the error [`SessionClosed`], so that no client takes a part
/// for the whole.
///
/// At the end the inner body is dropped, also if nobody reads on: a slow reader
/// keeps nothing going (law L14).
///
/// The session layer wraps every body that is not there at once. To wrap a body
/// that reaches a client in another way:
///
/// ```
/// use dwell_core::SessionHandle;
/// use dwell_tower::open::{BytesBody, Lifeline, SessionBoundBody};
/// use http::HeaderMap;
///
/// fn bind<B: BytesBody>(body: B, session: &SessionHandle) -> Option<SessionBoundBody<B>> {
///     let lifeline = Lifeline::of(session)?;
///     Some(SessionBoundBody::new(body, &HeaderMap::new(), lifeline))
/// }
/// ```
pub struct SessionBoundBody<B: BytesBody> {
    source: Arc<Mutex<Source<B>>>,
    /// The frame that was read ahead, and what was left to read before it.
    ahead: Option<Ahead>,
    watch: Watch,
    ending: Ending,
    // The last bytes that were sent.
    tail: Tail,
    /// Whether its client takes a part of it for the whole.
    looks_whole: bool,
    /// The request whose body this is, and how it is read on after a refusal.
    drained_if_refused: Option<(SessionState, Drain)>,
}

/// What the reader and the watching task share.
struct Source<B> {
    /// `None` at the end, and after it was cut.
    body: Option<B>,
    /// Why it was cut, until its reader has learned it.
    closed: Option<CloseReason>,
    /// The reader, waiting.
    reader: Option<Waker>,
}

const LOOKS_WHOLE: &str = "an answer was cut at the end of its session, and its client takes the \
                           part for the whole: it speaks HTTP/1.0. Let the proxy speak HTTP/1.1 \
                           (nginx: proxy_http_version 1.1), or send Content-Length. Logged once.";

/// What tells the client that its session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The body breaks off.
    Error,
    /// A last event.
    Event,
    /// gRPC's status, at the end.
    Trailers,
}

/// Who watches the session.
#[allow(clippy::large_enum_variant, reason = "the body is in a box")]
enum Watch {
    /// Nobody yet, of a request's body: whether there is a session is known when
    /// the body is first read.
    Unknown(SessionState),
    /// The reader: most bodies are there at once and cost no task.
    Reader(Lifeline),
    /// A task, so that a reader who stops reading keeps nothing going.
    Task { _until_dropped: Watching },
    /// Nobody: there is no session, or the body has ended.
    Nobody,
}

/// A watching task, which ends when this is dropped.
struct Watching(AbortHandle);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The error of a body whose session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionClosed(pub CloseReason);

impl fmt::Display for SessionClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the session is over: {}", self.0.as_str())
    }
}

impl std::error::Error for SessionClosed {}

impl<B: BytesBody> SessionBoundBody<B> {
    /// Cuts `body` at the end of `lifeline`. `headers` are those of the answer:
    /// they tell whether it is an event stream.
    pub fn new(body: B, headers: &HeaderMap, lifeline: Lifeline) -> Self {
        Self::of_answer(body, headers, Some(lifeline))
    }

    pub(crate) fn of_answer(body: B, headers: &HeaderMap, lifeline: Option<Lifeline>) -> Self {
        let ending = match (is_event_stream(headers), is_grpc(headers)) {
            (true, _) => Ending::Event,
            (false, true) => Ending::Trailers,
            (false, false) => Ending::Error,
        };
        let watch = match lifeline {
            Some(lifeline) if ending == Ending::Error => Watch::Reader(lifeline),
            Some(lifeline) => Watch::Reader(lifeline.until_shutdown()),
            None => Watch::Nobody,
        };
        Self::watched(body, ending, watch)
    }

    /// Cuts a request's body when somebody ends its session by a command, such as
    /// signing out. If the request is refused, the body is drained.
    pub(crate) fn of_request(body: B, state: SessionState, drain: Drain) -> Self {
        let drained_if_refused = Some((state.clone(), drain));
        let mut bound = Self::watched(body, Ending::Error, Watch::Unknown(state));
        bound.drained_if_refused = drained_if_refused;
        bound
    }

    /// Yields this first.
    pub(crate) fn with_ahead(mut self, ahead: Option<Ahead>) -> Self {
        self.ahead = ahead;
        self
    }

    fn watched(body: B, ending: Ending, watch: Watch) -> Self {
        let source = Source {
            body: Some(body),
            closed: None,
            reader: None,
        };
        Self {
            source: Arc::new(Mutex::new(source)),
            ahead: None,
            watch,
            ending,
            tail: Tail::default(),
            looks_whole: false,
            drained_if_refused: None,
        }
    }

    /// States whether the client takes a part for the whole: then the cut is logged.
    pub(crate) fn looking_whole(mut self, looks_whole: bool) -> Self {
        self.looks_whole = looks_whole;
        self
    }

    /// Ends the body and returns what its reader gets.
    fn cut(&mut self, reason: CloseReason) -> Option<Result<Frame<Bytes>, BoxError>> {
        self.finish();
        self.ahead = None;
        if self.looks_whole && self.ending == Ending::Error {
            static ONCE: Once = Once::new();
            ONCE.call_once(|| log::warn(LOOKS_WHOLE, None));
        }
        farewell(reason, self.ending, &self.tail)
    }

    fn finish(&mut self) {
        self.watch = Watch::Nobody;
        let body = lock(&self.source).body.take();
        drop(body);
    }

    /// Hands the watch over to a task, which drops the body at the end.
    fn hand_over(&mut self) {
        if let Watch::Reader(_) = &self.watch
            && let Ok(runtime) = Handle::try_current()
            && let Watch::Reader(lifeline) = std::mem::replace(&mut self.watch, Watch::Nobody)
        {
            let watching: Task = Box::pin(watch(lifeline, Arc::clone(&self.source)));
            let task = runtime.spawn(watching).abort_handle();
            let _until_dropped = Watching(task);
            self.watch = Watch::Task { _until_dropped };
        }
    }
}

impl<B: BytesBody> Drop for SessionBoundBody<B> {
    fn drop(&mut self) {
        if let Some((state, drain)) = &self.drained_if_refused
            && state.is_refused()
            && let Some(body) = lock(&self.source).body.take()
        {
            drain.start(body);
        }
    }
}

/// Waits for the end of the session, and drops the body then.
async fn watch<B: BytesBody>(mut lifeline: Lifeline, source: Arc<Mutex<Source<B>>>) {
    let reason = lifeline.closed().await;
    let (body, reader) = {
        let mut source = lock(&source);
        source.closed = Some(reason);
        (source.body.take(), source.reader.take())
    };
    drop(body);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// No event can be added to a body with a content encoding.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let name = b"text/event-stream";
    !headers.contains_key(header::CONTENT_ENCODING)
        && media_type.is_some_and(|value| {
            value
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
}

impl<B: BytesBody> Body for SessionBoundBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Watch::Unknown(state) = &this.watch {
            this.watch = match Lifeline::in_flight(state) {
                Some(lifeline) => Watch::Reader(lifeline),
                None => Watch::Nobody,
            };
        }
        // A body that is always ready must end, too.
        if let Watch::Reader(lifeline) = &mut this.watch
            && !lifeline.is_young()
            && let Poll::Ready(reason) = lifeline.poll_closed(cx)
        {
            return Poll::Ready(this.cut(reason));
        }
        let mut source = lock(&this.source);
        if let Some(reason) = source.closed.take() {
            drop(source);
            return Poll::Ready(this.cut(reason));
        }
        let polled = match (this.ahead.take(), &mut source.body) {
            (Some((frame, _)), _) => Poll::Ready(Some(frame)),
            (None, Some(body)) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            (None, None) => Poll::Ready(None),
        };
        let is_last = source.body.as_ref().is_none_or(Body::is_end_stream);
        if polled.is_pending() {
            source.reader = Some(cx.waker().clone());
        }
        drop(source);
        match polled {
            Poll::Ready(Some(frame)) => {
                if let Ok(frame) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    this.tail.push(data);
                }
                if !is_last {
                    this.hand_over();
                }
                Poll::Ready(Some(frame))
            }
            Poll::Ready(None) => {
                this.finish();
                Poll::Ready(None)
            }
            Poll::Pending => {
                this.hand_over();
                // Without a runtime nothing watches.
                if let Watch::Reader(lifeline) = &mut this.watch
                    && let Poll::Ready(reason) = lifeline.poll_closed(cx)
                {
                    return Poll::Ready(this.cut(reason));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let source = lock(&self.source);
        self.ahead.is_none()
            && match &source.body {
                Some(body) => body.is_end_stream(),
                // Its reader is still to learn why.
                None => source.closed.is_none(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        if self.ending != Ending::Error {
            return SizeHint::new();
        }
        match (&self.ahead, &lock(&self.source).body) {
            (Some((_, hint)), _) => *hint,
            (None, Some(body)) => body.size_hint(),
            (None, None) => SizeHint::new(),
        }
    }
}

fn farewell(
    reason: CloseReason,
    ending: Ending,
    tail: &Tail,
) -> Option<Result<Frame<Bytes>, BoxError>> {
    match ending {
        Ending::Error => return Some(Err(Box::new(SessionClosed(reason)))),
        Ending::Trailers => return Some(Ok(Frame::trailers(reason.trailers()))),
        Ending::Event => {}
    }
    // The session goes on, and the client connects again.
    if reason == CloseReason::Shutdown {
        return None;
    }
    // In the middle of an event, this one would become a part of it. The client
    // drops an unfinished event.
    tail.is_between_events()
        .then(|| Ok(Frame::data(reason.event().into())))
}

/// The last bytes that were sent.
#[derive(Debug, Default)]
struct Tail {
    bytes: [u8; 4],
    length: usize,
}

impl Tail {
    fn push(&mut self, data: &[u8]) {
        let data = &data[data.len().saturating_sub(4)..];
        let keep = self.length.min(4 - data.len());
        self.bytes.copy_within(self.length - keep..self.length, 0);
        self.bytes[keep..keep + data.len()].copy_from_slice(data);
        self.length = keep + data.len();
    }

    /// After nothing, or after an empty line (WHATWG HTML §9.2.6).
    fn is_between_events(&self) -> bool {
        let sent = &self.bytes[..self.length];
        let ends = [&b"\n\n"[..], b"\r\r", b"\r\n\r\n", b"\n\r\n"];
        sent.is_empty() || ends.iter().any(|end| sent.ends_with(end))
    }
}

impl<B: BytesBody> fmt::Debug for SessionBoundBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBoundBody")
            .field("closed", &lock(&self.source).closed)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_is_between_events_however_chunks_are_cut() {
        let between = |chunks: &[&str]| {
            let mut tail = Tail::default();
            chunks.iter().for_each(|chunk| tail.push(chunk.as_bytes()));
            tail.is_between_events()
        };
        assert!(between(&[]));
        assert!(between(&["data: a\n\n"]));
        assert!(between(&["data: a", "\n", "\n"]));
        assert!(between(&["data: a\r\n", "\r", "\n"]));
        assert!(between(&["data: a\r", "\r"]));
        assert!(between(&["data: a\n\n", "", ": comment\n\n"]));
        assert!(!between(&["data: a"]));
        assert!(!between(&["data: a\n"]));
        assert!(!between(&["data: a\n\n", "d"]));
        assert!(!between(&["data: a\r\n"]));
    }

    #[test]
    fn only_plain_event_stream_takes_event() {
        let is = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            is_event_stream(&headers)
        };
        assert!(is(&[("content-type", "text/event-stream")]));
        assert!(is(&[("content-type", "Text/Event-Stream; charset=utf-8")]));
        assert!(!is(&[("content-type", "text/html")]));
        assert!(!is(&[]));
        let zipped = ("content-encoding", "gzip");
        assert!(!is(&[("content-type", "text/event-stream"), zipped]));
    }
}
