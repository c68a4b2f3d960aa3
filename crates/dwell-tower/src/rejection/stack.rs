//! The rejection and route names that the layers of a stack share.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use dwell_core::SessionState;
use http::request::Parts;
use http::{Extensions, Response, Uri};

use super::refusal::{Refusal, log, problem};
use crate::head::RequestHead;

/// The longest path in an event, in characters.
const MAX_ROUTE: usize = 256;

/// Makes answers to refused requests. Closures of the same arguments implement
/// it; the [module docs](super) have an example.
pub trait MakeRejection: Send + Sync + 'static {
    /// Returns the answer to a refused request.
    ///
    /// Any status will do: a refused request is never activity.
    /// [`Refusal::status`] is the usual one. The layer then adds the refusal to
    /// the answer's extensions and, inside a session layer, what the session's
    /// source gives back, such as the removal of the cookie. Clients read
    /// [`Refusal::reason`] from problem details, so start from
    /// [`problem`](super::problem) to keep them working.
    fn reject(&self, refusal: &Refusal, request: &Parts) -> Response<Bytes>;
}

impl<F> MakeRejection for F
where
    F: Fn(&Refusal, &Parts) -> Response<Bytes> + Send + Sync + 'static,
{
    fn reject(&self, refusal: &Refusal, request: &Parts) -> Response<Bytes> {
        self(refusal, request)
    }
}

/// Names a request's route from what the router left.
pub(crate) type NameRoute = fn(&Extensions) -> Option<&str>;

/// Finds a request's target as the client sent it, if a router has cut it.
pub(crate) type FindUri = fn(&Extensions) -> Option<&Uri>;

/// The rejection of a stack's layers, and their way to name a route.
#[derive(Clone)]
pub(crate) struct StackRejection {
    pub(crate) make: Arc<dyn MakeRejection>,
    pub(crate) name_route: NameRoute,
    pub(crate) original_uri: FindUri,
}

impl StackRejection {
    fn of(state: &SessionState) -> Option<&Self> {
        state.manager().shared()
    }

    /// Refuses a request that has no session state yet.
    pub(crate) fn reject_early(&self, refusal: Refusal, request: &Parts) -> Response<Bytes> {
        reject(Some(&*self.make), refusal, request)
    }
}

/// Refuses by a layer's own rejection, else by that of the stack around it, else
/// with problem details.
pub(crate) fn reject(
    own: Option<&dyn MakeRejection>,
    refusal: Refusal,
    request: &Parts,
) -> Response<Bytes> {
    log(&refusal);
    let stack = request.extensions.get().and_then(StackRejection::of);
    let mut response = match own.or(stack.map(|stack| &*stack.make)) {
        Some(make) => make.reject(&refusal, request),
        None => problem(&refusal),
    };
    response.extensions_mut().insert(refusal);
    response
}

/// Returns the answer that the stack around a handler gives to this refusal.
///
/// ```
/// use bytes::Bytes;
/// use dwell_core::SessionState;
/// use dwell_tower::rejection::{Refusal, refuse};
/// use http::{Response, request::Parts};
///
/// fn require_session(request: &Parts) -> Result<(), Response<Bytes>> {
///     let state = request.extensions.get::<SessionState>();
///     match state.and_then(|state| state.subject()) {
///         Some(_) => Ok(()),
///         None => Err(refuse(Refusal::SessionRequired, request)),
///     }
/// }
/// # let (request, ()) = http::Request::new(()).into_parts();
/// # assert_eq!(require_session(&request).unwrap_err().status(), 401);
/// ```
#[must_use]
pub fn refuse(refusal: Refusal, request: &Parts) -> Response<Bytes> {
    reject(None, refusal, request)
}

/// Returns the request's target as the client sent it.
pub(crate) fn uri_of<'a>(
    state: Option<&SessionState>,
    extensions: &'a Extensions,
    uri: &'a Uri,
) -> &'a Uri {
    let stack = state.and_then(StackRejection::of);
    let original = stack.and_then(|stack| (stack.original_uri)(extensions));
    original.unwrap_or(uri)
}

/// Names the request's route for events: the router's pattern if it is known,
/// since a path may contain secrets, else the path.
pub(crate) fn label_route(state: &SessionState, request: RequestHead<'_>) {
    state.label_route(|| {
        let named = StackRejection::of(state).and_then(|s| (s.name_route)(request.extensions));
        match named {
            Some(named) => named.into(),
            None => uri_of(Some(state), request.extensions, request.uri)
                .path()
                .chars()
                .take(MAX_ROUTE)
                .collect(),
        }
    });
}

impl Default for StackRejection {
    fn default() -> Self {
        Self {
            make: Arc::new(|refusal: &Refusal, _: &Parts| problem(refusal)),
            name_route: |_| None,
            original_uri: |_| None,
        }
    }
}

impl fmt::Debug for StackRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StackRejection")
    }
}
