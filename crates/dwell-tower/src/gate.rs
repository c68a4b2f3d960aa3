//! A check between the session layer and the service: what every layer but
//! the session layer is.
//!
//! A [`Gate`] looks at a request's head and its handle, and lets it pass or
//! refuses it. [`Gated`] is the service that asks one gate. The assembled
//! stack asks its gates in a row without a service for each: moving a request
//! and its future through three more services takes about 300 ns.
//!
//! A check of your own, among ours:
//!
//! ```
//! use dwell_core::SessionHandle;
//! use dwell_tower::gate::{Gate, Gated, RequestHead};
//! use dwell_tower::rejection::Refusal;
//!
//! #[derive(Clone)]
//! struct EmployeesOnly;
//!
//! impl Gate for EmployeesOnly {
//!     fn name(&self) -> &'static str {
//!         "the check for employees"
//!     }
//!
//!     fn admit(&self, handle: &SessionHandle, _: &RequestHead<'_>) -> Result<(), Refusal> {
//!         let subject = handle.subject().ok_or(Refusal::SessionRequired)?;
//!         match subject.as_str().ends_with("@bank.example") {
//!             true => Ok(()),
//!             false => Err(Refusal::SessionRequired),
//!         }
//!     }
//! }
//!
//! let service = Gated::new(tower::service_fn(|_: ()| async { Ok::<_, ()>(()) }), EmployeesOnly);
//! # let _ = service;
//! ```

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use dwell_core::{SessionHandle, SessionManager, Shown};
use http::{Extensions, HeaderMap, Method, Request, Response, Uri};
use tower_service::Service;

use crate::future::ResponseFuture;
use crate::rejection::{MakeRejection, Refusal, miswired};
use crate::shared::Shared;

/// A request without its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// What other middleware left.
    pub extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    /// The head of a request.
    pub fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

/// A check that a request passes or not.
pub trait Gate: Send + Sync + 'static {
    /// What it is called when something outside it is missing.
    fn name(&self) -> &'static str;

    /// Lets the request pass, or refuses it.
    ///
    /// # Errors
    /// The refusal.
    fn admit(&self, handle: &SessionHandle, request: &RequestHead<'_>) -> Result<(), Refusal>;

    /// Its own way to refuse; that of the stack around it where it has none.
    fn rejection(&self) -> Option<&dyn MakeRejection> {
        None
    }
}

/// The gates of an assembled stack, asked by the session layer itself: what
/// they find is in the handle before anybody else sees it.
pub(crate) trait Stack: Send + Sync {
    /// Makes the handle of a request, and lets it pass or refuses it.
    fn open(
        &self,
        manager: &SessionManager,
        shown: Shown<'_>,
        request: &RequestHead<'_>,
    ) -> (SessionHandle, Result<(), Refusal>);
}

/// The service that asks a gate before the inner service.
#[derive(Clone, Copy)]
pub struct Gated<S, G> {
    inner: S,
    gate: G,
}

impl<S, G> Gated<S, G> {
    /// Asks `gate` before `inner`.
    pub const fn new(inner: S, gate: G) -> Self {
        Self { inner, gate }
    }
}

impl<S: fmt::Debug, G> fmt::Debug for Gated<S, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, G, ReqBody, ResBody> Service<Request<ReqBody>> for Gated<S, G>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    G: Gate,
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
            let missing = format!("the session layer, outside {}", self.gate.name());
            return ResponseFuture::refused(miswired(&missing));
        };
        match self.gate.admit(handle, &RequestHead::of(&request)) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(refusal) => {
                // Also when nobody waits for the answer whose status says so.
                handle.mark_route(dwell_core::RouteMark::Passive);
                let (parts, _) = request.into_parts();
                let own = self.gate.rejection();
                ResponseFuture::refused(Shared::reject(own, refusal, &parts))
            }
        }
    }
}
