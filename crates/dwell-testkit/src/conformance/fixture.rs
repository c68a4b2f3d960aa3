//! What cases share: sessions that began some time ago, and short calls of the
//! store.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::{self, Touch};
use dwell_core::store::{
    Created, DuePolicy, End, Lookup, Quota, Reaped, Rotation, SessionStore, TouchOutcome, Update,
    Updated,
};
use dwell_core::{
    AuthenticationContext, Credential, EndReason, EndedSession, OpenPart, OpenTag, PolicyId,
    PolicySet, SessionKey, SessionRecord, Timeouts, Timestamp, VerifierHash, hours, minutes,
    seconds,
};
use tokio::sync::Barrier;

use super::{DriveClock, StoreUnderTest};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const IDLE: Duration = minutes(15);
pub(super) const ABSOLUTE: Duration = hours(8);
/// How long ago sessions began, so that cases can touch them without moving a
/// clock.
pub(super) const AGO: Duration = minutes(5);
/// How late a reaping pass may notice a deadline.
pub(super) const LATE: Duration = seconds(1);
/// More reaping passes than any store needs for the sessions of a case.
const ENOUGH_PASSES: usize = 10_000;

/// The tag of a fact that only a newer version knows.
pub(super) const NEWER: OpenTag = OpenTag::from_code(240);

/// The key of the `n`th session; looks random.
pub(super) fn key(n: u32) -> SessionKey {
    SessionKey::adopted(&n.to_be_bytes())
}

/// A verifier hash with bits in both halves, never that of adopted sessions.
pub(super) fn check(n: u32) -> VerifierHash {
    let spread = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    VerifierHash::from_bits(spread | 1)
}

/// Activity at this instant, under the fixture's policies.
pub(super) fn touch(record: &SessionRecord, at: Timestamp) -> Touch {
    Touch {
        at,
        network: record.facts.network,
        idle_deadline: at + IDLE,
        retried: false,
    }
}

/// How the subject authenticated, and a fact of a newer version.
pub(super) fn known_and_unknown() -> OpenPart {
    let context = AuthenticationContext::none()
        .with_acr("aal2")
        .with_amr(["pwd", "otp"]);
    OpenPart::new()
        .with_authentication(&context)
        .and_then(|open| open.with(NEWER, b"of a newer version\0"))
        .expect("two short entries fit")
}

/// The replacement of the token by the one with the `n`th verifier hash.
pub(super) fn rotation(record: &SessionRecord, n: u32, at: Timestamp) -> Rotation {
    Rotation {
        check: check(n),
        presented: record.credential.check,
        at,
    }
}

/// One update of every kind, with and without its optional parts.
pub(super) fn every_update(record: &SessionRecord, at: Timestamp) -> Vec<Update> {
    let rotation = rotation(record, 900, at);
    let reauthenticate = |open, rotation| Update::Reauthenticate {
        open,
        touch: touch(record, at),
        lock_period: minutes(30),
        rotation,
    };
    let hear = |open, authenticated_at: Option<Timestamp>| Update::Hear {
        open,
        authenticated_at,
        provider_deadline: authenticated_at.map(|at| at + hours(1)),
    };
    vec![
        Update::Confirm,
        Update::Lock { at },
        reauthenticate(known_and_unknown(), Some(rotation)),
        reauthenticate(OpenPart::new(), None),
        Update::Rotate(rotation),
        hear(known_and_unknown(), Some(at)),
        // Before the last activity.
        hear(known_and_unknown(), Some(at - minutes(6))),
        hear(OpenPart::new(), None),
    ]
}

/// A store under test, with an idle timeout of 15 minutes and an absolute one of
/// eight hours.
pub(super) struct Fixture<T> {
    under: Arc<T>,
    policies: Arc<PolicySet>,
}

impl<T> Clone for Fixture<T> {
    fn clone(&self) -> Self {
        Self {
            under: Arc::clone(&self.under),
            policies: Arc::clone(&self.policies),
        }
    }
}

impl<T: StoreUnderTest> Fixture<T> {
    pub(super) fn new(under: T) -> Self {
        let policies = PolicySet::simple(Timeouts {
            idle: IDLE,
            absolute: ABSOLUTE,
        })
        .expect("the policies are valid");
        Self::with(under, policies)
    }

