//! A locked session is kept and takes no activity. Only authentication opens
//! it.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{locking, run};
//!
//! run(async || MemoryStore::new(), locking::locked_session_takes_no_touch);
//! ```

use std::time::Duration;

use dwell_core::store::{Created, TouchOutcome, Update, Updated};
use dwell_core::{
    EndReason, OnIdle, OnLimit, OpenPart, Policy, PolicySet, SessionRecord, Timestamp, minutes,
    seconds,
};

use super::fixture::{
    ABSOLUTE, AGO, Fixture, IDLE, MS, check, keys_in_order, keys_of, rotation, touch,
};
use super::limit::at_most;
use super::{DriveClock, StoreUnderTest};

/// Policies that lock an idle session for half an hour.
pub(super) fn locking(idle: Duration) -> PolicySet {
    let policy = Policy::named("default").idle(idle).absolute(ABSOLUTE);
    let policy = policy.on_idle(OnIdle::Lock).lock_period(minutes(30));
    PolicySet::builder(policy)
        .build()
        .expect("the policies are valid")
}

/// Activity does not open a locked session.
pub async fn locked_session_takes_no_touch(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let at = now - minutes(1);
    let locked = fixture.apply(record.key, Update::Lock { at }).await;
    assert_eq!(locked.facts.locked_at, Some(at));
    assert_eq!(
        fixture.touch_at(&record, now).await,
        TouchOutcome::Gone,
        "a locked session takes no touch"
    );
    assert_eq!(
        fixture.found(record.key).await,
        locked,
        "and stays locked as it was"
    );
}

/// A lock keeps its instant. Authentication opens it, and activity counts
/// again.
pub async fn reauthentication_opens_lock(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let now = fixture.now().await;
    let since = now - minutes(2);
    fixture.apply(record.key, Update::Lock { at: since }).await;
    let again = fixture.apply(record.key, Update::Lock { at: now }).await;
    assert_eq!(
        again.facts.locked_at,
        Some(since),
        "a second lock keeps the instant of the first"
    );
    let opened = Update::Reauthenticate {
        open: OpenPart::new(),
        touch: touch(&record, now - minutes(1)),
        lock_period: minutes(30),
        rotation: None,
    };
    fixture.apply(record.key, opened).await;
    assert_eq!(
        fixture.found(record.key).await.facts.locked_at,
        None,
        "authentication opens a lock"
    );
    assert_eq!(
        fixture.touch_at(&record, now).await,
        TouchOutcome::Recorded,
        "and activity counts again"
    );
}

/// Updates work after the idle deadline: that is when a session is locked, and
/// when its subject authenticates again.
pub async fn idle_session_can_be_locked_and_unlocked(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let record = fixture.opened(1, "alice", now - IDLE - AGO);
    fixture.keep(&record).await;
    let at = record.facts.idle_deadline;
    let locked = fixture.update(record.key, 0, Update::Lock { at }).await;
    assert!(
        matches!(locked, Updated::Applied(_)),
        "an idle session can be locked: {locked:?}"
    );
    let opened = Update::Reauthenticate {
        open: OpenPart::new(),
        touch: touch(&record, now),
        lock_period: minutes(30),
        rotation: Some(rotation(&record, 2, now)),
    };
    let opened = fixture.update(record.key, 1, opened).await;
    assert!(
        matches!(opened, Updated::Applied(_)),
        "and opened again: {opened:?}"
    );
    let kept = fixture.found(record.key).await;
    assert_eq!(
        (kept.facts.idle_deadline, kept.facts.locked_at),
        (now + IDLE, None),
        "with a new idle deadline"
    );
    assert_eq!(kept.credential.check, check(2), "and a new token");
}

/// A locked session can be ended.
pub async fn locked_session_can_be_ended(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let record = fixture.start(1, "alice").await;
    let at = fixture.now().await - seconds(1);
    let locked = fixture.apply(record.key, Update::Lock { at }).await;
    let ended = fixture.end(record.key, EndReason::SignedOut).await;
    assert_eq!(
        ended.expect("a locked session can be ended").record,
        locked,
        "and is returned locked"
    );
    assert_eq!(fixture.tombstone(record.key).await.record, locked);
}

/// A locked session counts, since it may be opened again.
pub async fn locked_session_counts_towards_limit(under: impl StoreUnderTest) {
    let fixture = Fixture::with(under, locking(IDLE));
    let locked = fixture.start(1, "alice").await;
    let at = fixture.now().await - seconds(1);
    fixture.apply(locked.key, Update::Lock { at }).await;
    let new = fixture.record(2, "alice").await;
    let created = fixture.create(&new, at_most(1, OnLimit::RefuseNew)).await;
    assert!(
        matches!(created, Created::LimitReached),
        "a locked session counts: {created:?}"
    );
    let created = fixture.create(&new, at_most(1, OnLimit::EndOldest)).await;
    let Created::Created { ended } = created else {
        panic!("and it can make room: {created:?}")
    };
    let made_room: Vec<_> = ended.iter().map(|ended| ended.record.key).collect();
    assert_eq!(made_room, [locked.key]);
}

