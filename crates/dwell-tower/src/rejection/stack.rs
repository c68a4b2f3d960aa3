//! How a stack refuses: what all of its layers share beside sessions.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use dwell_core::SessionState;
use http::request::Parts;
use http::{Extensions, Response, Uri};

use super::refusal::{Refusal, log, problem};
use crate::head::RequestHead;

/// The longest path that an event carries, in characters.
const MAX_ROUTE: usize = 256;

/// Makes the answer to a refused request.
pub trait MakeRejection: Send + Sync + 'static {
    /// The answer.
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

/// Names the route of a request from what the router left.
pub(crate) type NameRoute = fn(&Extensions) -> Option<&str>;

/// Finds a request's target as the client sent it, where a router has cut it.
pub(crate) type FindUri = fn(&Extensions) -> Option<&Uri>;

/// How the layers of one stack refuse, and how they name a route.
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

/// Refuses in a layer's own way, else in that of the stack around it, else in
/// the default way.
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

/// Refuses a request the way the stack around it does.
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

/// Names the request's route for events: the router's pattern where it is
/// known, since a path may hold secrets of the application, else the path.
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
