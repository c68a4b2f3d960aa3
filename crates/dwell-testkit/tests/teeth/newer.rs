//! A node that reports a newer version's reason as one that it knows.

use std::time::Duration;

use dwell_core::SessionKey;
use dwell_core::store::SessionStore;
use dwell_testkit::conformance::newer::{self, WriteReason};
use dwell_testkit::conformance::{DriveClock, StoreUnderTest};

use crate::planted::Fault;
use crate::{UnderTest, assert_fails, planted};

/// Whatever code is written, the reason stays what it was.
struct ToldAsItsOwn(UnderTest);

impl StoreUnderTest for ToldAsItsOwn {
    fn store(&self) -> &dyn SessionStore {
        self.0.store()
    }
}

impl DriveClock for ToldAsItsOwn {
    fn tombstones(&self) -> Duration {
        self.0.tombstones()
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by).await;
    }
}

impl WriteReason for ToldAsItsOwn {
    async fn write_reason(&self, _: SessionKey, _: u8) {}
}

#[test]
fn newer_reason_reported_as_old_is_found() {
    assert_fails(
        ToldAsItsOwn(planted(Fault::None)),
        "a reason of its own",
        FINDERS[0],
        newer::l04_what_a_newer_version_ended_stays_ended,
        "for another reason",
    );
}

/// The cases that find something here.
pub(crate) const FINDERS: &[&str] = &["l04_what_a_newer_version_ended_stays_ended"];
