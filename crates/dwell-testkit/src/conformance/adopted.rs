//! Sessions that another middleware owns are adopted, hear newer proofs and stay
//! ended.
//!
//! ```
//! use dwell_memory::MemoryStore;
//! use dwell_testkit::conformance::{adopted, run};
//!
//! run(async || MemoryStore::new(), adopted::n103_newer_proof_is_heard_once_and_kept);
//! ```

use std::fmt;
use std::sync::Arc;

use dwell_core::store::{Loaded, Lookup, SessionStore};
use dwell_core::{
    AdoptedSession, AuthenticationContext, EndReason, NetworkMatch, OnLimit, Policy, PolicySet,
    Selection, SessionManager, SessionRecord, Timestamp, delegate_store, hours, minutes, seconds,
};

use super::StoreUnderTest;

const ISSUER: &str = "https://id.example";

/// A store under test as the store of a manager.
struct Shared<T>(Arc<T>);

impl<T: StoreUnderTest> SessionStore for Shared<T> {
    delegate_store!(self => self.0.store());
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// A manager, with a limit of sessions for each subject if one is given.
fn manager(under: impl StoreUnderTest, limit: Option<(u32, OnLimit)>) -> SessionManager {
    let policy = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8));
    let policy = match limit {
        Some((max, on_limit)) => policy.session_limit(max, on_limit),
        None => policy,
    };
    let policies = PolicySet::builder(policy).build();
    SessionManager::builder(Shared(Arc::new(under)), policies.expect("valid policies")).build()
}

async fn now(manager: &SessionManager) -> Timestamp {
    let now = manager.store().now().await;
    now.expect("the store answers with its time")
}

async fn adopt(manager: &SessionManager, proof: &AdoptedSession) -> Lookup {
    let adopted = manager.adopt(proof, NetworkMatch::default()).await;
    let Loaded { state, .. } = adopted.expect("the store answers an adoption");
    state
}

/// Adopts a session that is live.
async fn live(manager: &SessionManager, proof: &AdoptedSession) -> SessionRecord {
    match adopt(manager, proof).await {
        Lookup::Found(record) => record,
        other => panic!("a live session is adopted: {other:?}"),
    }
}

/// Adopts a session that has ended for this reason.
async fn over(manager: &SessionManager, proof: &AdoptedSession, reason: EndReason) {
    match adopt(manager, proof).await {
        Lookup::Ended(ended) => assert_eq!(ended.reason, reason, "it ended for another reason"),
        other => panic!("an ended session is not adopted again: {other:?}"),
    }
}

/// Another subject under the same id is another session, which the subject's list
/// has and an end of all finds.
pub async fn n98_other_subject_under_one_id_is_other_session(under: impl StoreUnderTest) {
    let manager = manager(under, None);
    let at = now(&manager).await;
    let [alice, bob] = ["alice", "bob"]
        .map(|subject| AdoptedSession::new(ISSUER, "sid", subject).with_authenticated_at(at));
    live(&manager, &alice).await;
    live(&manager, &bob).await;
    let all_of = "bob".into();
    let all = manager.end_sessions(&all_of, Selection::All, EndReason::Revoked);
    let count = all.await.expect("the store answers an end of all");
    assert_eq!(count, 1, "all of a subject are found, and no other's");
    over(&manager, &bob, EndReason::Revoked).await;
    live(&manager, &alice).await;
}

/// A refreshed proof starts nothing afresh.
pub async fn n100_refreshed_proof_starts_nothing_afresh(under: impl StoreUnderTest) {
    let manager = manager(under, None);
    let at = now(&manager).await;
    let login = AdoptedSession::by_authentication(ISSUER, at, "alice");
    let issued_at = at - seconds(30);
    let first = live(&manager, &login.clone().with_issued_at(issued_at)).await;
    for n in 1..4 {
        let refreshed = login.clone().with_issued_at(issued_at + seconds(n));
        let record = live(&manager, &refreshed).await;
        assert_eq!(record, first, "a refreshed proof changes nothing");
    }
}

