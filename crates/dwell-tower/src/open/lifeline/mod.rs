//! How long something may stay open: for as long as its session lives.

mod outlive;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dwell_core::engine::AreaDeadline;
use dwell_core::store::StoreError;
use dwell_core::{
    Deadlines, Recheck, Rechecked, SessionHandle, SessionOver, Timestamp, Verdict, seconds,
};
use tokio::time::{Instant, Sleep, sleep_until};

use super::close_reason::CloseReason;
use super::registry::{Counted, OpenSessions, Place};
use crate::timer::{FAR, timer_now};

/// When a connection is first entered and checked. Most answers are over by then.
/// The first check makes sure that nothing was missed (N39).
const FIRST_CHECK: Duration = Duration::from_millis(250);

/// The longest sleep. Timers do not count while the machine sleeps, so the
/// machine's clock is looked at after that.
const LONGEST_SLEEP: Duration = seconds(60);

/// Longer than a tick of a clock that is read in ticks.
const TICK: Duration = Duration::from_millis(5);

/// How long the store's answer is waited for at the deadline: everything is
/// closed within a second of it.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the store is polled while no changes are delivered.
const POLL_INTERVAL: Duration = seconds(1);

/// Tells a connection that stays open after the answer when its session is over
/// (law L14): at the deadline as activity elsewhere moves it, and within a second
/// of an end on any node.
///
/// A lifeline costs a timer. It asks the store a quarter of a second after the
/// start, at each deadline, and when the session has changed; once a second if
/// the store has no change feed or has lost it. Asking is never activity.
///
/// The session layer cuts response bodies in the same way. For other
/// connections, such as an upgraded one:
///
/// ```
/// use dwell_core::SessionHandle;
/// use dwell_tower::open::{CloseReason, Lifeline};
///
/// async fn serve(session: &SessionHandle) {
///     let Some(mut lifeline) = Lifeline::of(session) else { return };
///     tokio::select! {
///         () = talk() => {}
///         reason = lifeline.closed() => hang_up(reason.as_str()),
///     }
/// }
/// # async fn talk() {}
/// # fn hang_up(_: &str) {}
/// ```
///
/// It needs tokio's timers: without a runtime it closes at once.
pub struct Lifeline {
    recheck: Recheck,
    open: OpenSessions,
    /// Entered at the first check.
    place: Option<Place>,
    /// Whether touches on this node notify it.
    touches: bool,
    /// Whether it closes when the server shuts down.
    until_shutdown: bool,
    /// Set for a request in flight, which outlives a timeout.
    in_flight: Option<InFlight>,
    /// Its place among the session's event streams and WebSockets.
    counted: Option<Arc<Counted>>,
    timer: Option<Pin<Box<Sleep>>>,
    first_check: Instant,
    /// The nearest deadline, as far as it is known, by the timer's clock and by
    /// the machine's: the timer's stands still while the machine sleeps.
    deadline: Instant,
    deadline_by_clock: Timestamp,
    /// When to check before that.
    check_by: Option<Instant>,
    /// The check under way, in a mutex that is never locked, so that a body
    /// that holds this is `Sync`.
    check: Option<Mutex<Check>>,
    closed: Option<CloseReason>,
}

/// A request in flight.
#[derive(Clone, Copy)]
struct InFlight {
    /// When it arrived, by the store's clock.
    arrived: Timestamp,
    /// How long it may go on if its session times out. `None`: until it is answered.
    bound: Option<Duration>,
}

type Check = Pin<Box<dyn Future<Output = Result<Rechecked, StoreError>> + Send>>;

/// What happens to the session of a [`Lifeline`].
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once in a while, in place")]
#[non_exhaustive]
pub enum LifelineEvent {
    /// The session is over.
    Closed(CloseReason),
    /// The session was checked and lives: its deadlines, and what was found.
    Alive(Deadlines, Rechecked),
}

impl Lifeline {
    /// Returns the lifeline of a request's session; `None` without a live
    /// session, or outside a session layer.
    #[must_use]
    pub fn of(handle: &SessionHandle) -> Option<Self> {
        Self::new(handle, false)
    }

    /// Returns a lifeline that also checks the session whenever this node
    /// records activity.
    #[must_use]
    pub fn with_touches(handle: &SessionHandle) -> Option<Self> {
        Self::new(handle, true)
    }

