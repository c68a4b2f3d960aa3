//! The bare router, and layers that do nothing: what axum takes for a layer
//! whatever it does.

use std::task::{Context, Poll};

use axum::Router;
use axum::routing::get;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

async fn ok() -> &'static str {
    "ok"
}

/// An axum router.
pub fn bare() -> Router {
    Router::new().route("/", get(ok))
}

/// The same with a layer that does nothing.
pub fn layered() -> Router {
    bare().layer(NoopLayer)
}

/// The same with another one on the route, where the full stack has its
/// annotation.
pub fn layered_twice() -> Router {
    Router::new()
        .route("/", get(ok).layer(NoopLayer))
        .layer(NoopLayer)
}

/// Does nothing.
#[derive(Clone, Copy)]
struct NoopLayer;

/// The service of [`NoopLayer`].
#[derive(Clone)]
struct Noop<S>(S);

impl<S> Layer<S> for NoopLayer {
    type Service = Noop<S>;

    fn layer(&self, inner: S) -> Noop<S> {
        Noop(inner)
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Noop<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.0.call(request)
    }
}