/// An idle session is locked once, at its idle deadline, and ends when the lock
/// period is over.
pub async fn idle_session_is_locked_once_then_ends(under: impl DriveClock) {
    let fixture = Fixture::with(under, locking(IDLE));
    let record = fixture.start(1, "alice").await;
    let mut expected = record.clone();
    let at = record.facts.idle_deadline;
    assert!(expected.update(&Update::Lock { at }, at));
    fixture.advance(IDLE - AGO).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert!(reaped.ended.is_empty(), "an idle session is not ended yet");
    assert_eq!(
        reaped.locked,
        [expected.clone()],
        "an idle session is locked once, as of its idle deadline"
    );
    assert_eq!(fixture.found(record.key).await, expected, "and stays so");
    assert_eq!(fixture.keys("alice").await, [record.key]);
    let until = at + minutes(30);
    let left = until - fixture.now().await;
    fixture.advance(left - MS).await;
    let again = fixture.reap().await;
    assert!(
        again.locked.is_empty() && again.ended.is_empty(),
        "it is not locked again, and not ended early"
    );
    fixture.advance(MS).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    let [ended] = reaped.ended.as_slice() else {
        panic!("it ends when the lock period is over: {:?}", reaped.ended)
    };
    assert_eq!(
        (&ended.record, ended.reason),
        (&expected, EndReason::IdleTimeout),
        "with the reason that locked it"
    );
    assert!(reaped.locked.is_empty(), "and is not locked again");
}

/// The reaper ends a session that a request locked, and does not lock it again.
pub async fn session_locked_by_request_is_not_locked_again(under: impl DriveClock) {
    let fixture = Fixture::with(under, locking(IDLE));
    let record = fixture.start(1, "alice").await;
    fixture.advance(IDLE - AGO).await;
    let at = record.facts.idle_deadline;
    let locked = fixture.apply(record.key, Update::Lock { at }).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert!(
        reaped.locked.is_empty() && reaped.ended.is_empty(),
        "a locked session is not locked again"
    );
    assert_eq!(fixture.found(record.key).await, locked);
    fixture.advance(minutes(30)).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert_eq!(
        keys_of(&reaped.ended),
        [record.key],
        "and still ends after the lock period"
    );
}

/// A session that was opened again ends by its new idle deadline, not by the
/// end of its old lock.
pub async fn unlocked_session_is_not_ended_for_old_lock(under: impl DriveClock) {
    let fixture = Fixture::with(under, locking(minutes(25)));
    let now = fixture.now().await;
    let record = fixture.opened(1, "alice", now);
    fixture.keep(&record).await;
    fixture.advance(minutes(25)).await;
    let locked = fixture.reap_late(&fixture.due_policy()).await.locked;
    assert_eq!(keys_in_order(&locked), [record.key]);
    fixture.advance(minutes(20)).await;
    let now = fixture.now().await;
    let mut touch = touch(&record, now);
    touch.idle_deadline = now + minutes(25);
    let opened = Update::Reauthenticate {
        open: OpenPart::new(),
        touch,
        lock_period: minutes(30),
        rotation: None,
    };
    fixture.apply(record.key, opened).await;
    // Beyond the end of the old lock, before the new idle deadline.
    fixture.advance(minutes(24)).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert!(
        reaped.ended.is_empty() && reaped.locked.is_empty(),
        "a session that was opened again is not ended for its old lock"
    );
    fixture.advance(minutes(1)).await;
    let reaped = fixture.reap_late(&fixture.due_policy()).await;
    assert_eq!(
        keys_in_order(&reaped.locked),
        [record.key],
        "and is locked again at its new idle deadline"
    );
}

/// An authentication that began before the idle deadline and comes at it is too
/// late: the session is over, as it is for a touch.
pub async fn n69_authentication_at_idle_deadline_is_too_late(under: impl DriveClock) {
    authentication_closes(under, Duration::ZERO, |_| None).await;
}

/// An authentication that began during a lock and comes at its end is too late.
pub async fn n69_authentication_at_end_of_lock_is_too_late(under: impl DriveClock) {
    let period = minutes(30);
    authentication_closes(under, period, |record| {
        Some(record.facts.created_at + AGO + minutes(5))
    })
    .await;
}

/// Two sessions, each locked where `locked_at` says so: an authentication that
/// began earlier opens one 1 ms before its end, and not the other at its end.
async fn authentication_closes<T: DriveClock>(
    under: T,
    lock_period: Duration,
    locked_at: fn(&SessionRecord) -> Option<Timestamp>,
) {
    let fixture = Fixture::new(under);
    let sessions = fixture.start_many(2, "alice").await;
    let began = fixture.now().await;
    let mut end = sessions[0].facts.idle_deadline;
    for record in &sessions {
        if let Some(at) = locked_at(record) {
            fixture.apply(record.key, Update::Lock { at }).await;
            end = at + lock_period;
        }
    }
    let authenticate = async |record: &SessionRecord| {
        let before = fixture.found(record.key).await;
        let update = Update::Reauthenticate {
            open: OpenPart::new(),
            touch: touch(record, began),
            lock_period,
            rotation: None,
        };
        let updated = fixture.update(record.key, before.facts.version, update);
        (updated.await, before)
    };
    fixture.advance(end - MS - began).await;
    let (in_time, _) = authenticate(&sessions[0]).await;
    assert!(
        matches!(in_time, Updated::Applied(_)),
        "1 ms before the end there is time: {in_time:?}"
    );
    fixture.advance(MS).await;
    let (late, before) = authenticate(&sessions[1]).await;
    assert!(
        matches!(late, Updated::Gone),
        "at the end it is too late: {late:?}"
    );
    assert_eq!(
        fixture.found(sessions[1].key).await,
        before,
        "and nothing is changed"
    );
}
