//! Which touches wait, and which is sent next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::take;
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::{DueTouch, SessionKey, SessionState};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The most touches that wait, those included that the store has failed to record.
/// One more is lost, which is an event and may end its session early (law L5).
const WAITING: usize = 1_024;

/// The most touches that wait for a look-up. With more, the one that has waited
/// longest is sent alone, so that touches are lost only if the store can't keep
/// up.
const RIDERS: usize = WAITING / 2;

/// The pause before the second try of a touch. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The most touches that are sent alone and not answered yet.
const SENT: usize = 64;

/// Touches that wait, one for each session.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// In sending order.
    waiting: BTreeMap<Place, Waiting>,
    places: HashMap<SessionKey, Place>,
    /// The latest touch on its way of each session.
    on_way: HashMap<SessionKey, Touch>,
    /// The numbers of touches that are neither recorded nor lost: they wait, or
    /// are on their way.
    open: BTreeSet<u64>,
    /// The number of the next touch.
    next: u64,
    /// Touches with lower numbers are sent at once.
    flushed: u64,
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    /// How many are sent alone and not answered yet.
    sent: usize,
    /// Whether a worker runs.
    pub(super) at_work: bool,
}

/// When a touch is due (`None`: at once), and its number.
type Place = (Option<Instant>, u64);

/// A touch that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) touch: DueTouch,
    /// The request that earned it.
    pub(super) state: SessionState,
    due: Option<Instant>,
    /// When its own deadline has passed, so that it is of no use any more.
    expires: Instant,
    /// How often the store has failed to record it.
    pub(super) failures: u32,
    pub(super) number: u64,
}

/// What the worker does next.
#[derive(Debug)]
pub(super) enum Step {
    /// Stop: no touch waits.
    Done,
    /// Wait for an answer: the most touches are on their way.
    Full,
    /// Send this touch.
    Send(Waiting),
    /// Wait until then, when the first touch is due.
    Wait(Instant),
}

impl Queue {
    /// Numbers a touch. From now on flushes wait for it.
    pub(super) fn admit(
        &mut self,
        touch: DueTouch,
        state: SessionState,
        due: Option<Instant>,
        expires: Instant,
    ) -> Waiting {
        let number = self.next;
        self.next += 1;
        self.open.insert(number);
        Waiting {
            touch,
            state,
            due,
            expires,
            failures: 0,
            number,
        }
    }

