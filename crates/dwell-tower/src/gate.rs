//! Checks between the session layer and the service. Every layer but the
//! session layer is one.
//!
//! A [`Gate`] looks at a request's head and its session state, and lets the
//! request pass or refuses it. [`Gated`] is the service that asks one gate. The
//! assembled stack asks its gates one after the other, without a service for
//! each, so that a request is moved only once.
//!
//! A custom check:
//!
//! ```
//! use dwell_core::SessionState;
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
//!     fn admit(&self, state: &SessionState, _: RequestHead<'_>) -> Result<(), Refusal> {
//!         let subject = state.subject().ok_or(Refusal::SessionRequired)?;
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
use dwell_core::SessionState;
use http::{Request, Response};
use tower_service::Service;

use crate::future::ResponseFuture;
pub use crate::head::RequestHead;
use crate::rejection::{MakeRejection, Refusal, miswired, reject};

/// Checks requests: lets each one pass or refuses it. See the
/// [module docs](self) for an example.
pub trait Gate: Send + Sync + 'static {
    /// Returns the gate's name, with its article, for the message that says
    /// which layer is missing around it.
    fn name(&self) -> &'static str;

    /// Checks a request.
    ///
    /// # Errors
    /// Returns the refusal if the request must not pass.
    fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal>;

    /// Returns the gate's own rejection. Defaults to `None`: refusals are
    /// answered by the rejection of the session layer.
    fn rejection(&self) -> Option<&dyn MakeRejection> {
        None
    }
}

macro_rules! gates_in_a_row {
    ($($gate:ident),*) => {
        impl<$($gate: Gate),*> Gate for ($($gate,)*) {
            fn name(&self) -> &'static str {
                "a row of gates"
            }

            #[allow(non_snake_case, unused_variables, reason = "one name for type and field")]
            fn admit(&self, state: &SessionState, request: RequestHead<'_>) -> Result<(), Refusal> {
                let ($($gate,)*) = self;
                $($gate.admit(state, request)?;)*
                Ok(())
            }
        }
    };
}

gates_in_a_row!();
gates_in_a_row!(A);
gates_in_a_row!(A, B);
gates_in_a_row!(A, B, C);
gates_in_a_row!(A, B, C, D);
gates_in_a_row!(A, B, C, D, E);

/// Asks a gate before the inner service.
///
/// It must be inside a [`SessionLayer`](crate::session::SessionLayer);
/// otherwise it answers 500 and logs what is missing.
#[derive(Clone, Copy)]
pub struct Gated<S, G> {
    inner: S,
    gate: G,
}

impl<S, G> Gated<S, G> {
    /// Returns a service that asks `gate` before `inner`.
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
        let Some(state) = request.extensions().get::<SessionState>() else {
            let missing = format!("the session layer, outside {}", self.gate.name());
            return ResponseFuture::refused(miswired(&missing));
        };
        match self.gate.admit(state, RequestHead::of(&request)) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(refusal) => {
                state.mark_refused();
                let (parts, _) = request.into_parts();
                let own = self.gate.rejection();
                ResponseFuture::refused(reject(own, refusal, &parts))
            }
        }
    }
}
