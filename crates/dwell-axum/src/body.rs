//! Bodies of axum, which are boxed anyway: none gets a second box.

use axum::body::Body;
use bytes::Bytes;
use dwell_tower::open::{AnyBody, MakeBody, UntilEnd};

/// Makes an axum [`Body`] of every answer of the session layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AxumBody;

impl MakeBody<Body> for AxumBody {
    type Body = Body;

    fn own(bytes: Bytes) -> Body {
        Body::from(bytes)
    }

    fn pass(body: Body) -> Body {
        body
    }

    fn bind(body: UntilEnd<Body>) -> Body {
        Body::new(body)
    }

    fn is_long(body: &Body) -> bool {
        AnyBody::is_long(body)
    }
}
