//! The bodies of a session layer's answers: the layer's own and the service's.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::body::{BoxError, SessionBoundBody, is_long};

/// Makes the bodies of a session layer's answers.
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
///
///     fn is_long(body: &Boxed) -> bool {
///         AnyBodyFactory::is_long(body)
///     }
/// }
/// ```
pub trait BodyFactory<B>: Send + Sync + 'static {
    /// The type of the client's body.
    type Body;

    /// Makes the body of the layer's own answers, such as refusals.
    fn own(bytes: Bytes) -> Self::Body;

    /// Passes the service's body on unchanged.
    fn pass(body: B) -> Self::Body;

    /// Passes on the service's body, cut at the end of its session.
    fn bind(body: SessionBoundBody<B>) -> Self::Body;

    /// Returns whether sending the service's body may take so long that its
    /// session ends meanwhile. Only long bodies are bound.
    fn is_long(body: &B) -> bool;
}

/// Makes a [`SessionBody`] of any type of body. The default factory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnyBodyFactory;

impl<B> BodyFactory<B> for AnyBodyFactory
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Body = SessionBody<B>;

    fn own(bytes: Bytes) -> SessionBody<B> {
        bytes.into()
    }

    fn pass(body: B) -> SessionBody<B> {
        SessionBody {
            inner: Inner::Passed { body },
        }
    }

    fn bind(body: SessionBoundBody<B>) -> SessionBody<B> {
        let body = Box::pin(body);
        SessionBody {
            inner: Inner::Bound { body },
        }
    }

    fn is_long(body: &B) -> bool {
        is_long(body)
    }
}

pin_project! {
    /// The body of an answer that came through a session layer.
    #[derive(Debug)]
    pub struct SessionBody<B> {
        #[pin]
        inner: Inner<B>,
    }
}

pin_project! {
    #[project = InnerProj]
    #[derive(Debug)]
    enum Inner<B> {
        Own { bytes: Option<Bytes> },
        Passed { #[pin] body: B },
        Bound { body: Pin<Box<SessionBoundBody<B>>> },
    }
}

impl<B> From<Bytes> for SessionBody<B> {
    fn from(bytes: Bytes) -> Self {
        let bytes = Some(bytes);
        Self {
            inner: Inner::Own { bytes },
        }
    }
}

impl<B> Body for SessionBody<B>
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
        match self.project().inner.project() {
            InnerProj::Own { bytes } => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            InnerProj::Passed { body } => body
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            InnerProj::Bound { body } => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Own { bytes } => bytes.as_ref().is_none_or(Bytes::is_empty),
            Inner::Passed { body } => body.is_end_stream(),
            Inner::Bound { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Own { bytes } => {
                let left = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
            }
            Inner::Passed { body } => body.size_hint(),
            Inner::Bound { body } => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use http_body_util::{Empty, Full};

    use super::*;

    type Never = Empty<Bytes>;

    /// A body of unknown length.
    struct Unknown;

    impl Body for Unknown {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

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

    #[test]
    fn body_over_64_kib_or_of_unknown_length_is_long() {
        let is_long = |length| AnyBodyFactory::is_long(&Full::new(Bytes::from(vec![0; length])));
        assert!(!is_long(0));
        assert!(!is_long(64 * 1_024));
        assert!(is_long(64 * 1_024 + 1));
        assert!(!AnyBodyFactory::is_long(&Never::new()));
        assert!(AnyBodyFactory::is_long(&Unknown));
    }
}
