//! The touch of a request that takes long.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::runtime;
use tokio::time::{Sleep, sleep};

use super::guard::Guard;

/// How long before the recorded deadline the touch is written.
const AHEAD: Duration = Duration::from_secs(1);

/// Writes the touch of a request that takes long before the session's recorded
/// deadline can pass: the request counts from its arrival (law L5). The status of
/// its answer then no longer takes that back.
#[derive(Default)]
pub(super) enum LongRequest {
    /// Not pending yet. Most requests never are for long, or earn no touch.
    #[default]
    New,
    Timed(Pin<Box<Sleep>>),
    Done,
}

impl LongRequest {
    /// Polls while the service is pending.
    pub(super) fn poll(&mut self, guard: &Guard, cx: &mut TaskContext<'_>) {
        if let Self::New = self {
            let pause = guard.state().time_to_touch().map(before);
            *self = match pause {
                Some(pause) if runtime::Handle::try_current().is_ok() => {
                    Self::Timed(Box::pin(sleep(pause)))
                }
                _ => Self::Done,
            };
        }
        if let Self::Timed(timer) = self
            && let Poll::Ready(()) = timer.as_mut().poll(cx)
        {
            guard.record_at_once();
            *self = Self::Done;
        }
    }
}

/// How long to wait with `left` until the deadline.
fn before(left: Duration) -> Duration {
    left.saturating_sub(AHEAD.min(left / 2))
}
