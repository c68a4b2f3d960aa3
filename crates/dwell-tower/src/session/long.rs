//! A request that takes long: its touch, and the end of its session meanwhile.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::runtime;
use tokio::time::{Instant, Sleep, sleep_until};

use super::guard::Guard;
use crate::open::{CloseReason, Lifeline};
use crate::timer::{FAR, timer_now};

/// How long before the recorded deadline the touch is written.
const AHEAD: Duration = Duration::from_secs(1);

/// From when on a request takes long. Before, it costs one timer.
const LONG: Duration = Duration::from_millis(250);

/// Looks after a request whose service is pending.
///
/// - Its touch is written before the session's recorded deadline can pass: an
///   active request counts from its arrival (law L5). The status of its answer
///   then no longer takes that back. Where the policy says so, it holds the
///   session.
/// - If somebody ends the session meanwhile, a request by a safe method is over
///   (law L14).
#[derive(Default)]
pub(super) enum LongRequest {
    /// Not pending yet. Most requests never are for long.
    #[default]
    New,
    Timed(Box<Timed>),
    /// Nothing is left to look after.
    Done,
}

pub(super) struct Timed {
    timer: Pin<Box<Sleep>>,
    /// When the touch must be written.
    touch: Option<Instant>,
    watch: Watch,
}

/// Whether the end of the session is looked for.
enum Watch {
    /// From this instant on.
    From(Instant),
    Now(Box<Lifeline>),
    /// No: the request can't be stopped, or has no session.
    Never,
}

impl LongRequest {
    /// Polls while the service is pending. Returns why the request is over, if it
    /// is.
    pub(super) fn poll(&mut self, guard: &Guard, cx: &mut TaskContext<'_>) -> Option<CloseReason> {
        if let Self::New = self {
            *self = Timed::new(guard).map_or(Self::Done, |timed| Self::Timed(Box::new(timed)));
        }
        match self {
            Self::Timed(timed) => timed.poll(guard, cx),
            Self::New | Self::Done => None,
        }
    }
}

impl Timed {
    fn new(guard: &Guard) -> Option<Self> {
        let state = guard.state();
        state.session()?;
        runtime::Handle::try_current().ok()?;
        let now = timer_now();
        let touch = state.time_to_touch().map(|left| now + before(left));
        let watch = match guard.is_safe() {
            true => Watch::From(now + LONG),
            false => Watch::Never,
        };
        let first = Self::next(touch, &watch)?;
        Some(Self {
            timer: Box::pin(sleep_until(first)),
            touch,
            watch,
        })
    }

    /// When the timer must fire next.
    fn next(touch: Option<Instant>, watch: &Watch) -> Option<Instant> {
        let watch = match watch {
            Watch::From(at) => Some(*at),
            Watch::Now(_) | Watch::Never => None,
        };
        touch.into_iter().chain(watch).min()
    }

    fn poll(&mut self, guard: &Guard, cx: &mut TaskContext<'_>) -> Option<CloseReason> {
        while let Poll::Ready(()) = self.timer.as_mut().poll(cx) {
            let now = timer_now();
            if self.touch.is_some_and(|at| now >= at) {
                let left = guard.touch_in_flight();
                self.touch = left.map(|left| now + before(left));
            }
            if let Watch::From(at) = self.watch
                && now >= at
            {
                self.watch = match Lifeline::in_flight(guard.state()) {
                    Some(lifeline) => Watch::Now(Box::new(lifeline)),
                    None => Watch::Never,
                };
            }
            let next = Self::next(self.touch, &self.watch).unwrap_or(now + FAR);
            self.timer.as_mut().reset(next);
        }
        let Watch::Now(lifeline) = &mut self.watch else {
            return None;
        };
        let Poll::Ready(reason) = lifeline.poll_closed(cx) else {
            return None;
        };
        self.watch = Watch::Never;
        // A request that signs out is answered.
        (!guard.state().ends_itself()).then_some(reason)
    }
}

/// How long to wait with `left` until the deadline.
fn before(left: Duration) -> Duration {
    left.saturating_sub(AHEAD.min(left / 2)).min(FAR)
}
