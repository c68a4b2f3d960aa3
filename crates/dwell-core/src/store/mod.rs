//! Stores: keep sessions, change them atomically, find what is due.
//!
//! A store decides nothing. It compares stamps that the engine computed with
//! its own clock (law L11). The contract:
//!
//! - [`touch`](SessionStore::touch) is a conditional write of the activity
//!   alone. It never revives a session, never moves the last activity back, and
//!   changes nothing at or after a recorded deadline (laws L4, L5).
//! - [`update`](SessionStore::update) is compare-and-set on the version.
//! - [`count_failure`](SessionStore::count_failure) is an atomic increment.
//! - [`end`](SessionStore::end) has one winner. The caller that gets the session
//!   back reports the end, so each end is reported once (law L12).
//! - An end is handed out until it is
//!   [acknowledged](SessionStore::acknowledge). If a node crashes between an end
//!   and its report, another node reports it: once in normal operation, at least
//!   once across crashes.
//! - A tombstone is kept for a fixed time, so that an ended session differs from
//!   an unknown one (law L13); of one subject, the newest
//!   [`TOMBSTONES_PER_SUBJECT`] are.
//!
//! The pure part of each change is in [`Facts::touch`](crate::Facts::touch) and
//! [`SessionRecord::update`]. `dwell-testkit` has the suite that every store
//! must pass. For a store around another one use
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
use crate::time::{Timestamp, hours, seconds};

/// How long after it was handed out an end is handed out again, unless it was
/// [acknowledged](SessionStore::acknowledge): 30 seconds. The node that had it
/// has crashed by then.
pub const UNREPORTED_AFTER: Duration = seconds(30);

/// How many tombstones of a subject a store keeps: 100, the newest. So repeated
/// logins fill no store (law L22). Tombstones of adopted sessions, and of ends that
/// were not reported yet, do not count and are always kept.
pub const TOMBSTONES_PER_SUBJECT: usize = 100;

/// Keeps sessions. The [module](self) states the contract.
pub trait SessionStore: Send + Sync + fmt::Debug + 'static {
    /// Returns the time by the store's clock.
    fn now(&self) -> StoreFuture<'_, Timestamp>;

    /// Looks up a session or its tombstone.
    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded>;

    /// Looks up a session, and never answers from a near copy that may be out
    /// of date. Defaults to [`load`](Self::load).
    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        self.load(key)
    }

    /// Keeps a new session, unless its key is in use or its subject has as many
    /// sessions as `quota` allows. `due` decides which of the subject's
    /// sessions are still live and count.
    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due: DuePolicy,
    ) -> StoreFuture<'_, Created>;

    /// Records activity, if the session is live by its recorded deadlines and
    /// the activity is later than the one on record.
    ///
    /// A touch that the store failed to record before
    /// ([`Touch::retried`]) may also come after the recorded idle deadline: if the
    /// activity lies before that deadline, and the deadline of the touch itself and
    /// the absolute deadline have not passed. So a store that takes no writes for a
    /// while ends nobody's session (law L5).
    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome>;

    /// Changes a session if it still has this version.
    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated>;

    /// Counts a failed re-authentication in one atomic step, so that of any
    /// number at once none is lost and none fails. Returns how many there are
    /// since the last successful one, at most 255. Returns `None` if the key has
    /// no session that can be changed any more.
    ///
    /// It makes no new version, so it is in no conflict with an update, and no
    /// update undoes it but [`Update::Reauthenticate`], which starts again at 0.
    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>>;

    /// Ends a session and leaves a tombstone. Returns the session to the one
    /// caller that ended it, and `None` if it had ended before or is unknown.
    ///
    /// A session that had ended before keeps its reason and its instant. Only
    /// [`End::replaced`], if set, is added to its tombstone: the client of an
    /// expired session has signed in again.
    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>>;

    /// Ends these sessions for one reason, as [`end`](Self::end) does. Returns
    /// those that this call ended. If it fails, some may have ended. Defaults to
    /// one after another; a store that can should end them together.
    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        StoreFuture::boxed(async move {
            let mut ended = Vec::new();
            for key in keys {
                ended.extend(self.end(key, reason.into()).await?);
            }
            Ok(ended)
        })
    }

    /// Does [`touch`](Self::touch), then [`load`](Self::load) of the same
    /// session. Defaults to both in turn; a store that can should use one round
    /// trip.
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

    /// Returns the subject's sessions that have not been ended, in any order.
    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>>;

    /// Ends or locks the sessions that `due` finds due, and removes tombstones
    /// whose time is over. Looks at no more than `batch` entries.
    ///
    /// A store that outlives its nodes also returns ends again that were not
    /// [acknowledged](Self::acknowledge) within [`UNREPORTED_AFTER`].
    fn reap(&self, due: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped>;

    /// Notes that the ends of these sessions have been reported. Then removes
    /// the oldest of their subjects' tombstones, so that each subject has at most
    /// [`TOMBSTONES_PER_SUBJECT`].
    ///
    /// Never removes the tombstone of a session that another middleware owns,
    /// whose verifier hash is [`NONE`](crate::VerifierHash::NONE): its owner may
    /// still present it, and it would be adopted again (law L4).
    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()>;

    /// Returns `true` if every operation completes in this process before it
    /// returns. Touches are not queued then. Defaults to `false`.
    fn is_local(&self) -> bool {
        false
    }

    /// Returns how long tombstones are kept, at least. A persistent cookie stays
    /// as long, so that its user learns why the session ended. Defaults to one
    /// day.
    fn tombstone_lifetime(&self) -> Duration {
        hours(24)
    }

    /// Returns since when the store knows of every end, or `None` if it outlives its
    /// process. A session of another owner that began before may have ended
    /// before, and is not adopted (law L4). Defaults to `None`.
    fn remembers_since(&self) -> Option<Timestamp> {
        None
    }

    /// Returns this store as one that sends changes, if it is one. Open
    /// connections then close as soon as their session ends; otherwise each
    /// asks the store once a second. Defaults to `None`.
    fn watched(&self) -> Option<&dyn Watched> {
        None
    }
}

