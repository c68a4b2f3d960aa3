//! What a store must do: keep facts, change them narrowly, find what is due.
//!
//! A store judges nothing. It compares stamps that the engine computed,
//! against its own clock (law L11). The contract, law by law:
//!
//! - [`touch`](SessionStore::touch) is a conditional write of the activity
//!   and nothing else: it never revives, never moves the last activity back,
//!   and does nothing at or after a recorded deadline (laws L4, L5).
//! - [`update`](SessionStore::update) is compare-and-set on the version.
//! - [`end`](SessionStore::end) has one winner: whoever gets the session back
//!   reports its end, so that each end is reported once (law L12).
//! - What ended is handed out until it is
//!   [acknowledged](SessionStore::acknowledge), so that a node that goes down
//!   between an end and its report leaves it to another: once in normal
//!   operation, at least once across crashes.
//! - A tombstone stays for a stated time, so that an ended session is told
//!   from an unknown one (law L13).
//!
//! The pure part of each change is in [`Facts::touch`](crate::Facts::touch) and
//! [`SessionRecord::update`]; `dwell-testkit` has the suite that every store
//! must pass. A store around another one forwards by
//! [`delegate_store!`](crate::delegate_store).

mod change;
mod delegate;
mod due;
mod feed;
mod future;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use change::{Rotation, Update};
pub use due::{Due, DuePolicy};
pub use feed::{ChangeFeed, Changes};
pub use future::{BoxedAnswer, StoreFuture};
pub use watch::{PULSE, Watched, Watcher};

use crate::engine::Touch;
use crate::policy::SessionLimit;
use crate::session::{EndReason, EndedSession, SessionKey, SessionRecord, SubjectId};
use crate::time::{Timestamp, seconds};

/// How long after it was handed out an end that nobody has
/// [acknowledged](SessionStore::acknowledge) is handed out again: whoever got
/// it has gone down, for reporting takes no time to speak of.
pub const UNREPORTED_AFTER: Duration = seconds(30);

/// Keeps sessions.
pub trait SessionStore: Send + Sync + fmt::Debug + 'static {
    /// The store's clock.
    fn now(&self) -> StoreFuture<'_, Timestamp>;

    /// Finds a session or what remains of it.
    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded>;

    /// The same, but never from a copy that is kept near: what a copy says
    /// that may be out of date is asked again by this.
    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.load(key)
    }

    /// Keeps a new session, unless its subject has as many as `quota` allows.
    /// `judge` tells which of the subject's sessions are still live.
    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created>;

    /// Records activity, if the session is live by its recorded deadlines and
    /// the activity is later than the one on record.
    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome>;

    /// Changes a session that still has this version.
    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated>;

    /// Ends a session and leaves a tombstone. `Some` for the one caller that
    /// ended it, `None` when it had ended before or was never there.
    ///
    /// What had ended before keeps its reason and its instant; only
    /// [`End::replaced`] is taken over by the tombstone where it is set: the
    /// client of an expired session has signed in again.
    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>>;

    /// [`touch`](Self::touch), then [`load`](Self::load) of the same session:
    /// one round trip where a store can.
    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        StoreFuture::boxed(async move {
            let touched = self.touch(key, touch).await?;
            Ok((touched, self.load(key).await?))
        })
    }

    /// The subject's sessions that have not ended, in no particular order.
    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>>;

    /// Ends or locks what `judge` finds due, looking at no more than `batch`
    /// entries, and forgets tombstones whose time is over.
    ///
    /// A store that outlives its nodes hands out again, after
    /// [`UNREPORTED_AFTER`], an end that nobody has
    /// [acknowledged](Self::acknowledge).
    fn reap(&self, judge: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped>;

    /// The ends of these sessions have been reported. A store whose ends are
    /// lost with the process that reports them has nothing to do.
    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        drop(keys);
        StoreFuture::ready(Ok(()))
    }

    /// Whether every operation is done before it returns, in this process:
    /// then nothing is gained by queueing touches.
    fn is_local(&self) -> bool {
        false
    }

    /// This store as one that tells of changes, where it is one: open
    /// connections then end within a moment of their session's end, and else
    /// ask once a second.
    fn watched(&self) -> Option<&dyn Watched> {
        None
    }
}

/// What a look-up found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The store's clock at the look-up.
    pub now: Timestamp,
    /// The session, or what remains of it.
    pub state: Lookup,
}

/// A session, or what remains of it.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "moved once per request; a box would cost an allocation"
)]
pub enum Lookup {
    /// A tombstone.
    Ended(EndedSession),
    /// A session that has not been ended; whether it may be used is for the
    /// engine to say.
    Found(SessionRecord),
    /// Nothing.
    Missing,
}

/// How many sessions a subject may have when one more is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit that the policy sets.
    pub limit: SessionLimit,
    /// The session that the new one takes the place of, which does not count:
    /// it is ended when the new one is there, so that a login that fails
    /// leaves it as it is.
    pub replaces: Option<SessionKey>,
}

impl From<SessionLimit> for Quota {
    fn from(limit: SessionLimit) -> Self {
        Self {
            limit,
            replaces: None,
        }
    }
}

/// The outcome of [`SessionStore::create`].
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once per login")]
pub enum Created {
    /// The session is kept.
    Created {
        /// The sessions that had to make room, where the limit says so: more
        /// than one after it has been lowered.
        ended: Vec<EndedSession>,
    },
    /// There is a session or a tombstone under this key already.
    Exists,
    /// The subject has as many sessions as allowed; nothing was changed.
    LimitReached,
}

/// The outcome of [`SessionStore::touch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TouchOutcome {
    /// There is no live session under this key any more.
    Gone,
    /// Later activity is on record already.
    Older,
    /// The activity is on record.
    Recorded,
}

/// The outcome of [`SessionStore::update`].
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once per command")]
pub enum Updated {
    /// The change is made; the session as it is now.
    Applied(SessionRecord),
    /// Somebody else changed the session first.
    Conflict,
    /// There is no live session under this key any more.
    Gone,
}

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// Whether the same client gets another session in its place.
    pub replaced: bool,
}

impl From<EndReason> for End {
    fn from(reason: EndReason) -> Self {
        Self {
            reason,
            replaced: false,
        }
    }
}

/// What a reaping pass did.
#[derive(Clone, Debug, Default)]
pub struct Reaped {
    /// The store's clock during the pass.
    pub now: Timestamp,
    /// Sessions that this pass ended, and such as ended before and were never
    /// acknowledged.
    pub ended: Vec<EndedSession>,
    /// Sessions that this pass locked.
    pub locked: Vec<SessionRecord>,
    /// Whether more is due.
    pub more: bool,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What it holds can't be understood.
    #[error("the session store holds a value that can't be read")]
    Corrupt(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// It did not answer in time.
    #[error("the session store did not answer within {0:?}")]
    Timeout(Duration),
    /// It can't be reached, or it refused.
    #[error("the session store is unavailable")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// An error of the kind [`Unavailable`](Self::Unavailable).
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into().into())
    }
}
