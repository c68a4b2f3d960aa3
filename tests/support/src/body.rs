//! One type for any body, and for services and layers that answer with it. A
//! session layer answers with another type than its inner service.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tower::util::{BoxCloneSyncService, BoxCloneSyncServiceLayer};
use tower::{BoxError, Layer, Service, ServiceExt};

/// Any body, boxed.
#[derive(Debug, Default)]
pub struct Body(UnsyncBoxBody<Bytes, BoxError>);

impl Body {
    /// Boxes a body.
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(body.map_err(Into::into).boxed_unsync())
    }

    /// Returns the whole body as text.
    pub async fn text(self) -> String {
        let bytes = self.0.collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.into()).unwrap()
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::new(Full::new(bytes.into()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// Any service, boxed, that answers with a [`Body`].
pub struct App<E = BoxError>(BoxCloneSyncService<Request<Body>, Response<Body>, E>);

impl<E> App<E> {
    /// Boxes a service.
    pub fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = E>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let boxed = |response: Response<B>| response.map(Body::new);
        Self(BoxCloneSyncService::new(service.map_response(boxed)))
    }
}

impl<E> Clone for App<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for App<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl<E> Service<Request<Body>> for App<E> {
    type Response = Response<Body>;
    type Error = E;
    type Future =
        <BoxCloneSyncService<Request<Body>, Response<Body>, E> as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0.call(request)
    }
}

/// Any service, boxed, inside layers that pass on bodies of their own.
pub struct Inner<E = BoxError>(App<E>);

impl<E> Inner<E> {
    /// Boxes a service.
    pub fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>, Error = E>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(App::new(service))
    }
}

impl<E> Clone for Inner<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Inner<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inner")
    }
}

impl<E, B> Service<Request<B>> for Inner<E>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = E;
    type Future = <App<E> as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.call(request.map(Body::new))
    }
}

/// Any layer, boxed, that answers with a [`Body`].
#[derive(Clone)]
pub struct AnyLayer(BoxCloneSyncServiceLayer<Inner, Request<Body>, Response<Body>, BoxError>);

impl AnyLayer {
    /// Boxes a layer.
    pub fn new<L, B>(layer: L) -> Self
    where
        L: Layer<Inner> + Send + Sync + 'static,
        L::Service: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
        L::Service: Clone + Send + Sync + 'static,
        <L::Service as Service<Request<Body>>>::Future: Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let boxed = tower::layer::layer_fn(move |inner: Inner| App::new(layer.layer(inner)));
        Self(BoxCloneSyncServiceLayer::new(boxed))
    }
}

impl fmt::Debug for AnyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyLayer")
    }
}

impl Layer<Inner> for AnyLayer {
    type Service = Inner;

    fn layer(&self, inner: Inner) -> Inner {
        Inner(App(self.0.layer(inner)))
    }
}