/// An ended session is not adopted again, also by a newer proof.
pub async fn n101_ended_session_is_not_adopted_again(under: impl StoreUnderTest) {
    let manager = manager(under, None);
    let at = now(&manager).await;
    let proof = AdoptedSession::new(ISSUER, "sid", "alice").with_authenticated_at(at);
    live(&manager, &proof).await;
    let end = manager.end_adopted(&proof, EndReason::SignedOut).await;
    assert!(end.expect("the store answers an end"), "its owner ends it");
    let newer = proof.clone().with_issued_at(at + seconds(1));
    let newer = newer.with_authenticated_at(at + seconds(1));
    for proof in [&proof, &newer] {
        over(&manager, proof, EndReason::SignedOut).await;
    }
    let end = manager.end_adopted(&proof, EndReason::Revoked).await;
    assert!(!end.expect("the store answers an end"), "it ends once");
}

/// A session whose authentication time is not stated is kept so.
pub async fn n102_unstated_authentication_time_stays_unstated(under: impl StoreUnderTest) {
    let manager = manager(under, None);
    let proof = AdoptedSession::new(ISSUER, "sid", "alice").with_issued_at(now(&manager).await);
    for _ in 0..2 {
        let record = live(&manager, &proof).await;
        assert!(
            !record.facts.is_authentication_known(),
            "what nobody stated is absent"
        );
    }
}

/// What a newer proof states is recorded, and an older proof changes nothing.
pub async fn n103_newer_proof_is_heard_once_and_kept(under: impl StoreUnderTest) {
    let manager = manager(under, None);
    let at = now(&manager).await;
    let older = AdoptedSession::new(ISSUER, "sid", "alice")
        .with_authenticated_at(at)
        .with_issued_at(at);
    let first = live(&manager, &older).await;
    let strong = AuthenticationContext::none().with_acr("aal2");
    let newer = older
        .clone()
        .with_authenticated_at(at + seconds(2))
        .with_issued_at(at + seconds(2))
        .with_authentication(strong.clone())
        .with_expires_at(at + hours(1));
    let heard = live(&manager, &newer).await;
    let facts = &heard.facts;
    assert_eq!(
        (facts.authenticated_at, facts.provider_deadline),
        (at + seconds(2), Some(at + hours(1))),
        "a newer proof is heard"
    );
    assert_eq!(
        heard.authentication(),
        Some(strong),
        "a newer proof is heard"
    );
    assert_eq!(
        (facts.idle_deadline, facts.absolute_deadline),
        (first.facts.idle_deadline, first.facts.absolute_deadline),
        "and moves no deadline of ours"
    );
    for proof in [&newer, &older] {
        let kept = live(&manager, proof).await;
        assert_eq!(kept, heard, "it is kept, and an older one is not heard");
    }
}

/// Adopted sessions count towards the limit: the least active makes room, or the new
/// one is not adopted.
pub async fn n103_adopted_sessions_count_towards_limit(under: impl StoreUnderTest) {
    let manager = manager(under, Some((1, OnLimit::EndOldest)));
    let at = now(&manager).await;
    let login = |sid| AdoptedSession::new(ISSUER, sid, "alice").with_authenticated_at(at);
    live(&manager, &login("one")).await;
    live(&manager, &login("two")).await;
    over(&manager, &login("one"), EndReason::Superseded).await;
    live(&manager, &login("two")).await;
}

/// A session that its owner ends before it was adopted is not adopted later.
pub async fn n103_session_ended_before_adoption_is_not_adopted(under: impl StoreUnderTest) {
    let manager = manager(under, None);
    let proof = AdoptedSession::new(ISSUER, "sid", "alice");
    let end = manager.end_adopted(&proof, EndReason::IdpLogout).await;
    assert!(!end.expect("the store answers an end"), "it was not live");
    over(&manager, &proof, EndReason::IdpLogout).await;
}