    pub(super) fn with(under: T, policies: PolicySet) -> Self {
        Self {
            under: Arc::new(under),
            policies: Arc::new(policies),
        }
    }

    pub(super) fn under(&self) -> &T {
        &self.under
    }

    pub(super) fn store(&self) -> &dyn SessionStore {
        self.under.store()
    }

    pub(super) fn due_policy(&self) -> DuePolicy {
        DuePolicy::new(Arc::clone(&self.policies))
    }

    pub(super) async fn now(&self) -> Timestamp {
        self.store()
            .now()
            .await
            .expect("the store answers with its time")
    }

    /// A record that began at this instant, not in the store yet.
    pub(super) fn opened(&self, n: u32, subject: &str, at: Timestamp) -> SessionRecord {
        let network = self.policies.find_network(None);
        SessionRecord {
            key: key(n),
            subject: subject.into(),
            facts: engine::opening_facts(&self.policies, PolicyId::DEFAULT, network, at),
            credential: Credential::new(check(n)),
            open: OpenPart::new(),
        }
    }

    /// A record that began [`AGO`], not in the store yet.
    pub(super) async fn record(&self, n: u32, subject: &str) -> SessionRecord {
        self.opened(n, subject, self.now().await - AGO)
    }

    pub(super) async fn create(&self, record: &SessionRecord, limit: Option<Quota>) -> Created {
        let created = self
            .store()
            .create(record.clone(), limit, self.due_policy());
        let created = created.await.expect("the store answers a creation");
        if let Created::Created { ended } = &created {
            self.acknowledge(ended).await;
        }
        created
    }

    /// Acknowledges ends, as the caller that gets them does.
    pub(super) async fn acknowledge(&self, ended: &[EndedSession]) {
        if !ended.is_empty() {
            let keys = ended.iter().map(|ended| ended.record.key).collect();
            let acknowledged = self.store().acknowledge(keys).await;
            acknowledged.expect("the store answers an acknowledgement");
        }
    }

    /// Adds a record, which must succeed.
    pub(super) async fn keep(&self, record: &SessionRecord) {
        let created = self.create(record, None).await;
        assert!(
            matches!(&created, Created::Created { ended } if ended.is_empty()),
            "a new session is kept and ends no other: {created:?}"
        );
    }

    /// Adds a session that began [`AGO`].
    pub(super) async fn start(&self, n: u32, subject: &str) -> SessionRecord {
        let record = self.record(n, subject).await;
        self.keep(&record).await;
        record
    }

    /// Adds `count` sessions of one subject, numbered from 0.
    pub(super) async fn start_many(&self, count: u32, subject: &str) -> Vec<SessionRecord> {
        let mut records = Vec::new();
        for n in 0..count {
            records.push(self.start(n, subject).await);
        }
        records
    }

    pub(super) async fn state(&self, key: SessionKey) -> Lookup {
        let loaded = self.store().load(key).await;
        loaded.expect("the store answers a look-up").state
    }

    /// The session as the store has it.
    pub(super) async fn found(&self, key: SessionKey) -> SessionRecord {
        match self.state(key).await {
            Lookup::Found(record) => record,
            other => panic!("a session that has not ended is expected: {other:?}"),
        }
    }

    /// The tombstone of an ended session.
    pub(super) async fn tombstone(&self, key: SessionKey) -> EndedSession {
        match self.state(key).await {
            Lookup::Ended(ended) => ended,
            other => panic!("a tombstone is expected: {other:?}"),
        }
    }

    pub(super) async fn is_missing(&self, key: SessionKey) -> bool {
        matches!(self.state(key).await, Lookup::Missing)
    }

    pub(super) async fn touch(&self, key: SessionKey, touch: Touch) -> TouchOutcome {
        let touched = self.store().touch(key, touch).await;
        touched.expect("the store answers a touch")
    }

    /// Activity at this instant.
    pub(super) async fn touch_at(&self, record: &SessionRecord, at: Timestamp) -> TouchOutcome {
        self.touch(record.key, touch(record, at)).await
    }

    pub(super) async fn update(&self, key: SessionKey, version: u32, update: Update) -> Updated {
        let updated = self.store().update(key, version, update).await;
        updated.expect("the store answers an update")
    }

