//! The plain store with one fault.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Quota, Reaped, SessionStore, StoreFuture, TouchOutcome,
    Update, Updated,
};
use dwell_core::{
    EndReason, EndedSession, ManualClock, SessionKey, SessionRecord, SubjectId, Timestamp,
};
use tokio::sync::watch;

use crate::plain::Plain;
use crate::{create, end, failures, reads, reap, tombstones, touch, update};

/// The fault of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    // Creations.
    ChecksAreHalved,
    CreateChecksBeforehand,
    CreateInTwoSteps,
    CreateInventsAnAuthentication,
    CreateOverwrites,
    CreateStampsAnew,
    IndexIsNotAtomic,
    InstantsWrap,
    KeysAreCut,
    LimitCountsEverybody,
    LimitCountsTombstones,
    LimitCountsTheReplaced,
    LimitCountsTheExpired,
    LimitEndsOne,
    LimitEndsTheLatest,
    LimitForgetsTheLocked,
    LimitIsIgnored,
    LimitIsNotAtomic,
    LimitMakesRoomForNothing,
    LimitTellsNoEnd,
    LimitWithoutALimit,
    LocksAreNotKept,
    OpenPartsEndAtZeros,
    PausesWrap,
    SubjectsEndAtZero,
    // Ends.
    EndForgetsTheReason,
    EndIgnoresASuccessor,
    EndInTwoSteps,
    EndIsNotAtomic,
    EndOfManyForgetsOne,
    EndOfAnUnknownLeavesATombstone,
    EndOfTheLockedIsUnreported,
    EndOfTheExpiredIsUnreported,
    EndOverwritesTheReason,
    EndReportsTwice,
    EndTakesASuccessorBack,
    // Failed authentications.
    FailureIgnoresDeadlines,
    FailureInATombstone,
    FailureIsAVersion,
    FailureIsNotAtomic,
    FailuresWrap,
    // Look-ups and lists.
    ClockRunsUnasked,
    DebugShowsChecks,
    DebugShowsKeys,
    ListKeepsTheEnded,
    ListLeaks,
    ListShowsTheFirstState,
    LocalOnlyInName,
    LookUpBeforeTheTouch,
    LookUpIsActivity,
    NowIsTheNodes,
    RunOutIsMissing,
    SubjectsAreCut,
    SubjectsAreTrimmed,
    SubjectsFoldCase,
    // Reaping.
    ReapEndsWhatWasTouched,
    ReapForgetsTheLocked,
    ReapForgetsTheReason,
    ReapGoesByFirstDeadlines,
    ReapGoesByTheOldLock,
    ReapIgnoresPolicies,
    ReapIgnoresRecords,
    ReapIgnoresTheBatch,
    ReapIsEarly,
    ReapIsNotAtomic,
    ReapKeepsWhatItKnows,
    ReapLocksAgain,
    ReapNeverHasEnough,
    ReapSaysNoMore,
    ReapSkipsTheTouched,
    ReapStopsAtWhatIsNotDue,
    ReapTellsTwice,
    // Tombstones.
    AdoptedTombstonesGoByAge,
    AdoptedTombstonesGoByDeadline,
    ForgettingIsAnEnd,
    ReapedTombstonesAgeFromTheDeadline,
    SuccessorProlongs,
    SurplusIsEverybodys,
    SurplusIsTheNewest,
    SurplusOfTheAdopted,
    SurplusOfTheUnreported,
    SurplusStays,
    TombstonesGoAtOnce,
    TombstonesStay,
    // Touches.
    LateTouchIsLost,
    LateTouchOutlivesItself,
    TouchAtTheAbsoluteDeadline,
    TouchAtTheIdleDeadline,
    TouchAtTheProvidersDeadline,
    TouchCountsAsOfNow,
    TouchForgetsTheDeadline,
    TouchIgnoresDeadlines,
    TouchIsAVersion,
    TouchIsNotAtomic,
    TouchMovesBack,
    TouchOpensALock,
    TouchRevives,
    TouchTakesTheNodesDeadline,
    TouchTrustsTheNode,
    TouchWritesBackTheRecord,
    // Updates.
    LocksMoveOn,
    RotationInTwoSteps,
    UpdateForgetsTheIdleDeadline,
    UpdateForgetsTheOwner,
    UpdateForgetsTheOpenPart,
    UpdateForgetsTheProvider,
    UpdateIgnoresDeadlines,
    UpdateIgnoresTheVersion,
    UpdateIsNotAtomic,
    UpdateKeepsWhatItKnows,
    UpdateMovesTheAbsoluteDeadline,
    UpdateNeedsALiveSession,
    UpdateRevives,
    UpdateWritesBackTheRecord,
    VersionsStop,
}

