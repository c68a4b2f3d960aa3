//! Cases for a store whose server can be away: its operations fail meanwhile,
//! and afterwards everything is unchanged (law L8).
//!
//! A store within the process has no server, so the suite does not contain
//! these cases. `store_conformance!(name, outage, make)` makes tests of them.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use dwell_core::store::{Created, Lookup, StoreError, StoreFuture, TouchOutcome, Updated};
use dwell_core::{EndReason, SessionRecord, seconds};
use tokio::time::{interval, timeout};

use super::StoreUnderTest;
use super::fixture::{Fixture, every_update, touch};
use crate::FaultyStore;

/// How long a store may take to notice that its server is away, and to find it
/// again.
const PATIENCE: Duration = seconds(30);

/// A store under test whose server can be taken away, and comes back with its
/// data.
///
/// ```
/// use dwell_memory::MemoryStore;
/// use dwell_testkit::FaultyStore;
/// use dwell_testkit::conformance::{self, outage};
///
/// // `FaultyStore` stands here for a store and its server.
/// conformance::run(
///     async || FaultyStore::new(MemoryStore::new()),
///     outage::l08_outage_changes_nothing,
/// );
/// ```
pub trait TakeAway: StoreUnderTest {
    /// Takes the server away: it stops or refuses. If it only hangs, the store
    /// must bound its waiting.
    fn take_away(&self) -> impl Future<Output = ()> + Send;

    /// Brings the server back.
    fn bring_back(&self) -> impl Future<Output = ()> + Send;
}

impl TakeAway for FaultyStore {
    async fn take_away(&self) {
        self.fail();
    }

    async fn bring_back(&self) {
        self.heal();
    }
}

/// Asserts that an operation fails because the server is away.
async fn fails<T: Debug>(what: &str, answer: StoreFuture<'_, T>) {
    let answer = timeout(PATIENCE, answer).await;
    let answer = answer.unwrap_or_else(|_| panic!("{what} is answered in bounded time"));
    assert!(
        matches!(
            answer,
            Err(StoreError::Unavailable(_) | StoreError::Timeout(_))
        ),
        "{what} without the server is an error of the server's: {answer:?}"
    );
}

/// Tries every operation on a session, and asserts that all fail.
async fn everything_fails<T: StoreUnderTest>(fixture: &Fixture<T>, live: &SessionRecord) {
    let store = fixture.store();
    let at = live.facts.last_active_at + seconds(20);
    let touch = touch(live, at);
    fails("a look-up", store.load(live.key)).await;
    fails("a touch", store.touch(live.key, touch)).await;
    let both = store.touch_and_load(live.key, touch);
    fails("a touch with a look-up", both).await;
    for update in every_update(live, at) {
        let what = format!("an update, {update:?},");
        fails(&what, store.update(live.key, live.facts.version, update)).await;
    }
    fails("a failure", store.count_failure(live.key)).await;
    let end = store.end(live.key, EndReason::Revoked.into());
    fails("an end", end).await;
    let many = store.end_many(vec![live.key], EndReason::Revoked);
    fails("an end of many", many).await;
    let new = fixture.opened(900, "alice", at);
    fails("a login", store.create(new, None, fixture.due_policy())).await;
    fails("a list", store.list("alice".into())).await;
    fails("a reaping pass", store.reap(fixture.due_policy(), 100)).await;
}

/// Returns what the store has of a session, as soon as it answers.
async fn found_again<T: StoreUnderTest>(fixture: &Fixture<T>, record: &SessionRecord) -> Lookup {
    let mut pace = interval(Duration::from_millis(20));
    let again = async {
        loop {
            pace.tick().await;
            if let Ok(loaded) = fixture.store().load(record.key).await {
                return loaded.state;
            }
        }
    };
    let again = timeout(PATIENCE, again).await;
    again.expect("the store answers when its server is back")
}

/// Every operation fails. None answers with a session, and none with "unknown",
/// which would sign the subject out.
pub async fn l08_store_without_server_answers_with_errors(under: impl TakeAway) {
    let fixture = Fixture::new(under);
    let live = fixture.start(1, "alice").await;
    fixture.under().take_away().await;
    everything_fails(&fixture, &live).await;
    everything_fails(&fixture, &live).await;
}

/// Failed operations changed nothing, nothing is lost, and ended sessions stay
/// ended.
pub async fn l08_outage_changes_nothing(under: impl TakeAway) {
    let fixture = Fixture::new(under);
    let live = fixture.start(1, "alice").await;
    let dead = fixture.start(2, "alice").await;
    let end = fixture.store().end(dead.key, EndReason::SignedOut.into());
    let ended = end.await.expect("the store answers an end");
    let ended = ended.expect("the session was live");
    fixture.acknowledge(std::slice::from_ref(&ended)).await;
    fixture.under().take_away().await;
    everything_fails(&fixture, &live).await;
    fixture.under().bring_back().await;
    match found_again(&fixture, &live).await {
        Lookup::Found(found) => assert_eq!(found, live, "failed operations changed nothing"),
        other => panic!("a session outlives an outage: {other:?}"),
    }
    assert_eq!(
        fixture.tombstone(dead.key).await,
        ended,
        "an ended session stays ended"
    );
    let new = fixture.opened(900, "alice", live.facts.created_at);
    assert!(
        fixture.is_missing(new.key).await,
        "a failed login leaves no session"
    );
    assert_eq!(
        fixture.store().list("alice".into()).await.ok(),
        Some(vec![live]),
        "a subject has the same sessions as before"
    );
}

/// Failed operations left nothing half done, so trying them again succeeds.
pub async fn l08_failed_operations_succeed_after_outage(under: impl TakeAway) {
    let fixture = Fixture::new(under);
    let live = fixture.start(1, "alice").await;
    fixture.under().take_away().await;
    everything_fails(&fixture, &live).await;
    fixture.under().bring_back().await;
    found_again(&fixture, &live).await;
    let store = fixture.store();
    let at = live.facts.last_active_at + seconds(20);
    let touched = store.touch(live.key, touch(&live, at)).await;
    assert_eq!(
        touched.ok(),
        Some(TouchOutcome::Recorded),
        "activity counts"
    );
    let now = fixture.found(live.key).await;
    let counted = store.count_failure(live.key).await;
    assert_eq!(counted.ok(), Some(Some(1)), "a failure is counted");
    let update = dwell_core::store::Update::Confirm;
    let updated = store.update(live.key, now.facts.version, update).await;
    assert!(
        matches!(updated, Ok(Updated::Applied(_))),
        "an update is applied: {updated:?}"
    );
    let new = fixture.opened(900, "alice", live.facts.created_at);
    let created = store.create(new.clone(), None, fixture.due_policy()).await;
    assert!(
        matches!(created, Ok(Created::Created { .. })),
        "a login is kept: {created:?}"
    );
    for key in [live.key, new.key] {
        let ended = store.end(key, EndReason::Revoked.into()).await;
        let ended = ended.expect("the store answers an end");
        assert!(ended.is_some(), "an end is made");
    }
}
