//! The session limit of a subject, also when logins race.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{limit, run};
//!
//! run(async || MemoryStore::new(), limit::racing_logins_never_exceed_limit);
//! ```

use dwell_core::store::{Created, Lookup, Quota};
use dwell_core::{EndReason, EndedSession, OnLimit, SessionKey, SessionLimit, minutes};

use super::StoreUnderTest;
use super::fixture::{AGO, Fixture, IDLE, keys_in_order};

/// A quota of at most `max` sessions.
pub(super) fn at_most(max: u32, on_limit: OnLimit) -> Option<Quota> {
    Some(SessionLimit { max, on_limit }.into())
}

/// Without a limit every login is kept.
pub async fn without_limit_every_login_is_kept(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(20, "alice").await;
    assert_eq!(
        fixture.keys("alice").await,
        keys_in_order(&records),
        "without a limit no session is ended"
    );
}

/// Logins up to the limit are kept. One more is refused and changes nothing.
pub async fn login_beyond_limit_is_refused_and_changes_nothing(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let limit = at_most(3, OnLimit::RefuseNew);
    let mut records = Vec::new();
    for n in 0..3 {
        let record = fixture.record(n, "alice").await;
        let created = fixture.create(&record, limit).await;
        assert!(
            matches!(&created, Created::Created { ended } if ended.is_empty()),
            "there is room for {n} and one more: {created:?}"
        );
        records.push(record);
    }
    let one_more = fixture.record(3, "alice").await;
    let created = fixture.create(&one_more, limit).await;
    assert!(
        matches!(created, Created::LimitReached),
        "one more is refused: {created:?}"
    );
    assert!(
        fixture.is_missing(one_more.key).await,
        "a refused session is not kept"
    );
    assert_eq!(fixture.keys("alice").await, keys_in_order(&records));
    for record in &records {
        assert_eq!(fixture.found(record.key).await, *record, "no session ended");
    }
}

/// The session whose last activity is oldest makes room. Its end is returned to
/// the login.
pub async fn least_recently_active_session_makes_room(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(3, "alice").await;
    let began = records[0].facts.created_at;
    // The second has the oldest activity, though the first began earlier.
    for (n, after) in [(0, 3), (1, 1), (2, 2)] {
        fixture.touch_at(&records[n], began + minutes(after)).await;
    }
    let oldest = fixture.found(records[1].key).await;
    let new = fixture.record(3, "alice").await;
    let limit = at_most(3, OnLimit::EndOldest);
    let before = fixture.now().await;
    let ended = only_end(fixture.create(&new, limit).await);
    assert_eq!(
        ended.record, oldest,
        "the session whose last activity is oldest makes room"
    );
    assert_eq!(
        (ended.reason, ended.replaced),
        (EndReason::Superseded, false),
        "for the session of another client"
    );
    assert!(before <= ended.ended_at && ended.ended_at <= fixture.now().await);
    assert_eq!(
        fixture.tombstone(oldest.key).await,
        ended,
        "it leaves a tombstone like any other end"
    );
    let mut expected = vec![records[0].key, records[2].key, new.key];
    expected.sort_unstable();
    assert_eq!(fixture.keys("alice").await, expected);
}

/// After the limit was lowered, a login ends all sessions beyond it.
pub async fn lowered_limit_ends_all_surplus_sessions(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(5, "alice").await;
    let began = records[0].facts.created_at;
    for (n, record) in (1..).zip(&records) {
        fixture.touch_at(record, began + minutes(n)).await;
    }
    let new = fixture.record(9, "alice").await;
    let limit = at_most(2, OnLimit::EndOldest);
    let Created::Created { ended } = fixture.create(&new, limit).await else {
        panic!("the login is kept")
    };
    assert_eq!(
        keys_in_order(&records[..4]),
        {
            let mut keys = keys_of(&ended);
            keys.sort_unstable();
            keys
        },
        "all sessions beyond the limit are ended, and each is returned"
    );
    assert_eq!(
        fixture.keys("alice").await,
        keys_in_order(&[records[4].clone(), new])
    );
}

/// The session that the new one replaces does not count. The login ends it
/// later.
pub async fn replaced_session_does_not_count(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let records = fixture.start_many(2, "alice").await;
    let other = fixture.start(7, "bob").await;
    for (n, on_limit) in [(8, OnLimit::RefuseNew), (9, OnLimit::EndOldest)] {
        let new = fixture.record(n, "alice").await;
        let limit = SessionLimit {
            max: n - 6,
            on_limit,
        };
        let replaces = Some(records[0].key);
        let created = fixture.create(&new, Some(Quota { limit, replaces })).await;
        assert!(
            matches!(&created, Created::Created { ended } if ended.is_empty()),
            "the session that is replaced does not count: {created:?}"
        );
    }
    assert_eq!(
        fixture.found(records[0].key).await,
        records[0],
        "it is left for the login to end"
    );
    // Another subject's session makes no room.
    let new = fixture.record(10, "alice").await;
    let quota = Quota {
        limit: SessionLimit {
            max: 4,
            on_limit: OnLimit::RefuseNew,
        },
        replaces: Some(other.key),
    };
    let created = fixture.create(&new, Some(quota)).await;
    assert!(
        matches!(created, Created::LimitReached),
        "another subject's session changes no count: {created:?}"
    );
}

