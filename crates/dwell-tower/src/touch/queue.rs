//! Which touches wait, and which is sent next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::take;
use std::time::Duration;

use dwell_core::{DueTouch, SessionKey, SessionState, Timestamp};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The most touches that wait. One more is lost, which ends its session a
/// little sooner (law L5) and is an event.
const WAITING: usize = 1_024;

/// The most that wait for a look-up to take them along; with more, the longest
/// waiting is sent by itself, so that only a store that can't keep up has
/// touches lost.
const RIDERS: usize = WAITING / 2;

/// The most touches that are sent by themselves and not answered yet.
const SENT: usize = 64;

/// Touches that wait, one for each session.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// In the order in which they are sent.
    waiting: BTreeMap<Place, Waiting>,
    places: HashMap<SessionKey, Place>,
    /// The latest activity of each session with a touch on its way.
    on_way: HashMap<SessionKey, Timestamp>,
    /// The numbers of those that are neither recorded nor lost: they wait, or
    /// are on their way.
    open: BTreeSet<u64>,
    /// The number of the next one.
    next: u64,
    /// Everything below is sent at once.
    flushed: u64,
    flushes: Vec<(u64, oneshot::Sender<()>)>,
    /// How many are sent by themselves and not answered yet.
    sent: usize,
    /// Whether a task works on it.
    pub(super) at_work: bool,
}

/// When it is due (at once, where nothing is said), and its number.
type Place = (Option<Instant>, u64);

/// A touch that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) touch: DueTouch,
    /// The request that earned it.
    pub(super) state: SessionState,
    due: Option<Instant>,
    pub(super) number: u64,
}

/// What there is to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing waits any more; nobody is at work from now on.
    Done,
    /// As many as may be are on their way.
    Full,
    /// This one is to be sent.
    Send(Waiting),
    /// The first is due then.
    Wait(Instant),
}

impl Queue {
    /// Counts a touch in: flushes wait for it from now on.
    pub(super) fn admit(
        &mut self,
        touch: DueTouch,
        state: SessionState,
        due: Option<Instant>,
    ) -> Waiting {
        let number = self.next;
        self.next += 1;
        self.open.insert(number);
        Waiting {
            touch,
            state,
            due,
            number,
        }
    }

    /// Lets it wait, together with the one of the same session that waits
    /// already. Tells whether the worker must look at once; gives the touch
    /// back where there is no room.
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

    /// Whether a touch for later activity than this, less the granularity, is
    /// on its way: requests that are answered meanwhile, from a copy or another
    /// look-up, do not see it yet and would earn another.
    pub(super) fn covers(&self, touch: &DueTouch, granularity: Duration) -> bool {
        let on_way = self.on_way.get(&touch.key);
        on_way.is_some_and(|at| touch.touch.at < *at + granularity)
    }

    /// Takes a session's touch out, to be sent.
    pub(super) fn send(&mut self, key: SessionKey) -> Option<Waiting> {
        let waiting = self.take(key)?;
        self.on_way.insert(key, waiting.touch.touch.at);
        Some(waiting)
    }

    /// A touch is not on its way any more.
    pub(super) fn arrived(&mut self, touch: &DueTouch) {
        if self.on_way.get(&touch.key) == Some(&touch.touch.at) {
            self.on_way.remove(&touch.key);
        }
    }

    /// Takes a session's touch out. It stays open.
    fn take(&mut self, key: SessionKey) -> Option<Waiting> {
        let place = self.places.remove(&key)?;
        self.waiting.remove(&place)
    }

    /// What to do next, when everything due by `passed` is due.
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
                self.on_way.insert(touch.key, touch.touch.at);
                Step::Send(waiting)
            }
        }
    }

    /// This one is recorded or lost.
    pub(super) fn close(&mut self, number: u64) {
        self.open.remove(&number);
        let first = self.open.first();
        let is_done = |upto: u64| first.is_none_or(|first| *first >= upto);
        for (_, done) in self.flushes.extract_if(.., |(upto, _)| is_done(*upto)) {
            let _ = done.send(());
        }
    }

    /// One that was sent by itself is answered; tells whether the worker
    /// waits for that.
    pub(super) fn answered(&mut self) -> bool {
        self.sent -= 1;
        self.sent + 1 == SENT
    }

    /// Makes everything so far due; gives back what tells when all of it is
    /// recorded or lost, or `None` where it is already.
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

    /// The worker is gone before everything was done.
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

    /// One for both: the latest activity, as soon as either is due.
    fn merge(self, other: Self) -> Self {
        let due = self.due.min(other.due);
        let number = self.number.min(other.number);
        let is_newer = self.touch.touch.at < other.touch.touch.at;
        let latest = if is_newer { other } else { self };
        Self {
            due,
            number,
            ..latest
        }
    }
}