    /// Makes a touch that the store has failed to record wait for another try.
    /// Returns it if there is none: its deadline comes first, or a flush waits.
    pub(super) fn retry(&mut self, mut waiting: Waiting, now: Instant) -> Result<bool, Waiting> {
        let pause = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(waiting.failures));
        if now + FIRST_PAUSE >= waiting.expires || waiting.number < self.flushed {
            return Err(waiting);
        }
        let due = (now + pause).min(waiting.expires - FIRST_PAUSE);
        waiting.failures += 1;
        waiting.touch.touch.retried = true;
        waiting.due = Some(due);
        self.put(waiting)
    }

    /// Returns the latest touch of a session that is not recorded yet.
    pub(super) fn unrecorded(&self, key: SessionKey) -> Option<Touch> {
        let place = self.places.get(&key);
        let waiting = place.and_then(|place| self.waiting.get(place));
        let waiting = waiting.map(|waiting| waiting.touch.touch);
        let on_way = self.on_way.get(&key).copied();
        waiting
            .into_iter()
            .chain(on_way)
            .max_by_key(|touch| touch.at)
    }

    /// Queues a touch, merged with a waiting one of the same session. Returns
    /// whether the worker must look at once, or the touch if the queue is full.
    pub(super) fn put(&mut self, mut waiting: Waiting) -> Result<bool, Waiting> {
        let key = waiting.touch.key;
        if let Some(before) = self.take(key) {
            let superseded = waiting.number.max(before.number);
            waiting = before.merge(waiting);
            self.close(superseded);
        } else if self.waiting.len() >= WAITING {
            return Err(waiting);
        }
        if waiting.number < self.flushed {
            waiting.due = None;
        }
        let place = waiting.place();
        self.places.insert(key, place);
        self.waiting.insert(place, waiting);
        let (due, _) = place;
        Ok(due.is_none() || self.waiting.len() > RIDERS)
    }

    /// Whether a touch on its way is within the granularity of this one.
    /// Meanwhile, requests answered by a copy or another look-up do not see that
    /// touch yet and would earn another.
    pub(super) fn covers(&self, touch: &DueTouch, granularity: Duration) -> bool {
        let on_way = self.on_way.get(&touch.key);
        on_way.is_some_and(|on_way| touch.touch.at < on_way.at + granularity)
    }

    /// Takes a session's touch out for sending with a look-up. One that has failed
    /// before is sent alone: it must not make look-ups fail or wait.
    pub(super) fn send(&mut self, key: SessionKey) -> Option<Waiting> {
        let place = self.places.get(&key)?;
        if self.waiting.get(place)?.failures > 0 {
            return None;
        }
        self.send_off(key)
    }

    /// Takes out a touch that the store has failed to record, for another try.
    pub(super) fn send_failed(&mut self) -> Option<Waiting> {
        let failed = |waiting: &&Waiting| waiting.failures > 0;
        let key = self.waiting.values().find(failed)?.touch.key;
        self.send_off(key)
    }

    /// Takes a session's touch out, and notes that it is on its way.
    fn send_off(&mut self, key: SessionKey) -> Option<Waiting> {
        let waiting = self.take(key)?;
        self.on_way.insert(key, waiting.touch.touch);
        Some(waiting)
    }

    /// Notes that a touch is no longer on its way.
    pub(super) fn arrived(&mut self, touch: &DueTouch) {
        if self.on_way.get(&touch.key) == Some(&touch.touch) {
            self.on_way.remove(&touch.key);
        }
    }

    /// Takes a session's touch out. Flushes still wait for it.
    fn take(&mut self, key: SessionKey) -> Option<Waiting> {
        let place = self.places.remove(&key)?;
        self.waiting.remove(&place)
    }

    /// Returns the next step, if everything due by `passed` is due.
    pub(super) fn step(&mut self, passed: Option<Instant>) -> Step {
        let waiting = self.waiting.len();
        let Some(first) = self.waiting.first_entry() else {
            self.at_work = false;
            return Step::Done;
        };
        if self.sent >= SENT {
            return Step::Full;
        }
        match *first.key() {
            (Some(due), _) if Some(due) > passed && waiting <= RIDERS => Step::Wait(due),
            _ => {
                self.sent += 1;
                let waiting = first.remove();
                let touch = &waiting.touch;
                self.places.remove(&touch.key);
                self.on_way.insert(touch.key, touch.touch);
                Step::Send(waiting)
            }
        }
    }

    /// Notes that a touch is recorded or lost.
    pub(super) fn close(&mut self, number: u64) {
        self.open.remove(&number);
        let first = self.open.first();
        let is_done = |upto: u64| first.is_none_or(|first| *first >= upto);
        for (_, done) in self.flushes.extract_if(.., |(upto, _)| is_done(*upto)) {
            let _ = done.send(());
        }
    }

    /// Notes an answer to a touch that was sent alone. Returns whether the worker
    /// waits for it.
    pub(super) fn answered(&mut self) -> bool {
        self.sent -= 1;
        self.sent + 1 == SENT
    }

    /// Makes every touch so far due. Returns a receiver that resolves when all of
    /// them are recorded or lost, or `None` if they already are.
    pub(super) fn flush(&mut self) -> Option<oneshot::Receiver<()>> {
        if self.open.is_empty() {
            return None;
        }
        self.flushed = self.next;
        for mut waiting in take(&mut self.waiting).into_values() {
            waiting.due = None;
            self.places.insert(waiting.touch.key, waiting.place());
            self.waiting.insert(waiting.place(), waiting);
        }
        let (done, wait) = oneshot::channel();
        self.flushes.push((self.flushed, done));
        Some(wait)
    }

    /// Notes that the worker was dropped before it was done.
    pub(super) fn abandon(&mut self) {
        self.at_work = false;
        self.flushes.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl Waiting {
    fn place(&self) -> Place {
        (self.due, self.number)
    }

    /// Merges two touches: the latest activity, due as soon as either.
    fn merge(self, other: Self) -> Self {
        let due = self.due.min(other.due);
        let number = self.number.min(other.number);
        let failures = self.failures.min(other.failures);
        let retried = self.touch.touch.retried || other.touch.touch.retried;
        let is_newer = self.touch.touch.at < other.touch.touch.at;
        let mut latest = if is_newer { other } else { self };
        // The newer one waited for the older one's next try.
        latest.touch.touch.retried = retried;
        Self {
            due,
            number,
            failures,
            ..latest
        }
    }
}
