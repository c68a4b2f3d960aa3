//! What is asked of a store that outlives its nodes: an end that was never
//! reported is handed out again.
//!
//! A store that ends with its process has nothing to hand over, so these cases
//! are not among those of the suite: `store_conformance!(name, outliving, make)`
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
//! // `connect` makes the store and the hook by which it is told the time.
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

/// An end that a request made and nobody reported is handed out again as it
/// was: not before its time, once in that time, and never after it was
/// acknowledged.
pub async fn l12_an_end_that_nobody_acknowledged_is_handed_out_again(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.store().end(record.key, EndReason::SignedOut.into());
    let ended = ended.await.expect("the store answers an end");
    let ended = ended.expect("it was live");
    for _ in 0..3 {
        fixture.advance(UNREPORTED_AFTER - MS).await;
        assert_eq!(
            handed_out(&fixture).await,
            [],
            "whoever got it has time to report it"
        );
        fixture.advance(MS + LATE).await;
        assert_eq!(
            handed_out(&fixture).await,
            std::slice::from_ref(&ended),
            "an end that nobody acknowledged is handed out again, as it was"
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
        "it leaves its tombstone all the same"
    );
}

/// The same for ends that a reaping pass made and whose node went down.
pub async fn l12_what_a_reaper_ended_and_did_not_report_is_handed_out_again(
    under: impl DriveClock,
) {
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
    assert_eq!(again, first, "every one of them, as it was");
}

/// Many reapers that find an end unreported hand it out once.
pub async fn l12_an_unreported_end_is_handed_to_one_of_many_reapers(under: impl DriveClock) {
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

/// A tombstone whose time is over is forgotten by requests, but its end is
/// handed out until it is reported.
pub async fn l12_an_end_is_not_forgotten_before_it_is_reported(under: impl DriveClock) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let ended = fixture.store().end(record.key, EndReason::Revoked.into());
    let ended = ended.await.expect("the store answers an end");
    fixture.advance(fixture.tombstones() + LATE).await;
    let found = fixture.state(record.key).await;
    assert!(
        matches!(found, Lookup::Missing),
        "its time is over: {found:?}"
    );
    let again = handed_out(&fixture).await;
    assert_eq!(again.first(), ended.as_ref(), "its report is not");
    fixture.acknowledge(&again).await;
    fixture.advance(UNREPORTED_AFTER + LATE).await;
    assert_eq!(handed_out(&fixture).await, [], "until it is reported");
}
