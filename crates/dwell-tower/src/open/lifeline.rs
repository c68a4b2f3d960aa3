//! How long something may stay open: for as long as its session lives.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dwell_core::store::StoreError;
use dwell_core::{
    Deadlines, EndReason, Recheck, Rechecked, SessionHandle, SessionOver, Timestamp, Verdict,
    seconds,
};
use tokio::time::{Instant, Sleep, sleep_until};

use super::registry::{OpenSessions, Place};

/// Most answers are over by then: until then nothing is entered and nobody
/// asked, and afterwards it is made sure that nothing was missed (N39).
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// The longest sleep, after which it is looked whether the machine has slept,
/// too, which timers do not count.
const LONGEST_SLEEP: Duration = seconds(60);

/// Longer than anything is open.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Longer than a tick of a clock that is read in ticks.
const TICK: Duration = Duration::from_millis(5);

/// How long an answer of the store is waited for at the deadline: whatever is
/// open is closed within a second of it.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the store is asked while it does not tell of changes.
const UNTOLD: Duration = seconds(1);

/// Why something that was open is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The session has ended.
    Ended(EndReason),
    /// The session is locked until its subject authenticates again.
    Locked,
    /// The route asks for authentication again.
    StepUpRequired,
    /// The store did not answer at the deadline, so nobody can tell whether it
    /// still is one.
    StoreUnavailable,
    /// The store knows nothing of the session any more.
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
    /// The word for it: the `reason` that the next request would be told.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Ended(reason) => reason.as_str(),
            Self::Locked => "session_locked",
            Self::StepUpRequired => "step_up_required",
            Self::StoreUnavailable => "store_unavailable",
            Self::Unknown => "session_required",
        }
    }

    /// The last event of an event stream (`text/event-stream`): `session-expired`
    /// with the reason.
    #[must_use]
    pub fn event(self) -> String {
        let reason = self.reason();
        format!("event: session-expired\ndata: {{\"reason\":\"{reason}\"}}\n\n")
    }
}

/// Tells when the session of a request is over, for whatever stays open after
/// its answer has begun (law L14): the deadline as it moves by activity
/// elsewhere, and an end on whatever node within a second.
///
/// It costs a timer. The store is asked a quarter of a second after the start,
/// at each deadline, and when it tells that something has changed; once a
/// second where it can't tell. Asking is never activity.
///
/// Response bodies are cut by it without further ado. For other things, such as
/// an upgraded connection:
///
/// ```
/// use dwell_core::SessionHandle;
/// use dwell_tower::open::{CloseReason, Lifeline};
///
/// async fn serve(session: &SessionHandle) {
///     let Some(mut lifeline) = Lifeline::of(session) else { return };
///     tokio::select! {
///         () = talk() => {}
///         closing = lifeline.closed() => hang_up(closing.reason()),
///     }
/// }
/// # async fn talk() {}
/// # fn hang_up(_: &str) {}
/// ```
///
/// It runs on tokio and needs its timers: without a runtime it says at once
/// that it is over.
pub struct Lifeline {
    recheck: Recheck,
    open: OpenSessions,
    /// Entered at the first look.
    place: Option<Place>,
    /// Whether it is to hear of this node's touches.
    touches: bool,
    timer: Option<Pin<Box<Sleep>>>,
    /// When to look for the first time.
    first_look: Instant,
    /// The nearest deadline, as far as it is known, by the timer's clock and by
    /// the machine's: the timer's stands still while the machine sleeps.
    deadline: Instant,
    deadline_by_clock: Timestamp,
    /// When to look before that.
    look_by: Option<Instant>,
    /// In a mutex that nobody locks, so that a body that holds this is `Sync`.
    looking: Option<Mutex<Looking>>,
    closed: Option<CloseReason>,
}

type Looking = Pin<Box<dyn Future<Output = Result<Rechecked, StoreError>> + Send>>;

/// What a [`Lifeline`] has to tell.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "made once in a while, in place")]
#[non_exhaustive]
pub enum LifelineEvent {
    /// It is over.
    Closed(CloseReason),
    /// The session lives, as of now: its deadlines, and what else is known.
    Alive(Deadlines, Rechecked),
}

impl Lifeline {
    /// The lifeline of a request's session; `None` where it has no live one, or
    /// no session layer is around it.
    #[must_use]
    pub fn of(handle: &SessionHandle) -> Option<Self> {
        Self::new(handle, false)
    }

    /// The same, which also looks whenever this node records activity.
    #[must_use]
    pub fn with_touches(handle: &SessionHandle) -> Option<Self> {
        Self::new(handle, true)
    }

    fn new(handle: &SessionHandle, touches: bool) -> Option<Self> {
        let remaining = handle.current_deadlines()?.remaining().min(FAR);
        let open = OpenSessions::of(handle)?.clone();
        let deadline = timer_now() + remaining;
        Some(Self {
            recheck: handle.recheck()?,
            place: None,
            touches,
            timer: None,
            first_look: deadline.min(timer_now() + FIRST_LOOK),
            deadline,
            deadline_by_clock: open.now() + remaining,
            look_by: None,
            looking: None,
            closed: None,
            open,
        })
    }

    /// Waits until it is over.
    pub async fn closed(&mut self) -> CloseReason {
        poll_fn(|cx| self.poll_closed(cx)).await
    }

