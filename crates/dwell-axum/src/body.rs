//! Bodies of axum, which are boxed anyway: none gets a second box.

use axum::body::Body;
use bytes::Bytes;
use dwell_tower::open::{AnyBodyFactory, BodyFactory, SessionBoundBody};

/// Makes an axum [`Body`] of every answer of the session layers.
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
        Body::new(body)
    }

    fn is_long(body: &Body) -> bool {
        AnyBodyFactory::is_long(body)
    }
}