pub(crate) struct Planted {
    pub(crate) plain: Plain,
    pub(crate) fault: Fault,
    /// A separate index, for faults of indices.
    pub(crate) index: Mutex<BTreeMap<SubjectId, Vec<SessionKey>>>,
    /// When locks were to end when they were set.
    pub(crate) old_locks: Mutex<BTreeMap<SessionKey, Timestamp>>,
    pub(crate) ticks: AtomicU64,
    /// Whether a pass has chosen what it will end.
    pub(crate) chosen: watch::Sender<bool>,
    /// How many touches were made since then.
    pub(crate) touched: watch::Sender<usize>,
}

impl Planted {
    pub(crate) fn new(clock: ManualClock, tombstones: Duration, fault: Fault) -> Self {
        Self {
            plain: Plain::new(clock, tombstones),
            fault,
            index: Mutex::default(),
            old_locks: Mutex::default(),
            ticks: AtomicU64::new(0),
            chosen: watch::Sender::new(false),
            touched: watch::Sender::new(0),
        }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Lets other tasks run in between, for different times, so that writes come
    /// in another order than the reads before them.
    pub(crate) async fn dawdle(&self) {
        let turn = self.ticks.fetch_add(1, Ordering::SeqCst);
        for _ in 0..20 + turn * 37 % 101 {
            tokio::task::yield_now().await;
        }
    }

    /// Whether sessions are listed by the separate index.
    pub(crate) fn is_indexed(&self) -> bool {
        use Fault::{CreateInTwoSteps, EndInTwoSteps, IndexIsNotAtomic};
        [CreateInTwoSteps, EndInTwoSteps, IndexIsNotAtomic].contains(&self.fault)
    }
}

/// An answer that is ready.
pub(crate) fn ready<'a, T: 'a>(answer: T) -> StoreFuture<'a, T> {
    StoreFuture::ready(Ok(answer))
}

impl fmt::Debug for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        reads::debug(self, f)
    }
}

impl SessionStore for Planted {
    fn now(&self) -> StoreFuture<'_, Timestamp> {
        reads::now(self)
    }

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        ready(reads::load(self, key))
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        due: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        create::create(self, record, quota, due)
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        touch::touch(self, key, touch)
    }

    fn touch_and_load(
        &self,
        key: SessionKey,
        touch: Touch,
    ) -> StoreFuture<'_, (TouchOutcome, Loaded)> {
        touch::touch_and_load(self, key, touch)
    }

    fn update(&self, key: SessionKey, version: u32, update: Update) -> StoreFuture<'_, Updated> {
        update::update(self, key, version, update)
    }

    fn count_failure(&self, key: SessionKey) -> StoreFuture<'_, Option<u8>> {
        failures::count_failure(self, key)
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        end::end(self, key, end)
    }

    fn end_many(
        &self,
        keys: Vec<SessionKey>,
        reason: EndReason,
    ) -> StoreFuture<'_, Vec<EndedSession>> {
        end::end_many(self, keys, reason)
    }

    fn list(&self, subject: SubjectId) -> StoreFuture<'_, Vec<SessionRecord>> {
        ready(reads::list(self, &subject))
    }

    fn reap(&self, due: DuePolicy, batch: usize) -> StoreFuture<'_, Reaped> {
        reap::reap(self, due, batch)
    }

    fn acknowledge(&self, keys: Vec<SessionKey>) -> StoreFuture<'_, ()> {
        tombstones::acknowledge(self, &keys);
        ready(())
    }

    fn is_local(&self) -> bool {
        self.has(Fault::LocalOnlyInName)
    }
}
