//! An update is compare-and-set on the version, made whole or not at all.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{run, update};
//!
//! run(async || MemoryStore::new(), update::n46_of_many_rotations_at_once_one_wins);
//! ```

use dwell_core::store::{TouchOutcome, Update, Updated};
use dwell_core::{EndReason, SessionRecord, Timestamp, VerifierHash, minutes, seconds};

use super::fixture::{Fixture, MS, every_update, rotation};
use super::together::poll_and_drop;
use super::{DriveClock, StoreUnderTest};

/// Each kind of update does what the pure function does, and answers with the
/// session as it is then.
pub async fn every_kind_of_update_does_what_the_pure_function_does(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    for (group, confirmed) in [(0, true), (100, false)] {
        let model = fixture.record(group, "alice").await;
        for (n, update) in (group..).zip(every_update(&model, now)) {
            let mut record = fixture.record(n, "alice").await;
            record.credential.confirmed = confirmed;
            record.facts.failures = 3;
            record.facts.longest_pause = minutes(2);
            record.facts.version = 7;
            fixture.keep(&record).await;
            let mut expected = record.clone();
            assert!(expected.update(&update, now), "it is not too late");
            match fixture.update(record.key, 7, update.clone()).await {
                Updated::Applied(applied) => assert_eq!(
                    applied, expected,
                    "the answer is the session as the update leaves it: {update:?}"
                ),
                other => panic!("an update for the version on record is made: {other:?}"),
            }
            assert_eq!(
                fixture.found(record.key).await,
                expected,
                "and so it is kept: {update:?}"
            );
        }
    }
}

/// Who expects another version changes nothing.
pub async fn an_update_for_another_version_conflicts_and_changes_nothing(
    under: impl StoreUnderTest,
) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    record.facts.version = 7;
    fixture.keep(&record).await;
    let now = fixture.now().await;
    for version in [0, 6, 8, u32::MAX] {
        for update in every_update(&record, now) {
            let updated = fixture.update(record.key, version, update.clone()).await;
            assert!(
                matches!(updated, Updated::Conflict),
                "version {version} is not the one on record: {update:?}"
            );
        }
    }
    assert_eq!(
        fixture.found(record.key).await,
        record,
        "a conflict changes nothing"
    );
}

/// Every update makes a new version, so that each is for one state only; after
/// the last number comes the first.
pub async fn every_update_makes_another_version(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    for (n, version) in [(0, 0), (1, u32::MAX - 1), (2, u32::MAX)] {
        let mut record = fixture.record(n, "alice").await;
        record.facts.version = version;
        fixture.keep(&record).await;
        for update in every_update(&record, now) {
            let before = fixture.found(record.key).await.facts.version;
            let after = fixture
                .apply(record.key, update.clone())
                .await
                .facts
                .version;
            assert_eq!(
                after,
                before.wrapping_add(1),
                "an update makes the next version: {update:?}"
            );
            let again = fixture.update(record.key, before, update).await;
            assert!(
                matches!(again, Updated::Conflict),
                "and is not made twice for the same version"
            );
        }
    }
}

/// A touch is no new version: it stands in no update's way.
pub async fn a_touch_since_the_look_up_is_no_conflict_and_is_not_undone(
    under: impl StoreUnderTest,
) {
    let fixture = Fixture::new(under);
    let loaded = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    assert_eq!(fixture.touch_at(&loaded, now).await, TouchOutcome::Recorded);
    let update = Update::Rotate(rotation(&loaded, 2, now));
    let updated = fixture
        .update(loaded.key, loaded.facts.version, update)
        .await;
    assert!(
        matches!(updated, Updated::Applied(_)),
        "a touch is no conflict: {updated:?}"
    );
    assert_eq!(
        fixture.found(loaded.key).await.facts.last_active_at,
        now,
        "and the update does not undo it"
    );
}

/// Of many rotations of the same token at the same moment one wins, and the
/// others know that they lost.
pub async fn n46_of_many_rotations_at_once_one_wins(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    for round in 0..8 {
        let record = fixture.start(round, "alice").await;
        let key = record.key;
        let won = fixture
            .at_once(8, move |fixture, n| {
                let record = record.clone();
                async move {
                    let update = Update::Rotate(rotation(&record, 200 + n, fixture.now().await));
                    match fixture.update(record.key, 0, update).await {
                        Updated::Applied(applied) => Some(applied),
                        Updated::Conflict => None,
                        Updated::Gone => panic!("the session is there"),
                    }
                }
            })
            .await;
        let won: Vec<_> = won.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "one rotation wins");
        let kept = fixture.found(key).await;
        assert_eq!(kept, won[0], "and its token is the one that is kept");
    }
}

