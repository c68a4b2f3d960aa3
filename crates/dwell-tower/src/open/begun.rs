//! Bodies, and what of a short one is there at once.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that passes through a session layer. Every body of [`Bytes`] implements
/// it that can be moved between threads and in memory; put others into a box
/// (`Box::pin`).
pub trait BytesBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static {}

impl<B> BytesBody for B where B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static {}

/// The length up to which a body that is there at once is sent whole.
const SHORT: u64 = 64 * 1_024;

/// A frame that was read ahead, and what was left to read before it.
pub(crate) type Ahead = (Result<Frame<Bytes>, BoxError>, SizeHint);

/// A body of an answer, as far as it is there at once.
pub(crate) enum Begun<B: BytesBody> {
    /// All of it: a short body.
    Whole(Bytes),
    /// Perhaps its first frame.
    Part(B, Option<Ahead>),
}

/// Whether a body says that it is long, or says nothing of its length.
pub(crate) fn is_long<B: BytesBody>(body: &B) -> bool {
    body.size_hint().exact().is_none_or(|left| left > SHORT)
}

fn is_all(data: &Bytes, hint: SizeHint) -> bool {
    hint.exact() == u64::try_from(data.len()).ok()
}

impl<B: BytesBody> Begun<B> {
    /// Reads what is there of a body that says it is short. Its length says
    /// nothing of the time that the rest takes (N60).
    pub(crate) fn read(mut body: B) -> Self {
        if is_long(&body) {
            return Self::Part(body, None);
        }
        let hint = body.size_hint();
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(None) if hint.exact() == Some(0) => Self::Whole(Bytes::new()),
            // No client may take it for the whole.
            Poll::Ready(None) => {
                let error = "the body is shorter than it says".into();
                Self::Part(body, Some((Err(error), hint)))
            }
            Poll::Ready(Some(frame)) => match frame.map(Frame::into_data) {
                Ok(Ok(data)) if body.is_end_stream() && is_all(&data, hint) => Self::Whole(data),
                Ok(Ok(data)) => Self::Part(body, Some((Ok(Frame::data(data)), hint))),
                Ok(Err(other)) => Self::Part(body, Some((Ok(other), hint))),
                Err(error) => Self::Part(body, Some((Err(error.into()), hint))),
            },
            Poll::Pending => Self::Part(body, None),
        }
    }
}