    /// Returns the lifeline of a request that is not answered yet. A timeout does
    /// not close it, or only after the time that the session's policy grants
    /// ([`in_flight`](dwell_core::PolicyBuilder::in_flight)): a request that was
    /// admitted in time finishes (N40). Every end that somebody orders closes it.
    #[must_use]
    pub fn in_flight(handle: &SessionHandle) -> Option<Self> {
        let in_flight = InFlight {
            arrived: handle.session()?.now,
            bound: handle.in_flight_bound(),
        };
        Some(Self {
            in_flight: Some(in_flight),
            ..Self::new(handle, false)?
        })
    }

    fn new(handle: &SessionHandle, touches: bool) -> Option<Self> {
        let deadlines = handle.current_deadlines()?;
        let remaining = remaining(&deadlines, handle.area_deadline());
        let open = OpenSessions::of(handle)?.clone();
        let deadline = timer_now() + remaining;
        Some(Self {
            recheck: handle.recheck()?,
            place: None,
            touches,
            until_shutdown: false,
            in_flight: None,
            counted: None,
            timer: None,
            first_check: deadline.min(timer_now() + FIRST_CHECK),
            deadline,
            deadline_by_clock: open.now() + remaining,
            check_by: None,
            check: None,
            closed: None,
            open,
        })
    }

    /// Closes also when the server shuts down
    /// ([`SessionTimeoutLayer::end_event_streams`](crate::SessionTimeoutLayer::end_event_streams)).
    /// For streams that would keep a server from stopping.
    #[must_use]
    pub fn until_shutdown(mut self) -> Self {
        self.until_shutdown = true;
        self
    }

    /// Counts this among the session's event streams and WebSockets. Returns
    /// `None` if the session has as many as it may have, 32 by default
    /// ([`SessionTimeoutLayer::with_max_streams`](crate::SessionTimeoutLayer::with_max_streams)):
    /// answer [`Refusal::TooManyStreams`](crate::rejection::Refusal::TooManyStreams)
    /// then. The place is free again when this is dropped or closed.
    #[must_use]
    pub fn counted(mut self) -> Option<Self> {
        self.counted = Some(self.take_place()?);
        Some(self)
    }

    /// Does the same with a place that was taken before.
    pub(crate) fn with_place(mut self, counted: Arc<Counted>) -> Self {
        self.counted = Some(counted);
        self
    }

    /// Takes a place among the streams of the session.
    pub(crate) fn take_place(&self) -> Option<Arc<Counted>> {
        self.open.count(self.recheck.key())
    }

    /// Waits until the session is over.
    pub async fn closed(&mut self) -> CloseReason {
        poll_fn(|cx| self.poll_closed(cx)).await
    }