/// Sessions that ran out, by recorded deadlines or by a stricter policy, do not
/// count. They make no room; the reaper ends them.
pub async fn expired_sessions_do_not_count(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let now = fixture.now().await;
    let mut by_policy = fixture.opened(2, "alice", now - IDLE - minutes(2));
    by_policy.facts.idle_deadline = now + minutes(30);
    let mut by_record = fixture.opened(1, "alice", now - AGO);
    by_record.facts.idle_deadline = now - minutes(1);
    for record in [&by_record, &by_policy] {
        fixture.keep(record).await;
    }
    for (n, on_limit) in [(3, OnLimit::RefuseNew), (4, OnLimit::EndOldest)] {
        let record = fixture.record(n, "alice").await;
        let created = fixture.create(&record, at_most(n - 2, on_limit)).await;
        assert!(
            matches!(&created, Created::Created { ended } if ended.is_empty()),
            "sessions that ran out do not count: {created:?}"
        );
    }
    for record in [&by_record, &by_policy] {
        assert_eq!(
            fixture.found(record.key).await,
            *record,
            "and are left to the reaper, so that they end for their own reason"
        );
    }
}

/// Sessions that have ended do not count.
pub async fn ended_sessions_do_not_count(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let limit = at_most(1, OnLimit::RefuseNew);
    for n in 0..3 {
        let record = fixture.record(n, "alice").await;
        let created = fixture.create(&record, limit).await;
        assert!(
            matches!(&created, Created::Created { ended } if ended.is_empty()),
            "an ended session does not count: {created:?}"
        );
        fixture.end(record.key, EndReason::SignedOut).await;
    }
}

/// Each subject has its own count.
pub async fn sessions_of_other_subjects_do_not_count(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let limit = at_most(1, OnLimit::RefuseNew);
    for (n, subject) in (0..).zip(["alice", "Alice", "alice ", "bob"]) {
        let record = fixture.record(n, subject).await;
        let created = fixture.create(&record, limit).await;
        assert!(
            matches!(&created, Created::Created { ended } if ended.is_empty()),
            "a subject's count is its own: {created:?}"
        );
    }
}

/// A creation that is refused for its key ends no session. A login that is
/// tried again after a lost answer must not end the session it created.
pub async fn key_in_use_ends_no_session(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let limit = at_most(1, OnLimit::EndOldest);
    let record = fixture.record(1, "alice").await;
    fixture.create(&record, limit).await;
    let again = fixture.create(&record, limit).await;
    assert!(
        matches!(again, Created::Exists),
        "the key is in use: {again:?}"
    );
    assert!(
        matches!(fixture.state(record.key).await, Lookup::Found(_)),
        "and ends no session, since nothing is kept"
    );
    assert_eq!(fixture.keys("alice").await, [record.key]);
}

/// Racing logins never create more sessions than allowed.
pub async fn racing_logins_never_exceed_limit(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let created = fixture
        .at_once(24, |fixture, n| async move {
            let record = fixture.record(n, "alice").await;
            match fixture
                .create(&record, at_most(3, OnLimit::RefuseNew))
                .await
            {
                Created::Created { ended } if ended.is_empty() => Some(record),
                Created::LimitReached => None,
                other => panic!("a login is kept or refused: {other:?}"),
            }
        })
        .await;
    let kept: Vec<_> = created.into_iter().flatten().collect();
    assert_eq!(kept.len(), 3, "as many logins are kept as allowed");
    assert_eq!(
        fixture.keys("alice").await,
        keys_in_order(&kept),
        "and they are the subject's sessions"
    );
}

/// Racing logins that end the oldest session leave as many sessions as allowed,
/// and each end is returned to one of them.
pub async fn racing_logins_end_one_session_each(under: impl StoreUnderTest) {
    let fixture = Fixture::new(under);
    let ended = fixture
        .at_once(24, |fixture, n| async move {
            let mut record = fixture.record(n, "alice").await;
            // So that all have different activity.
            record.facts.last_active_at = record.facts.created_at + AGO / 100 * n;
            match fixture
                .create(&record, at_most(3, OnLimit::EndOldest))
                .await
            {
                Created::Created { ended } => keys_of(&ended),
                other => panic!("every login is kept: {other:?}"),
            }
        })
        .await;
    let mut ended: Vec<_> = ended.into_iter().flatten().collect();
    assert_eq!(
        ended.len(),
        21,
        "every login beyond the limit ends a session"
    );
    ended.sort_unstable();
    ended.dedup();
    assert_eq!(ended.len(), 21, "and none is ended twice");
    let left = fixture.keys("alice").await;
    assert_eq!(left.len(), 3, "as many are left as allowed");
    for key in ended {
        assert!(!left.contains(&key), "no ended one among them");
        assert_eq!(fixture.tombstone(key).await.reason, EndReason::Superseded);
    }
}

fn keys_of(ended: &[EndedSession]) -> Vec<SessionKey> {
    ended.iter().map(|ended| ended.record.key).collect()
}

fn only_end(created: Created) -> EndedSession {
    match created {
        Created::Created { ended } if ended.len() == 1 => {
            ended.into_iter().next().expect("there is one")
        }
        other => panic!("a session makes room, and its end is returned: {other:?}"),
    }
}
