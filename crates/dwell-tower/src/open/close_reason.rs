//! Why an open connection is closed.

use dwell_core::{EndReason, SessionOver};
use http::HeaderMap;

use crate::grpc;

/// Why an open connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The session has ended.
    Ended(EndReason),
    /// The session is locked until its subject authenticates again.
    Locked,
    /// The route asks for authentication again.
    StepUpRequired,
    /// The server shuts down; the session goes on. Only with
    /// [`Lifeline::until_shutdown`](super::Lifeline::until_shutdown).
    Shutdown,
    /// The store did not answer at the deadline, so it is unknown whether the
    /// session still lives.
    StoreUnavailable,
    /// The store no longer has the session.
    Unknown,
}

impl From<SessionOver> for CloseReason {
    fn from(over: SessionOver) -> Self {
        match over {
            SessionOver::Ended(reason) => Self::Ended(reason),
            SessionOver::Locked => Self::Locked,
            SessionOver::Unknown => Self::Unknown,
        }
    }
}

impl CloseReason {
    /// Returns the `reason` that a refusal of the next request would carry,
    /// such as `idle_timeout`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended(reason) => reason.as_str(),
            Self::Locked => "session_locked",
            Self::StepUpRequired => "step_up_required",
            Self::Shutdown => "server_shutdown",
            Self::StoreUnavailable => "store_unavailable",
            Self::Unknown => "session_required",
        }
    }

    /// Returns `true` if somebody ended the session, or if nobody knows of it any
    /// more: nothing else may happen on its behalf.
    pub(super) const fn is_ordered(self) -> bool {
        match self {
            Self::Ended(reason) => !reason.is_timeout(),
            Self::Unknown => true,
            Self::Locked | Self::StepUpRequired | Self::Shutdown | Self::StoreUnavailable => false,
        }
    }

    /// Returns the last event of an event stream (`text/event-stream`):
    /// `session-expired` with the reason, or `step-up-required` if the session goes
    /// on.
    #[must_use]
    pub fn event(self) -> String {
        let (name, reason) = (self.event_name(), self.as_str());
        format!("event: {name}\ndata: {{\"reason\":\"{reason}\"}}\n\n")
    }

    /// Returns the trailers of a gRPC stream.
    pub(super) fn trailers(self) -> HeaderMap {
        let status = match self {
            Self::Shutdown | Self::StoreUnavailable => grpc::Status::Unavailable,
            Self::Ended(_) | Self::Locked | Self::StepUpRequired | Self::Unknown => {
                grpc::Status::Unauthenticated
            }
        };
        let mut trailers = HeaderMap::new();
        grpc::write(&mut trailers, status, Some(self.as_str()));
        trailers
    }

    /// Returns the name of the last event, for an event with data of its own.
    #[must_use]
    pub const fn event_name(self) -> &'static str {
        match self {
            // The session goes on.
            Self::StepUpRequired => "step-up-required",
            _ => "session-expired",
        }
    }
}
