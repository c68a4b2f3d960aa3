//! Stores with faults during an outage: the outage cases find each.

use std::sync::atomic::{AtomicBool, Ordering};

use dwell_core::engine::Touch;
use dwell_core::store::{
    Created, DuePolicy, End, Loaded, Lookup, Quota, SessionStore, StoreError, StoreFuture,
    TouchOutcome,
};
use dwell_core::{EndedSession, SessionKey, SessionRecord, delegate_store};
use dwell_memory::MemoryStore;
use dwell_testkit::conformance::outage::TakeAway;
use dwell_testkit::{FaultyStore, store_conformance};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    SaysMissing,
    SaysCorrupt,
    TouchesAnyway,
    EndsAnyway,
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
    delegate_store!(self => self.way, only update, count_failure, list, reap, acknowledge);

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
        due: DuePolicy,
    ) -> StoreFuture<'_, Created> {
        StoreFuture::boxed(async move {
            if self.does(Fault::KeepsALogin) {
                let kept = self.server.create(record.clone(), quota, due.clone());
                kept.await?;
            }
            self.way.create(record, quota, due).await
        })
    }

    fn touch(&self, key: SessionKey, touch: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::boxed(async move {
            if self.does(Fault::TouchesAnyway) {
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
            if self.does(Fault::EndsAnyway) {
                self.server.end(key, end).await?;
            }
            if self.does_afterwards(Fault::EndsNothingAfterwards) {
                return Ok(None);
            }
            self.way.end(key, end).await
        })
    }
}

fn assert_found(fault: Fault, name: &str, case: impl AsyncFnOnce(Away), says: &str) {
    crate::assert_fails(Away::new(fault), fault, name, case, says);
}

// The store itself has no fault.
store_conformance!(without_a_fault, outage, async || Away::new(Fault::None));

crate::teeth! {
    missing_during_outage_is_found: SaysMissing {
        outage::l08_store_without_server_answers_with_errors, "a look-up without the server";
    }
    corrupt_during_outage_is_found: SaysCorrupt {
        outage::l08_store_without_server_answers_with_errors, "a look-up without the server";
    }
    touch_during_outage_is_found: TouchesAnyway {
        outage::l08_outage_changes_nothing, "failed operations changed nothing";
        outage::l08_failed_operations_succeed_after_outage, "activity counts";
    }
    end_during_outage_is_found: EndsAnyway {
        outage::l08_outage_changes_nothing, "outlives an outage";
    }
    kept_failed_login_is_found: KeepsALogin {
        outage::l08_outage_changes_nothing, "a failed login leaves no session";
    }
    sessions_lost_in_outage_are_found: ForgetsAll {
        outage::l08_outage_changes_nothing, "outlives an outage";
    }
    touches_refused_after_outage_are_found: RefusesFromThenOn {
        outage::l08_failed_operations_succeed_after_outage, "activity counts";
    }
    ends_refused_after_outage_are_found: EndsNothingAfterwards {
        outage::l08_failed_operations_succeed_after_outage, "an end is made";
    }
}