/// The result of a look-up.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct Loaded {
    /// The time of the look-up, by the store's clock.
    pub now: Timestamp,
    /// The session, or its tombstone.
    pub state: Lookup,
}

/// A session, its tombstone, or neither.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "moved once per request; a box would cost an allocation"
)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each case"
)]
pub enum Lookup {
    /// A tombstone.
    Ended(EndedSession),
    /// A session that has not been ended. The engine decides whether it may be
    /// used.
    Found(SessionRecord),
    /// Neither: the key is unknown, or the tombstone's time is over.
    Missing,
}

/// How many sessions a subject may have when one more is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "tests of stores construct it")]
pub struct Quota {
    /// The policy's limit.
    pub limit: SessionLimit,
    /// The session that the new one replaces. It does not count, and the store
    /// leaves it: the caller ends it once the new one is kept, so that a failed
    /// login changes nothing.
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
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each case"
)]
pub enum Created {
    /// The session is kept.
    Created {
        /// The sessions that were ended to make room: more than one after the
        /// limit was lowered.
        ended: Vec<EndedSession>,
    },
    /// The key already has a session or a tombstone.
    Exists,
    /// The subject has as many sessions as allowed; nothing was changed.
    LimitReached,
}

/// The outcome of [`SessionStore::touch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each case"
)]
pub enum TouchOutcome {
    /// The key has no live session.
    Gone,
    /// The activity is not later than the one on record; nothing was changed.
    Older,
    /// The activity was recorded.
    Recorded,
}

/// The outcome of [`SessionStore::update`].
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "moved once per command")]
#[allow(
    clippy::exhaustive_enums,
    reason = "every caller must decide on each case"
)]
pub enum Updated {
    /// The change was made. Contains the session as it is now.
    Applied(SessionRecord),
    /// The session has another version; nothing was changed.
    Conflict,
    /// The key has no session that can be changed any more.
    Gone,
}

/// How a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers of stores construct it")]
pub struct End {
    /// Why the session ends.
    pub reason: EndReason,
    /// Whether the same client gets another session instead.
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

/// The result of a reaping pass.
#[derive(Clone, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "stores construct it")]
pub struct Reaped {
    /// The time of the pass, by the store's clock.
    pub now: Timestamp,
    /// The sessions that this pass ended, and earlier ends that were never
    /// acknowledged.
    pub ended: Vec<EndedSession>,
    /// The sessions that this pass locked.
    pub locked: Vec<SessionRecord>,
    /// Whether more may be due.
    pub more: bool,
}

/// Why a store failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store holds a value of this session that can't be read. The layers
    /// take the session for one that has ended
    /// ([`SessionManager::readable`](crate::SessionManager::readable)).
    #[error("the session store holds a value that can't be read")]
    Corrupt(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The store did not answer within this time.
    #[error("the session store did not answer within {0:?}")]
    Timeout(Duration),
    /// The store can't be reached, or refused.
    #[error("the session store is unavailable")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Returns the error [`Unavailable`](Self::Unavailable) with this source.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into().into())
    }
}
