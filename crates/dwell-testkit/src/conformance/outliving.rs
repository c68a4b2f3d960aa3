//! Cases for a store that outlives its nodes: an end that was never reported is
//! handed out again.
//!
//! A store that ends with its process has nothing to hand over, so the suite
//! does not contain these cases. `store_conformance!(name, outliving, make)`
//! makes tests of them.
//!
//! ```
//! # fn main() {}
//! # mod shared {
//! # use dwell_core::{ManualClock, hours};
//! # use dwell_memory::MemoryStore;
//! # use dwell_testkit::conformance::OnManualClock;
//! # pub async fn connect() -> OnManualClock<MemoryStore> {
//! #     let clock = ManualClock::new();
//! #     OnManualClock::new(MemoryStore::with_clock(clock.clone()), clock, hours(1))
//! # }
//! # }
//! // `connect` makes the store and the hook that sets its time.
//! dwell_testkit::store_conformance!(on_a_server, outliving, async || shared::connect().await);
//! ```

use dwell_core::store::{Lookup, UNREPORTED_AFTER};
use dwell_core::{EndReason, EndedSession};

use super::DriveClock;
use super::fixture::{AGO, Fixture, IDLE, LATE, MS};

async fn handed_out<T: DriveClock>(fixture: &Fixture<T>) -> Vec<EndedSession> {
    let mut ended = Vec::new();
    loop {
        let reaped = fixture.store().reap(fixture.due_policy(), 100).await;
        let reaped = reaped.expect("the store answers a reaping pass");
        ended.extend(reaped.ended);
        if !reaped.more {
            return ended;
        }
    }
}

/// An end that a request made and did not report is handed out again unchanged:
/// not early, once per period, and never after it was acknowledged.
pub async fn l12_unacknowledged_end_is_handed_out_again(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.store().end(record.key, EndReason::SignedOut.into());
    let ended = ended.await.expect("the store answers an end");
    let ended = ended.expect("the session was live");
    for _ in 0..3 {
        fixture.advance(UNREPORTED_AFTER - MS).await;
        assert_eq!(
            handed_out(&fixture).await,
            [],
            "the caller that got the end has time to report it"
        );
        fixture.advance(MS + LATE).await;
        assert_eq!(
            handed_out(&fixture).await,
            std::slice::from_ref(&ended),
            "an unacknowledged end is handed out again, unchanged"
        );
    }
    fixture.acknowledge(std::slice::from_ref(&ended)).await;
    fixture.advance(UNREPORTED_AFTER + LATE).await;
    assert_eq!(
        handed_out(&fixture).await,
        [],
        "and never once it is acknowledged"
    );
    assert_eq!(
        fixture.tombstone(record.key).await,
        ended,
        "the session still has its tombstone"
    );
}

/// Ends of a reaping pass whose node crashed are handed out again.
pub async fn l12_unreported_reaped_ends_are_handed_out_again(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    fixture.start_many(5, "alice").await;
    fixture.advance(IDLE - AGO + LATE).await;
    let mut first = handed_out(&fixture).await;
    assert_eq!(first.len(), 5, "all that is due ends");
    fixture.advance(UNREPORTED_AFTER + LATE).await;
    let mut again = handed_out(&fixture).await;
    for list in [&mut first, &mut again] {
        list.sort_unstable_by_key(|ended| ended.record.key);
    }
    assert_eq!(again, first, "every one of them, unchanged");
}

/// Of many concurrent reapers one gets an unreported end.
pub async fn l12_unreported_end_goes_to_one_of_many_reapers(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(20, "alice").await;
    for record in &records {
        let ended = fixture.store().end(record.key, EndReason::Revoked.into());
        assert!(ended.await.expect("the store answers an end").is_some());
    }
    fixture.advance(UNREPORTED_AFTER + LATE).await;
    let passes = fixture.at_once(4, |fixture, _| async move { handed_out(&fixture).await });
    let count = passes.await.iter().map(Vec::len).sum::<usize>();
    assert_eq!(count, records.len(), "each goes to one of them");
}

/// Look-ups don't find a tombstone whose time is over, but its end is handed
/// out until it is reported.
pub async fn l12_end_is_kept_until_reported(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.store().end(record.key, EndReason::Revoked.into());
    let ended = ended.await.expect("the store answers an end");
    fixture.advance(fixture.tombstones() + LATE).await;
    let found = fixture.state(record.key).await;
    assert!(
        matches!(found, Lookup::Missing),
        "the tombstone's time is over: {found:?}"
    );
    let again = handed_out(&fixture).await;
    assert_eq!(again.first(), ended.as_ref(), "its end is still handed out");
    fixture.acknowledge(&again).await;
    fixture.advance(UNREPORTED_AFTER + LATE).await;
    assert_eq!(handed_out(&fixture).await, [], "until it is reported");
}