/// An ended session takes no update, and its tombstone stays as it was.
pub async fn l04_an_ended_session_takes_no_update(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let ended = fixture.end(record.key, EndReason::Revoked).await;
    for update in every_update(&record, now) {
        let updated = fixture.update(record.key, 0, update.clone()).await;
        assert!(
            matches!(updated, Updated::Gone),
            "an ended session takes no update: {update:?}"
        );
    }
    assert_eq!(
        Some(fixture.tombstone(record.key).await),
        ended,
        "the tombstone is as the end left it"
    );
}

/// No update moves the absolute deadline, the provider's, or the start.
pub async fn l03_no_update_moves_the_absolute_deadline(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    let now = fixture.now().await;
    record.facts.provider_deadline = Some(now + minutes(30));
    fixture.keep(&record).await;
    let fixed = |record: &SessionRecord| {
        let facts = record.facts;
        (
            facts.created_at,
            facts.absolute_deadline,
            facts.provider_deadline,
        )
    };
    for update in every_update(&record, now) {
        fixture.apply(record.key, update.clone()).await;
        assert_eq!(
            fixed(&fixture.found(record.key).await),
            fixed(&record),
            "no update moves what is fixed at the start: {update:?}"
        );
    }
}

/// A rotation whose caller goes away at any moment is whole or not there.
pub async fn n46_a_rotation_that_is_dropped_half_way_is_whole_or_not_there(
    under: impl StoreUnderTest,
) {
    let fixture = Fixture::new(under);
    for polls in 0..6 {
        let record = fixture.start(polls, "alice").await;
        let now = fixture.now().await;
        let update = Update::Rotate(rotation(&record, 300 + polls, now));
        let mut expected = record.clone();
        expected.update(&update, now);
        poll_and_drop(fixture.store().update(record.key, 0, update), polls).await;
        let kept = fixture.found(record.key).await;
        assert!(
            kept == record || kept == expected,
            "a rotation that nobody waits for is whole or not there: {kept:?}"
        );
    }
}

/// Which deadline a session of [`boundary`] runs into.
type Deadline = fn(&mut SessionRecord, Timestamp);

/// An update 1 ms before the deadline is made; at it, it is too late for any.
async fn boundary<T: DriveClock>(under: T, set: Deadline) {
    let fixture = Fixture::new(under);
    let deadline = fixture.now().await + minutes(1);
    let mut early = fixture.record(100, "alice").await;
    set(&mut early, deadline);
    fixture.keep(&early).await;
    let mut late = Vec::new();
    for (n, update) in (0..).zip(every_update(&early, deadline - seconds(1))) {
        let mut record = fixture.record(n, "alice").await;
        set(&mut record, deadline);
        fixture.keep(&record).await;
        late.push((record, update));
    }
    fixture.advance(minutes(1) - MS).await;
    let updated = fixture.update(early.key, 0, Update::Confirm).await;
    assert!(
        matches!(updated, Updated::Applied(_)),
        "1 ms before the deadline there is time: {updated:?}"
    );
    fixture.advance(MS).await;
    for (record, update) in late {
        let updated = fixture.update(record.key, 0, update.clone()).await;
        assert!(
            matches!(updated, Updated::Gone),
            "at the deadline it is too late: {update:?}"
        );
        assert_eq!(
            fixture.found(record.key).await,
            record,
            "and nothing is changed"
        );
    }
}

/// The absolute deadline itself is too late for any update.
pub async fn n11_at_the_absolute_deadline_an_update_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| record.facts.absolute_deadline = at).await;
}

/// The identity provider's deadline itself is too late for any update.
pub async fn n11_at_the_providers_deadline_an_update_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| {
        record.facts.provider_deadline = Some(at);
    })
    .await;
}

/// A session of another middleware keeps its mark through every update that
/// brings no token.
pub async fn a_foreign_session_stays_foreign(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let mut record = fixture.record(1, "alice").await;
    record.credential.check = VerifierHash::NONE;
    fixture.keep(&record).await;
    let now = fixture.now().await;
    for update in every_update(&record, now) {
        if matches!(update, Update::Rotate(_))
            || matches!(&update, Update::Reauthenticate { rotation, .. } if rotation.is_some())
        {
            continue;
        }
        let kept = fixture.apply(record.key, update).await;
        assert!(
            kept.credential.is_adopted(),
            "a foreign session stays foreign"
        );
    }
}
