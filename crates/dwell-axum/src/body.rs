//! The body factory for axum, whose bodies are boxed already.

use axum::body::Body;
use bytes::Bytes;
use dwell_tower::open::{BodyFactory, SessionBoundBody};
use http_body_util::BodyExt;

/// Makes axum [`Body`]s for the requests and answers that pass through the
/// session layers.
///
/// A body factory turns three kinds of body into one type: bodies of the layers'
/// answers (a refusal), bodies that pass unchanged, and bodies that are cut when
/// their session ends.
/// [`AnyBodyFactory`](dwell_tower::open::AnyBodyFactory), the default of
/// `dwell-tower`, wraps any type of body.
/// axum's `Body` is boxed already, so this factory hands it on without a second
/// box.
///
/// [`session_timeout`](crate::session_timeout) uses it already. Name it when
/// you assemble single layers for an axum router:
///
/// ```
/// use dwell_axum::dwell_tower::session::SessionLayer;
/// use dwell_axum::{AxumBodyFactory, SessionManager};
///
/// fn layer(sessions: &SessionManager) -> SessionLayer<(), AxumBodyFactory> {
///     SessionLayer::new(sessions).with_body_factory()
/// }
/// # let _ = layer;
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxumBodyFactory;

impl BodyFactory<Body> for AxumBodyFactory {
    type Body = Body;

    fn own(bytes: Bytes) -> Body {
        Body::from(bytes)
    }

    fn pass(body: Body) -> Body {
        body
    }

    fn bind(body: SessionBoundBody<Body>) -> Body {
        // axum's extractors look for the cause under its own error, and not under
        // two of them.
        Body::new(body.map_err(|error| match error.downcast::<axum::Error>() {
            Ok(error) => error.into_inner(),
            Err(error) => error,
        }))
    }
}
