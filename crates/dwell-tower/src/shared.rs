//! What the layers of one stack share beside sessions: how they refuse, how
//! they name a route, how clients hold tokens. Every handle leads here, so a
//! request counts no further references.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use dwell_core::store::TouchOutcome;
use dwell_core::{DueTouch, SessionHandle, SystemClock};
use http::request::Parts;
use http::{Extensions, Response, Uri};

use crate::cookie::SessionCookie;
use crate::gate::RequestHead;
use crate::open::OpenSessions;
use crate::rejection::{MakeRejection, Refusal, log, problem};
use crate::touch::TouchQueue;

/// The longest path that an event carries, in characters.
const MAX_ROUTE: usize = 256;

/// Names the route of a request from what the router left.
pub(crate) type NameRoute = fn(&Extensions) -> Option<&str>;

/// Finds a request's target as the client sent it, where a router has cut it.
pub(crate) type FindUri = fn(&Extensions) -> Option<&Uri>;

/// What the layers of one stack share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) rejection: Arc<dyn MakeRejection>,
    pub(crate) name_route: NameRoute,
    pub(crate) original_uri: FindUri,
    /// By which clients hold their tokens.
    pub(crate) cookie: Option<SessionCookie>,
    pub(crate) touches: TouchQueue,
    /// What is open beyond its answer.
    pub(crate) open: OpenSessions,
    /// Where the store's answers have to be waited for.
    pub(crate) remote: Option<Arc<Remote>>,
}

/// What is needed for a store whose answers have to be waited for.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    /// This machine's clock, since the store's can't be read without waiting.
    pub(crate) clock: SystemClock,
    /// Whether a look-up was ever answered at once, as by a copy that is kept
    /// near: then it is worth trying. Others would make every answer twice.
    copies: AtomicBool,
}

impl Remote {
    pub(crate) fn has_copies(&self) -> bool {
        self.copies.load(Ordering::Relaxed)
    }

    /// A look-up was answered at once.
    pub(crate) fn met_a_copy(&self) {
        if !self.has_copies() {
            self.copies.store(true, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// For a store whose answers have to be waited for.
    pub(crate) fn for_remote_store() -> Self {
        Self {
            remote: Some(Arc::default()),
            ..Self::default()
        }
    }

    /// The request's target as the client sent it.
    pub(crate) fn uri_of<'a>(
        handle: Option<&SessionHandle>,
        extensions: &'a Extensions,
        uri: &'a Uri,
    ) -> &'a Uri {
        let shared = handle.and_then(Self::of);
        let original = shared.and_then(|shared| (shared.original_uri)(extensions));
        original.unwrap_or(uri)
    }

    pub(crate) fn of(handle: &SessionHandle) -> Option<&Self> {
        handle.manager().shared()
    }

    /// Takes note of a touch that the store has answered, and tells what is open.
    pub(crate) fn touch_recorded(handle: &SessionHandle, touch: &DueTouch, touched: TouchOutcome) {
        handle.touch_recorded(touch, touched);
        if touched == TouchOutcome::Recorded
            && let Some(shared) = Self::of(handle)
        {
            shared.open.touched(touch.key);
        }
    }

    /// Refuses in a layer's own way, else in that of the stack around it,
    /// else in the default way.
    pub(crate) fn reject(
        own: Option<&dyn MakeRejection>,
        refusal: Refusal,
        request: &Parts,
    ) -> Response<Bytes> {
        log(&refusal);
        let handle = request.extensions.get::<SessionHandle>();
        let stack = handle.and_then(Self::of);
        let mut response = match own.or(stack.map(|stack| &*stack.rejection)) {
            Some(make) => make.reject(&refusal, request),
            None => problem(&refusal),
        };
        response.extensions_mut().insert(refusal);
        response
    }

    /// Refuses a request that has no handle yet.
    pub(crate) fn reject_early(&self, refusal: Refusal, request: &Parts) -> Response<Bytes> {
        Self::reject(Some(&*self.rejection), refusal, request)
    }

    /// Names the request's route for events: the router's pattern where it is
    /// known, since a path may hold secrets of the application, else the path.
    pub(crate) fn label_route(handle: &SessionHandle, request: &RequestHead<'_>) {
        handle.label_route(|| {
            match Self::of(handle).and_then(|s| (s.name_route)(request.extensions)) {
                Some(named) => named.into(),
                None => Self::uri_of(Some(handle), request.extensions, request.uri)
                    .path()
                    .chars()
                    .take(MAX_ROUTE)
                    .collect(),
            }
        });
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            // Programs without pages of their own carry no code that sends there.
            rejection: Arc::new(|refusal: &Refusal, _: &Parts| problem(refusal)),
            name_route: |_| None,
            original_uri: |_| None,
            cookie: Some(SessionCookie::new()),
            touches: TouchQueue::default(),
            open: OpenSessions::default(),
            remote: None,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}