    /// Polls for the end of the session; see [`closed`](Self::closed).
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        loop {
            if let LifelineEvent::Closed(reason) = ready!(self.poll_next(cx)) {
                return Poll::Ready(reason);
            }
        }
    }

    /// Waits for the next event: the session is over, or it was checked and
    /// lives. After the end every event is [`LifelineEvent::Closed`].
    pub async fn next(&mut self) -> LifelineEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next event; see [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<LifelineEvent> {
        loop {
            if let Some(reason) = self.closed {
                return Poll::Ready(LifelineEvent::Closed(reason));
            }
            if self.until_shutdown && self.open.is_stopping() {
                return Poll::Ready(self.close(CloseReason::Shutdown));
            }
            if self.timer.is_none() && !self.set_timer() {
                return Poll::Ready(self.close(CloseReason::StoreUnavailable));
            }
            if let Some(check) = &mut self.check {
                let check = check.get_mut().unwrap_or_else(PoisonError::into_inner);
                let found = match check.as_mut().poll(cx) {
                    Poll::Ready(found) => found,
                    Poll::Pending => {
                        ready!(self.poll_timer(cx));
                        Err(StoreError::unavailable("no answer at the deadline"))
                    }
                };
                self.check = None;
                if let Some(event) = self.apply(found) {
                    return Poll::Ready(event);
                }
                continue;
            }
            let place = self.place.as_ref();
            if !place.is_some_and(|place| place.notifier.take(cx)) {
                ready!(self.poll_timer(cx));
                if !self.is_due() {
                    self.rest();
                    continue;
                }
            }
            let event = self.start_check().and_then(|found| self.apply(found));
            if let Some(event) = event {
                return Poll::Ready(event);
            }
        }
    }

    /// Checks the session after `pause` at the latest, also if nothing happens
    /// before.
    pub fn check_in(&mut self, pause: Duration) {
        let at = timer_now() + pause.min(FAR);
        self.check_by = Some(self.check_by.map_or(at, |earlier| earlier.min(at)));
        if let Some(timer) = &mut self.timer
            && at < timer.deadline()
        {
            timer.as_mut().reset(at);
        }
    }

    /// Whether it is too early for a check.
    pub(super) fn is_young(&self) -> bool {
        timer_now() < self.first_check
    }

    /// Sets the timer for the first time. Returns `false` without a runtime:
    /// then nothing could be closed in time.
    fn set_timer(&mut self) -> bool {
        if tokio::runtime::Handle::try_current().is_err() {
            let message = "no tokio runtime: the connection is closed, since it could not be \
                           closed at the end of its session";
            crate::log::error(message, None);
            return false;
        }
        self.timer = Some(Box::pin(sleep_until(self.first_check)));
        true
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Whether the store has to be asked, and not only the time.
    fn is_due(&self) -> bool {
        let now = timer_now();
        self.place.is_none()
            || !self.open.is_notified()
            || now >= self.deadline
            || self.check_by.is_some_and(|at| now >= at)
            || self.open.now() >= self.deadline_by_clock
    }

    /// Asks the store, together with the session's other connections; returns
    /// `Some` if it answers at once.
    fn start_check(&mut self) -> Option<Result<Rechecked, StoreError>> {
        let recheck = &self.recheck;
        if self.place.is_none() {
            // Before the store is asked, so that nothing is missed in between.
            let entered = self
                .open
                .enter(recheck.manager(), recheck.key(), self.touches);
            self.place = Some(entered);
        }
        let is_local = recheck.manager().store().is_local();
        let at_once = is_local.then(|| recheck.run_at_once()).flatten();
        if at_once.is_none() {
            let found = self.open.look_up(recheck.manager(), recheck.key());
            let recheck = recheck.clone();
            let check: Check = Box::pin(async move { recheck.run_on(found.await).await });
            self.check = Some(Mutex::new(check));
            self.sleep_until(self.deadline.max(timer_now()) + PATIENCE);
        }
        at_once
    }

    fn apply(&mut self, found: Result<Rechecked, StoreError>) -> Option<LifelineEvent> {
        self.check_by = None;
        let now = timer_now();
        let found = match found {
            Ok(found) => found,
            Err(_) if now < self.deadline || self.in_flight.is_some() => {
                self.check_by = Some(now + POLL_INTERVAL);
                self.rest();
                return None;
            }
            Err(_) => return Some(self.close(CloseReason::StoreUnavailable)),
        };
        let reason = match found.verdict {
            Verdict::Live(_) if found.is_area_closed() => CloseReason::StepUpRequired,
            Verdict::Live(deadlines) => {
                // A clock that is read in ticks may be a little behind the timer.
                let remaining = remaining(&deadlines, found.area).max(TICK);
                self.deadline = now + remaining;
                self.deadline_by_clock = self.open.now() + remaining;
                self.rest();
                return Some(LifelineEvent::Alive(deadlines, found));
            }
            verdict => verdict.over().unwrap_or(SessionOver::Unknown).into(),
        };
        if let Some(touch) = self.missing_touch(&found) {
            // Its user is there, and the store has not taken that yet (law L5).
            self.check_by = Some(now + POLL_INTERVAL);
            self.go_on(touch.idle_deadline - found.now);
            return None;
        }
        match self.in_flight {
            Some(in_flight) if !reason.is_ordered() => self.outlive(reason, in_flight, found.now),
            _ => Some(self.close(reason)),
        }
    }

    /// Sleeps until there is something to do.
    fn rest(&mut self) {
        let longest = match self.open.is_notified() {
            true => LONGEST_SLEEP,
            false => POLL_INTERVAL,
        };
        let at = self.deadline.min(timer_now() + longest);
        self.sleep_until(self.check_by.map_or(at, |check_by| at.min(check_by)));
    }

    fn sleep_until(&mut self, at: Instant) {
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(at);
        }
    }

    fn close(&mut self, reason: CloseReason) -> LifelineEvent {
        self.closed = Some(reason);
        self.check = None;
        self.place = None;
        self.counted = None;
        self.timer = None;
        LifelineEvent::Closed(reason)
    }
}

/// How long the session may go on without a look at the store: until its own
/// deadline or its route's.
fn remaining(deadlines: &Deadlines, area: Option<AreaDeadline>) -> Duration {
    let nearest = area.map_or(deadlines.nearest, |area| area.at.min(deadlines.nearest));
    (nearest - deadlines.now).min(FAR)
}

impl fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifeline")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
