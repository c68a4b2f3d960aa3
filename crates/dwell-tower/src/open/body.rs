//! Response bodies that end with their session.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::lifeline::{CloseReason, Lifeline};

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The length up to which the rest of a body is sent whole: sending it takes
/// hardly any time.
const SHORT: u64 = 64 * 1_024;

pin_project! {
    /// Cuts a body when its session ends.
    ///
    /// An event stream (`text/event-stream`) ends with a last event,
    /// `session-expired`, whose data is `{"reason":"idle_timeout"}` or another
    /// reason, and without an event when the server shuts down. Any other body
    /// breaks off with the error [`SessionClosed`], so that no client takes a part
    /// for the whole.
    ///
    /// The session layer wraps every streamed body. To wrap a body that reaches
    /// a client in another way:
    ///
    /// ```
    /// use bytes::Bytes;
    /// use dwell_core::SessionHandle;
    /// use dwell_tower::open::{Lifeline, SessionBoundBody};
    /// use http::HeaderMap;
    /// use http_body::Body;
    ///
    /// fn bind<B: Body<Data = Bytes>>(body: B, session: &SessionHandle) -> Option<SessionBoundBody<B>> {
    ///     let lifeline = Lifeline::of(session)?;
    ///     Some(SessionBoundBody::new(body, &HeaderMap::new(), lifeline))
    /// }
    /// ```
    pub struct SessionBoundBody<B> {
        #[pin]
        body: Option<B>,
        lifeline: Lifeline,
        events: bool,
        // The last bytes that were sent.
        tail: Tail,
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

/// Whether sending a body may take so long that its session ends meanwhile.
pub(crate) fn is_long<B: Body>(body: &B) -> bool {
    !body.is_end_stream() && body.size_hint().exact().is_none_or(|left| left > SHORT)
}

impl<B> SessionBoundBody<B> {
    /// Cuts `body` at the end of `lifeline`. `headers` are those of the answer:
    /// they tell whether it is an event stream.
    pub fn new(body: B, headers: &HeaderMap, lifeline: Lifeline) -> Self {
        let events = is_event_stream(headers);
        Self {
            body: Some(body),
            lifeline: match events {
                true => lifeline.until_shutdown(),
                false => lifeline,
            },
            events,
            tail: Tail::default(),
        }
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

impl<B> Body for SessionBoundBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let Some(mut body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        // Most bodies are there at once and cost no timer. A body that is
        // always ready must end, too.
        if !this.lifeline.is_young()
            && let Poll::Ready(reason) = this.lifeline.poll_closed(cx)
        {
            this.body.set(None);
            return Poll::Ready(farewell(reason, *this.events, this.tail));
        }
        match body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(frame)) => {
                if let Ok(frame) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    this.tail.push(data);
                }
                Poll::Ready(Some(frame.map_err(Into::into)))
            }
            Poll::Ready(None) => {
                this.body.set(None);
                Poll::Ready(None)
            }
            Poll::Pending => {
                let reason = ready!(this.lifeline.poll_closed(cx));
                this.body.set(None);
                Poll::Ready(farewell(reason, *this.events, this.tail))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.body, self.events) {
            (Some(body), false) => body.size_hint(),
            _ => SizeHint::new(),
        }
    }
}

fn farewell(
    reason: CloseReason,
    events: bool,
    tail: &Tail,
) -> Option<Result<Frame<Bytes>, BoxError>> {
    if !events {
        return Some(Err(Box::new(SessionClosed(reason))));
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

impl<B> fmt::Debug for SessionBoundBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBoundBody")
            .field("lifeline", &self.lifeline)
            .field("events", &self.events)
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
