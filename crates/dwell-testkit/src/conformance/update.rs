//! An update is compare-and-set on the version, made whole or not at all.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{run, update};
//!
//! run(async || MemoryStore::new(), update::n46_one_of_many_concurrent_rotations_wins);
//! ```

use dwell_core::store::{TouchOutcome, Update, Updated};
use dwell_core::{EndReason, SessionRecord, Timestamp, VerifierHash, minutes, seconds};

use super::fixture::{Fixture, MS, every_update, rotation};
use super::together::poll_and_drop;
use super::{DriveClock, StoreUnderTest};

/// Each kind of update has the effect of `SessionRecord::update`, and returns
/// the session as it is then.
pub async fn updates_agree_with_pure_function(under: impl StoreUnderTest) {
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
                other => panic!("an update for the current version is made: {other:?}"),
            }
            assert_eq!(
                fixture.found(record.key).await,
                expected,
                "and is kept so: {update:?}"
            );
        }
    }
}

/// An update for another version changes nothing.
pub async fn update_for_other_version_conflicts(under: impl StoreUnderTest) {
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
                "version {version} is not the current one: {update:?}"
            );
        }
    }
    assert_eq!(
        fixture.found(record.key).await,
        record,
        "a conflict changes nothing"
    );
}

/// Every update makes a new version. After the largest number comes zero.
pub async fn every_update_makes_new_version(under: impl StoreUnderTest) {
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

/// A touch makes no new version, so it causes no conflict.
pub async fn touch_since_lookup_is_no_conflict(under: impl StoreUnderTest) {
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

/// Of many concurrent rotations of one token one wins, and the others return a
/// conflict.
pub async fn n46_one_of_many_concurrent_rotations_wins(under: impl StoreUnderTest) {
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
        assert_eq!(kept, won[0], "and its token is kept");
    }
}

/// An ended session takes no update, and its tombstone is unchanged.
pub async fn l04_ended_session_takes_no_update(under: impl StoreUnderTest) {
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
pub async fn l03_no_update_moves_absolute_deadline(under: impl StoreUnderTest) {
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
        if let Update::Hear {
            provider_deadline, ..
        } = update
        {
            // The one fact that its owner may state anew.
            record.facts.provider_deadline = provider_deadline;
        }
        fixture.apply(record.key, update.clone()).await;
        assert_eq!(
            fixed(&fixture.found(record.key).await),
            fixed(&record),
            "no update moves what is fixed at the start: {update:?}"
        );
    }
}

/// A rotation whose caller drops it at any point is whole or absent.
pub async fn n46_dropped_rotation_is_whole_or_absent(under: impl StoreUnderTest) {
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
            "a dropped rotation is whole or absent: {kept:?}"
        );
    }
}

/// Sets the deadline that a session of [`boundary`] runs into.
type Deadline = fn(&mut SessionRecord, Timestamp);

/// An update 1 ms before the deadline is made; at the deadline it is too late.
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

/// At the absolute deadline itself an update is too late.
pub async fn n11_update_at_absolute_deadline_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| record.facts.absolute_deadline = at).await;
}

/// At the identity provider's deadline itself an update is too late.
pub async fn n11_update_at_provider_deadline_is_too_late(under: impl DriveClock) {
    boundary(under, |record, at| {
        record.facts.provider_deadline = Some(at);
    })
    .await;
}

/// An adopted session stays adopted through every update without a token.
pub async fn adopted_session_stays_adopted(under: impl StoreUnderTest) {
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
            "an adopted session stays adopted"
        );
    }
}
