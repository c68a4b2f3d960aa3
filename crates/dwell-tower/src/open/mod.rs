//! Open connections end with their session (law L14).
//!
//! The session layer cuts streamed response bodies: at the deadline as activity
//! elsewhere moves it, and within a second of an end on any node. Event streams
//! get a last event with the reason. Short bodies, and bodies that are whole in
//! memory, are sent unchanged.
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
//! | `recorder` | activity on an open connection |
//! | `look_up` | a look-up that the connections of a session share |
//! | `registry` | the open connections, and what notifies them |
//! | `notifier` | wakes the task of one connection |
//! | `body` | bodies that end with their session |
//! | `answer` | the bodies of a session layer's answers |
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
mod body;
mod lifeline;
mod look_up;
mod notifier;
mod recorder;
mod registry;

pub use answer::{AnyBodyFactory, BodyFactory, SessionBody};
pub(crate) use body::is_event_stream;
pub use body::{BoxError, SessionBoundBody, SessionClosed};
pub use lifeline::{CloseReason, Lifeline, LifelineEvent};
pub use recorder::ActivityRecorder;
pub(crate) use registry::{Counted, OpenSessions};

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
