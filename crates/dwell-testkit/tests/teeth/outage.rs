//! A store that makes something up while its server is away, or does by halves
//! what it refuses, fails the cases about that.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Lookup, Quota, SessionStore, StoreError, StoreFuture,
    TouchOutcome,
};
use dwell_core::{EndedSession, SessionKey, SessionRecord, delegate_store};
use dwell_memory::MemoryStore;
use dwell_testkit::FaultyStore;
use dwell_testkit::conformance::outage::{self, TakeAway};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    SaysMissing,
    SaysCorrupt,
    TouchesAllTheSame,
    EndsAllTheSame,
    KeepsALogin,
    ForgetsAll,
    RefusesFromThenOn,
    EndsNothingAfterwards,
}

/// A store and its server, which can be away.
#[derive(Debug)]
struct Away {
    server: MemoryStore,
    way: FaultyStore,
    is_away: AtomicBool,
    was_away: AtomicBool,
    fault: Fault,
}

impl Away {
    fn new(fault: Fault) -> Self {
        let server = MemoryStore::new();
        Self {
            way: FaultyStore::new(server.clone()),
            server,
            is_away: AtomicBool::new(false),
            was_away: AtomicBool::new(false),
            fault,
        }
    }

    fn does(&self, fault: Fault) -> bool {
        self.fault == fault && self.is_away.load(Ordering::SeqCst)
    }

    fn does_afterwards(&self, fault: Fault) -> bool {
        let is_away = self.is_away.load(Ordering::SeqCst);
        self.fault == fault && self.was_away.load(Ordering::SeqCst) && !is_away
    }
}

impl TakeAway for Away {
    async fn take_away(&self) {
        self.way.fail();
        self.is_away.store(true, Ordering::SeqCst);
        self.was_away.store(true, Ordering::SeqCst);
    }

    async fn bring_back(&self) {
        self.way.heal();
        self.is_away.store(false, Ordering::SeqCst);
    }
}

impl SessionStore for Away {
    delegate_store!(self => self.server, only now);
    delegate_store!(self => self.way, only update, list, reap);

    fn load(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        let missing = self.does(Fault::SaysMissing) || self.does_afterwards(Fault::ForgetsAll);
        StoreFuture::boxed(async move {
            if self.does(Fault::SaysCorrupt) {
                return Err(StoreError::Corrupt(std::sync::Arc::new(std::fmt::Error)));
            }
            match missing {
                true => Ok(Loaded {
                    now: self.server.now().await?,
                    state: Lookup::Missing,
                }),
                false => self.way.load(key).await,
            }
        })
    }

    fn create(
        &self,
        record: SessionRecord,
        quota: Option<Quota>,
        judge: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(async move {
            if self.does(Fault::KeepsALogin) {
                let kept = self.server.create(record.clone(), quota, judge.clone());
                kept.await?;
            }
            self.way.create(record, quota, judge).await
        })
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move {
            if self.does(Fault::TouchesAllTheSame) {
                self.server.touch(key, touch).await?;
            }
            if self.does_afterwards(Fault::RefusesFromThenOn) {
                return Ok(TouchOutcome::Gone);
            }
            self.way.touch(key, touch).await
        })
    }

    fn end(&self, key: SessionKey, end: End) -> StoreFuture<'_, Option<EndedSession>> {
        StoreFuture::boxed(async move {
            if self.does(Fault::EndsAllTheSame) {
                self.server.end(key, end).await?;
            }
            if self.does_afterwards(Fault::EndsNothingAfterwards) {
                return Ok(None);
            }
            self.way.end(key, end).await
        })
    }
}

/// What a case says of a store with this fault; nothing where it passes.
fn said(fault: Fault, case: impl AsyncFnOnce(Away)) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let run = || runtime.block_on(case(Away::new(fault)));
    let panic = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(crate::said_by(&*panic).to_owned())
}

fn assert_found(fault: Fault, says: &str, case: impl AsyncFnOnce(Away)) {
    let said = said(fault, case).unwrap_or_else(|| panic!("{fault:?} is not found"));
    assert!(said.contains(says), "{fault:?} is found but said: {said}");
}

#[test]
fn a_store_that_makes_something_up_while_its_server_is_away_is_found() {
    let says = "a look-up without the server";
    let case = outage::l08_while_its_server_is_away_a_store_answers_with_errors;
    assert_found(Fault::SaysMissing, says, case);
    assert_found(Fault::SaysCorrupt, says, case);
}

#[test]
fn a_store_that_does_what_it_refuses_is_found() {
    let case = outage::l08_after_an_outage_everything_is_as_it_was;
    assert_found(
        Fault::TouchesAllTheSame,
        "nothing that failed was done",
        case,
    );
    assert_found(Fault::EndsAllTheSame, "outlives an outage", case);
    assert_found(Fault::ForgetsAll, "outlives an outage", case);
    assert_found(Fault::KeepsALogin, "left by a login that failed", case);
}

#[test]
fn a_store_that_does_not_recover_is_found() {
    let case = outage::l08_what_failed_in_an_outage_can_be_done_after_it;
    assert_found(Fault::RefusesFromThenOn, "activity counts", case);
    assert_found(Fault::EndsNothingAfterwards, "an end is made", case);
    assert_found(Fault::TouchesAllTheSame, "activity counts", case);
}

#[test]
fn what_the_faults_are_planted_in_has_none() {
    let cases = [
        said(
            Fault::None,
            outage::l08_while_its_server_is_away_a_store_answers_with_errors,
        ),
        said(
            Fault::None,
            outage::l08_after_an_outage_everything_is_as_it_was,
        ),
        said(
            Fault::None,
            outage::l08_what_failed_in_an_outage_can_be_done_after_it,
        ),
    ];
    assert_eq!(cases, [None, None, None]);
}
