//! A rolling upgrade: what a newer version has ended stays ended, with a reason
//! that says no more than is known.
//!
//! A store that does not outlive its process meets no other version, so this is
//! not among the cases of the suite: `store_conformance!(name, newer, make)`
//! makes a test of it.

use dwell_core::store::{Created, End, TouchOutcome, UNREPORTED_AFTER, Update, Updated};
use dwell_core::{EndReason, SessionKey, seconds};

use super::DriveClock;
use super::fixture::{Fixture, touch};

/// A code that no reason has.
const NEWER: u8 = 199;

/// A store under test into which the code of an end reason can be written as a
/// node of a newer version would write it.
///
/// ```
/// use std::time::Duration;
///
/// use dwell_core::SessionKey;
/// use dwell_core::store::SessionStore;
/// use dwell_testkit::conformance::newer::WriteReason;
/// use dwell_testkit::conformance::{DriveClock, StoreUnderTest};
///
/// struct Tested<S> {
///     under: S,
/// }
///
/// impl<S: DriveClock> StoreUnderTest for Tested<S> {
///     fn store(&self) -> &dyn SessionStore {
///         self.under.store()
///     }
/// }
///
/// impl<S: DriveClock> DriveClock for Tested<S> {
///     fn tombstones(&self) -> Duration {
///         self.under.tombstones()
///     }
///
///     async fn advance(&self, by: Duration) {
///         self.under.advance(by).await;
///     }
/// }
///
/// impl<S: DriveClock> WriteReason for Tested<S> {
///     async fn write_reason(&self, key: SessionKey, code: u8) {
///         // UPDATE session SET ended_reason = $2 WHERE key = $1
///         # let _ = (key, code);
///     }
/// }
/// ```
pub trait WriteReason: DriveClock {
    /// Replaces the code that the store keeps of an ended session's reason, past
    /// the store.
    fn write_reason(&self, key: SessionKey, code: u8) -> impl Future<Output = ()> + Send;
}

/// A node of a newer version ended a session for a reason that this version
/// does not know, and went down before it reported the end. For this version
/// the session has ended, for the reason [`EndReason::Other`]: nothing revives
/// it, its end is handed out, and its tombstone goes in its time.
pub async fn l04_what_a_newer_version_ended_stays_ended(under: impl WriteReason) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let (key, store) = (record.key, fixture.store());
    let ended = store.end(key, EndReason::Revoked.into()).await;
    let mut expected = ended.unwrap().expect("who ends a live session is told so");
    fixture.under().write_reason(key, NEWER).await;
    expected.reason = EndReason::Other;

    assert_eq!(
        fixture.tombstone(key).await,
        expected,
        "a session that a newer version ended has ended, for another reason"
    );
    let activity = touch(&record, fixture.now().await);
    assert_eq!(
        fixture.touch(key, activity).await,
        TouchOutcome::Gone,
        "no touch revives it"
    );
    let version = record.facts.version;
    let confirmed = fixture.update(key, version, Update::Confirm).await;
    assert!(matches!(confirmed, Updated::Gone), "nor an update");
    let created = fixture.create(&record, None).await;
    assert!(matches!(created, Created::Exists), "nor another creation");
    assert!(fixture.keys("alice").await.is_empty(), "no list has it");
    let signed_in_again = End {
        reason: EndReason::Superseded,
        replaced: true,
    };
    let again = fixture.end(key, signed_in_again).await;
    assert!(again.is_none(), "it is not ended again");
    expected.replaced = true;
    assert_eq!(
        fixture.tombstone(key).await,
        expected,
        "and keeps its reason when a successor is recorded"
    );

    fixture.advance(UNREPORTED_AFTER + seconds(1)).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert_eq!(reaped.ended, [expected], "its end is reported");
    fixture.advance(fixture.tombstones()).await;
    fixture.reap_late(&fixture.due_policy()).await;
    assert!(
        fixture.is_missing(key).await,
        "its tombstone is removed in time"
    );
}
