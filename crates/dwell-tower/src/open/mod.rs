//! Open connections end with their session (law L14).
//!
//! The session layer cuts response bodies: at the deadline as activity
//! elsewhere moves it, and within a second of an end on any node. Event streams
//! get a last event with the reason. Short bodies that are there at once are sent
//! unchanged.
//!
//! A request that is not answered yet outlives a timeout (N40), and not an end
//! that somebody orders, such as signing out: then its body is cut, and a request
//! by a safe method (RFC 9110 §9.2.1) is answered with 401 within a second. One
//! by another method can't be stopped without leaving its work half done, so its
//! handler asks [`still_live`](dwell_core::SessionHandle::still_live) before it
//! acts.
//!
//! An upgraded connection belongs to the application, and the layer can't cut
//! it. So an answer of 101 in a session must say who does, by an
//! [`UpgradePolicy`] in its extensions. Without one the answer becomes 500, and
//! the log says what is missing (law L16). `dwell-axum` has a WebSocket that
//! does all of it.
//!
//! | file | what |
//! |---|---|
//! | `lifeline` | how long something may stay open |
//! | `close_reason` | why something is closed |
//! | `recorder` | activity on an open connection |
//! | `look_up` | a look-up that the connections of a session share |
//! | `registry` | the open connections, and what notifies them |
//! | `notifier` | wakes the task of one connection |
//! | `begun` | what of a short body is there at once |
//! | `body` | bodies that end with their session |
//! | `answer` | the bodies that pass through a session layer |
//!
//! The error of a body that was cut:
//!
//! ```
//! use dwell_core::EndReason;
//! use dwell_tower::open::{CloseReason, SessionClosed};
//!
//! let error = SessionClosed(CloseReason::Ended(EndReason::IdleTimeout));
//! assert_eq!(error.to_string(), "the session is over: idle_timeout");
//! ```

mod answer;
mod begun;
mod body;
mod close_reason;
mod drain;
mod lifeline;
mod look_up;
mod notifier;
mod recorder;
mod registry;

pub use answer::{AnyBodyFactory, BodyFactory, SessionBody};
pub(crate) use begun::{Begun, is_long};
pub use begun::{BoxError, BytesBody};
pub(crate) use body::is_event_stream;
pub use body::{SessionBoundBody, SessionClosed};
pub use close_reason::CloseReason;
pub(crate) use drain::Drain;
pub use lifeline::{Lifeline, LifelineEvent};
pub use recorder::ActivityRecorder;
pub(crate) use registry::{Counted, KeepTouches, OpenSessions};

/// Says who ends a connection that stays open after an answer, if the session
/// layer does not or can't. Goes into the answer's extensions.
///
/// ```
/// use dwell_tower::open::UpgradePolicy;
/// use http::Response;
///
/// let mut response = Response::builder().status(101).body(()).unwrap();
/// response.extensions_mut().insert(UpgradePolicy::EndsWithSession);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradePolicy {
    /// The application ends it, by a [`Lifeline`].
    EndsWithSession,
    /// Nothing ends it: it stays open after the session is over.
    OutlivesSession,
}