    /// The same, to be polled.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<CloseReason> {
        loop {
            if let LifelineEvent::Closed(closing) = ready!(self.poll_news(cx)) {
                return Poll::Ready(closing);
            }
        }
    }

    /// Waits until there is something to tell: it is over, or the store was
    /// asked and the session lives.
    pub async fn news(&mut self) -> LifelineEvent {
        poll_fn(|cx| self.poll_news(cx)).await
    }

    /// The same, to be polled.
    pub fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<LifelineEvent> {
        loop {
            if let Some(closing) = self.closed {
                return Poll::Ready(LifelineEvent::Closed(closing));
            }
            if self.timer.is_none() && !self.set_timer() {
                return Poll::Ready(self.close(CloseReason::StoreUnavailable));
            }
            if let Some(looking) = &mut self.looking {
                let looking = looking.get_mut().unwrap_or_else(PoisonError::into_inner);
                let Poll::Ready(found) = looking.as_mut().poll(cx) else {
                    ready!(self.poll_timer(cx));
                    return Poll::Ready(self.close(CloseReason::StoreUnavailable));
                };
                self.looking = None;
                if let Some(news) = self.learn(found) {
                    return Poll::Ready(news);
                }
                continue;
            }
            let rung = self
                .place
                .as_ref()
                .is_some_and(|place| place.bell.heard(cx));
            if !rung {
                ready!(self.poll_timer(cx));
                if !self.is_due() {
                    self.rest();
                    continue;
                }
            }
            let news = self.look().and_then(|found| self.learn(found));
            if let Some(news) = news {
                return Poll::Ready(news);
            }
        }
    }

    /// Looks at the session in a while also if nothing happens before.
    pub fn look_in(&mut self, pause: Duration) {
        let at = timer_now() + pause.min(FAR);
        self.look_by = Some(self.look_by.map_or(at, |earlier| earlier.min(at)));
        if let Some(timer) = &mut self.timer
            && at < timer.deadline()
        {
            timer.as_mut().reset(at);
        }
    }

    /// Whether nothing has to be looked at yet.
    pub(super) fn is_young(&self) -> bool {
        timer_now() < self.first_look
    }

    /// Sets the timer for the first time; `false` where there are none, so that
    /// nothing could be closed in time.
    fn set_timer(&mut self) -> bool {
        if tokio::runtime::Handle::try_current().is_err() {
            let message = "no tokio runtime: what would stay open is closed, since nothing else \
                           would close it";
            crate::log::error(message, None);
            return false;
        }
        self.timer = Some(Box::pin(sleep_until(self.first_look)));
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
            || !self.open.is_told()
            || now >= self.deadline
            || self.look_by.is_some_and(|at| now >= at)
            || self.open.now() >= self.deadline_by_clock
    }

    /// Asks the store; `Some` where it answers at once.
    fn look(&mut self) -> Option<Result<Rechecked, StoreError>> {
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
            let recheck = recheck.clone();
            let looking: Looking = Box::pin(async move { recheck.run().await });
            self.looking = Some(Mutex::new(looking));
            self.sleep_until(self.deadline.max(timer_now()) + PATIENCE);
        }
        at_once
    }

    fn learn(&mut self, found: Result<Rechecked, StoreError>) -> Option<LifelineEvent> {
        self.look_by = None;
        let now = timer_now();
        let found = match found {
            Ok(found) => found,
            Err(_) if now < self.deadline => {
                self.look_by = Some(now + UNTOLD);
                self.rest();
                return None;
            }
            Err(_) => return Some(self.close(CloseReason::StoreUnavailable)),
        };
        let reason = match found.verdict {
            Verdict::Live(deadlines) => {
                // A clock that is read in ticks may be a little behind the timer.
                let remaining = deadlines.remaining().clamp(TICK, FAR);
                self.deadline = now + remaining;
                self.deadline_by_clock = self.open.now() + remaining;
                self.rest();
                return Some(LifelineEvent::Alive(deadlines, found));
            }
            Verdict::Stale { .. } => CloseReason::StepUpRequired,
            verdict => verdict.over().unwrap_or(SessionOver::Unknown).into(),
        };
        Some(self.close(reason))
    }

    /// Sleeps until there is something to do.
    fn rest(&mut self) {
        let longest = match self.open.is_told() {
            true => LONGEST_SLEEP,
            false => UNTOLD,
        };
        let at = self.deadline.min(timer_now() + longest);
        self.sleep_until(self.look_by.map_or(at, |look_by| at.min(look_by)));
    }

    fn sleep_until(&mut self, at: Instant) {
        if let Some(timer) = &mut self.timer {
            timer.as_mut().reset(at);
        }
    }

    fn close(&mut self, closing: CloseReason) -> LifelineEvent {
        self.closed = Some(closing);
        self.looking = None;
        self.place = None;
        self.timer = None;
        LifelineEvent::Closed(closing)
    }
}

/// What the time is by the clock of timers, which decides nothing: the store is
/// asked when one fires.
#[allow(
    clippy::disallowed_methods,
    reason = "timers have a clock of their own; what the store says judges"
)]
pub(super) fn timer_now() -> Instant {
    Instant::now()
}

impl fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifeline")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
