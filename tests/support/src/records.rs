//! Sessions for tests of stores, under one policy.

use std::sync::Arc;
use std::time::Duration;

use dwell_core::engine::{self, Touch};
use dwell_core::store::{Created, DuePolicy, Lookup, SessionStore};
use dwell_core::{
    Credential, OpenPart, Policy, PolicyBuilder, PolicyId, PolicySet, SessionKey, SessionRecord,
    Timestamp, VerifierHash, hours, minutes, seconds,
};

/// The idle timeout of [`policies`].
pub const IDLE: Duration = minutes(15);

/// 15 minutes idle, eight hours absolute, a granularity of 15 seconds.
pub fn default_policy() -> PolicyBuilder {
    let default = Policy::named("default").idle(IDLE).absolute(hours(8));
    default.granularity(seconds(15))
}

/// [`default_policy`], and `admin` with five minutes and one hour.
pub fn policies() -> PolicySet {
    let admin = Policy::named("admin").idle(minutes(5)).absolute(hours(1));
    let policies = PolicySet::builder(default_policy()).policy(admin);
    policies.build().unwrap()
}

/// Decides by [`policies`].
pub fn due_policy() -> DuePolicy {
    DuePolicy::new(Arc::new(policies()))
}

/// The key of the `n`th session.
pub fn key(n: u32) -> SessionKey {
    SessionKey::adopted(&n.to_be_bytes())
}

/// The `n`th session, started at this instant, not in the store yet.
pub fn opened(n: u32, subject: &str, at: Timestamp) -> SessionRecord {
    opened_under(&policies(), n, subject, at)
}

pub(crate) fn opened_under(
    policies: &PolicySet,
    n: u32,
    subject: &str,
    at: Timestamp,
) -> SessionRecord {
    let network = policies.find_network(None);
    SessionRecord {
        key: key(n),
        subject: subject.into(),
        facts: engine::opening_facts(policies, PolicyId::DEFAULT, network, at),
        credential: Credential::new(VerifierHash::from_bits(u128::from(n) + 1)),
        open: OpenPart::new(),
    }
}

/// Adds the `n`th session, started now by the store's clock.
pub async fn start(store: &dyn SessionStore, n: u32, subject: &str) -> SessionRecord {
    let record = opened(n, subject, store.now().await.unwrap());
    keep(store, &record).await;
    record
}

/// Adds a session.
pub async fn keep(store: &dyn SessionStore, record: &SessionRecord) {
    let created = store.create(record.clone(), None, due_policy()).await;
    let created = created.unwrap();
    assert!(matches!(created, Created::Created { .. }), "{created:?}");
}

/// What the store has under this key.
pub async fn state(store: &dyn SessionStore, key: SessionKey) -> Lookup {
    store.load(key).await.unwrap().state
}

/// Activity at this instant.
pub fn touch(record: &SessionRecord, at: Timestamp) -> Touch {
    Touch {
        at,
        network: record.facts.network,
        idle_deadline: at + IDLE,
        retried: false,
    }
}

/// Reaps until nothing more is due. Returns the keys that ended, sorted.
pub async fn reap_all(store: &dyn SessionStore, due: &DuePolicy) -> Vec<SessionKey> {
    let mut keys = Vec::new();
    loop {
        let reaped = store.reap(due.clone(), 100).await.unwrap();
        keys.extend(reaped.ended.iter().map(|ended| ended.record.key));
        if !reaped.more {
            keys.sort_unstable();
            return keys;
        }
    }
}
