//! The layer that writes the client's address and network.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::SessionHandle;
use http::{Extensions, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::client_ip::client_ip;
use crate::future::ResponseFuture;
use crate::rejection::miswired;

/// The connection's other end, as a server puts it into the extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

type FindPeer = dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync;

/// Writes the client's address and network; see the [module docs](super).
#[derive(Clone)]
pub struct NetworkLayer {
    peer: Arc<FindPeer>,
}

impl NetworkLayer {
    /// Reads the connection's other end from a [`Peer`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_peer(|extensions: &Extensions| extensions.get::<Peer>().map(|peer| peer.0.ip()))
    }

    /// Reads the connection's other end by a closure.
    #[must_use]
    pub fn with_peer(peer: impl Fn(&Extensions) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        Self {
            peer: Arc::new(peer),
        }
    }
}

impl Default for NetworkLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NetworkLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkLayer")
    }
}

impl<S> Layer<S> for NetworkLayer {
    type Service = NetworkService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NetworkService {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service of [`NetworkLayer`].
#[derive(Clone, Debug)]
pub struct NetworkService<S> {
    inner: S,
    layer: NetworkLayer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for NetworkService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Some(handle) = request.extensions().get::<SessionHandle>() else {
            let missing = "the session layer, outside the network layer";
            return ResponseFuture::refused(miswired(missing));
        };
        let peer = (self.layer.peer)(request.extensions());
        let policies = handle.policies();
        if peer.is_none() && policies.has_networks() {
            let missing = "the peer's address: the policies name networks, but the server puts no \
                           address into the request (axum: into_make_service_with_connect_info)";
            return ResponseFuture::refused(miswired(missing));
        }
        let source = policies.client_ip();
        handle.locate(client_ip(source, peer, request.headers()));
        ResponseFuture::inner(self.inner.call(request))
    }
}
