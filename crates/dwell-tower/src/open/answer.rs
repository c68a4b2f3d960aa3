//! The bodies of requests and answers that pass through a session layer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::begun::{BoxError, BytesBody};
use super::body::SessionBoundBody;

/// Makes the bodies that a session layer passes on: the client's, for the service
/// inside, and the service's, for the client.
///
/// [`AnyBodyFactory`] takes every type of body. A framework with boxed bodies can
/// pass them on without a wrapper, as `dwell-axum` does:
///
/// ```
/// use bytes::Bytes;
/// use dwell_tower::open::{AnyBodyFactory, BodyFactory, BoxError, SessionBoundBody};
/// use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
///
/// type Boxed = UnsyncBoxBody<Bytes, BoxError>;
///
/// struct BoxedFactory;
///
/// impl BodyFactory<Boxed> for BoxedFactory {
///     type Body = Boxed;
///
///     fn own(bytes: Bytes) -> Boxed {
///         Full::new(bytes).map_err(Into::into).boxed_unsync()
///     }
///
///     fn pass(body: Boxed) -> Boxed {
///         body
///     }
///
///     fn bind(body: SessionBoundBody<Boxed>) -> Boxed {
///         body.boxed_unsync()
///     }
/// }
/// ```
pub trait BodyFactory<B: BytesBody>: Send + Sync + 'static {
    /// The type of the body that is passed on.
    type Body;

    /// Makes the body of the layer's own answers, such as refusals.
    fn own(bytes: Bytes) -> Self::Body;

    /// Passes a body on unchanged.
    fn pass(body: B) -> Self::Body;

    /// Passes on a body that is cut at the end of its session.
    fn bind(body: SessionBoundBody<B>) -> Self::Body;
}

/// Makes a [`SessionBody`] of any type of body. The default factory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnyBodyFactory;

impl<B: BytesBody> BodyFactory<B> for AnyBodyFactory {
    type Body = SessionBody<B>;

    fn own(bytes: Bytes) -> SessionBody<B> {
        bytes.into()
    }

    fn pass(body: B) -> SessionBody<B> {
        SessionBody(Inner::Passed(body))
    }

    fn bind(body: SessionBoundBody<B>) -> SessionBody<B> {
        SessionBody(Inner::Bound(Box::new(body)))
    }
}

/// The body of a request or an answer that came through a session layer.
#[derive(Debug)]
pub struct SessionBody<B: BytesBody>(Inner<B>);

#[derive(Debug)]
enum Inner<B: BytesBody> {
    Own(Option<Bytes>),
    Passed(B),
    Bound(Box<SessionBoundBody<B>>),
}

impl<B: BytesBody> From<Bytes> for SessionBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Own(Some(bytes)))
    }
}

impl<B: BytesBody> Body for SessionBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Inner::Own(bytes) => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Inner::Passed(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            Inner::Bound(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Own(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Inner::Passed(body) => body.is_end_stream(),
            Inner::Bound(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Own(bytes) => {
                let left = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
            }
            Inner::Passed(body) => body.size_hint(),
            Inner::Bound(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body_util::{Empty, Full};

    use super::*;

    type Never = Empty<Bytes>;

    fn next<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Option<Bytes>
    where
        B::Error: std::fmt::Debug,
    {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(body).poll_frame(&mut cx) {
            Poll::Ready(frame) => Some(frame?.unwrap().into_data().unwrap()),
            Poll::Pending => panic!("the body is not ready"),
        }
    }

    #[test]
    fn own_body_is_one_frame_of_its_length() {
        let mut body = SessionBody::<Never>::from(Bytes::from("refused"));
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(7));
        assert_eq!(next(&mut body), Some("refused".into()));
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert_eq!(next(&mut body), None);
        assert_eq!(next(&mut body), None);
    }

    #[test]
    fn empty_own_body_has_no_frame() {
        let mut body = SessionBody::<Never>::from(Bytes::new());
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert_eq!(next(&mut body), None);
    }

    #[test]
    fn passed_body_is_unchanged() {
        let mut body = AnyBodyFactory::pass(Full::new(Bytes::from("served")));
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(6));
        assert_eq!(next(&mut body), Some("served".into()));
        assert!(body.is_end_stream());
        assert_eq!(next(&mut body), None);
    }
}
