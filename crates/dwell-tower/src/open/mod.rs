//! What stays open ends with its session (law L14).
//!
//! The session layer cuts response bodies that are streamed: at the deadline as
//! activity elsewhere has moved it, and within a second of an end on whatever
//! node. Event streams get a last event with the reason. Short bodies, and such
//! as are whole in memory, are sent as they are.
//!
//! A connection that was upgraded is the application's, and the layer can't cut
//! it. An answer of 101 in a session must therefore say who does: [`UpgradePolicy`]
//! in its extensions. One that does not becomes 500, and the log says what is
//! missing (law L16). `dwell-axum` has a WebSocket that does all of it.
//!
//! | file | what |
//! |---|---|
//! | `lifeline` | how long something may stay open |
//! | `toucher` | activity on it |
//! | `registry` | which connections are open, and how they hear of changes |
//! | `bell` | what wakes one of them |
//! | `body` | bodies that end with their session |
//! | `answer` | the bodies of a session layer's answers |
//!
//! Reading a body that was cut:
//!
//! ```
//! use dwell_core::EndReason;
//! use dwell_tower::open::{CloseReason, SessionClosed};
//!
//! let error = SessionClosed(CloseReason::Ended(EndReason::IdleTimeout));
//! assert_eq!(error.to_string(), "the session is over: idle_timeout");
//! ```

mod answer;
mod bell;
mod body;
mod lifeline;
mod registry;
mod toucher;

pub use answer::{AnyBodyFactory, BodyFactory, SessionBody};
pub use body::{BoxError, SessionBoundBody, SessionClosed};
pub use lifeline::{CloseReason, Lifeline, LifelineEvent};
pub(crate) use registry::OpenSessions;
pub use toucher::ActivityRecorder;

/// Who ends what stays open after an answer, in the answer's extensions, where
/// the session layer is not to do it or can't.
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
    /// Whoever serves it, by a [`Lifeline`].
    EndsWithSession,
    /// Nobody: it goes on when the session is over.
    OutlivesSession,
}