    pub(super) async fn count_failure(&self, key: SessionKey) -> Option<u8> {
        let counted = self.store().count_failure(key).await;
        counted.expect("the store answers a failed authentication")
    }

    /// Makes a change, which must succeed.
    pub(super) async fn apply(&self, key: SessionKey, update: Update) -> SessionRecord {
        let version = self.found(key).await.facts.version;
        match self.update(key, version, update).await {
            Updated::Applied(record) => record,
            other => panic!("an update for the current version is made: {other:?}"),
        }
    }

    pub(super) async fn end(&self, key: SessionKey, end: impl Into<End>) -> Option<EndedSession> {
        let ended = self.store().end(key, end.into()).await;
        let ended = ended.expect("the store answers an end");
        self.acknowledge(ended.as_slice()).await;
        ended
    }

    /// Ends these sessions with the reason `revoked`.
    pub(super) async fn end_many(&self, keys: Vec<SessionKey>) -> Vec<EndedSession> {
        let ended = self.store().end_many(keys, EndReason::Revoked).await;
        let ended = ended.expect("the store answers an end of many");
        self.acknowledge(&ended).await;
        ended
    }

    /// The keys of a subject's sessions, sorted.
    pub(super) async fn keys(&self, subject: &str) -> Vec<SessionKey> {
        let listed = self.store().list(subject.into()).await;
        let listed = listed.expect("the store answers a list");
        let mut keys: Vec<_> = listed.iter().map(|record| record.key).collect();
        keys.sort_unstable();
        keys
    }

    /// Runs `act` `count` times, as concurrently as possible.
    pub(super) async fn at_once<R, F>(&self, count: u32, act: impl Fn(Self, u32) -> F) -> Vec<R>
    where
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let start = Arc::new(Barrier::new(count as usize));
        let tasks: Vec<_> = (0..count)
            .map(|n| {
                let (start, act) = (Arc::clone(&start), act(self.clone(), n));
                tokio::spawn(async move {
                    start.wait().await;
                    act.await
                })
            })
            .collect();
        let mut results = Vec::new();
        for task in tasks {
            match task.await {
                Ok(result) => results.push(result),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        results
    }

    /// One reaping pass.
    pub(super) async fn pass(&self, due: &DuePolicy, batch: usize) -> Reaped {
        let reaped = self.store().reap(due.clone(), batch).await;
        let reaped = reaped.expect("the store answers a reaping pass");
        self.acknowledge(&reaped.ended).await;
        reaped
    }

    /// Passes until nothing more is due. Returns them as one.
    pub(super) async fn reap_by(&self, due: &DuePolicy, batch: usize) -> Reaped {
        let mut all = Reaped::default();
        for _ in 0..ENOUGH_PASSES {
            let pass = self.pass(due, batch).await;
            all.now = pass.now;
            all.ended.extend(pass.ended);
            all.locked.extend(pass.locked);
            if !pass.more {
                return all;
            }
        }
        panic!("reaping comes to an end: more is due after {ENOUGH_PASSES} passes")
    }

    /// Reaps everything that is due now.
    pub(super) async fn reap(&self) -> Reaped {
        self.reap_by(&self.due_policy(), 100).await
    }
}

impl<T: DriveClock> Fixture<T> {
    pub(super) async fn advance(&self, by: Duration) {
        self.under.advance(by).await;
    }

    pub(super) fn tombstones(&self) -> Duration {
        self.under.tombstones()
    }

    /// Reaps everything that is due now, also by passes that are late.
    pub(super) async fn reap_late(&self, due: &DuePolicy) -> Reaped {
        let mut all = self.reap_by(due, 100).await;
        self.advance(LATE).await;
        let late = self.reap_by(due, 100).await;
        all.ended.extend(late.ended);
        all.locked.extend(late.locked);
        all
    }
}

/// The keys of ended sessions, sorted.
pub(super) fn keys_of(ended: &[EndedSession]) -> Vec<SessionKey> {
    let mut keys: Vec<_> = ended.iter().map(|ended| ended.record.key).collect();
    keys.sort_unstable();
    keys
}

/// The keys of these sessions, sorted.
pub(super) fn keys_in_order(records: &[SessionRecord]) -> Vec<SessionKey> {
    let mut keys: Vec<_> = records.iter().map(|record| record.key).collect();
    keys.sort_unstable();
    keys
}
