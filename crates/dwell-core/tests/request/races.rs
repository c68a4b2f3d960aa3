//! Rechecks that race with changes of the session.

use dwell_core::engine::{TokenState, Touch};
use dwell_core::store::{Loaded, Lookup, SessionStore, StoreFuture, TouchOutcome};
use dwell_core::{
    CommandError, EndReason, PolicySet, Recheck, Resolved, ResolvedSession, SessionKey,
    SessionState, Token, Verdict, delegate_store, minutes,
};
use dwell_memory::MemoryStore;
use dwell_test_support::{World, default_policy, now};

/// A store whose copies know nothing, and which answers touches so.
#[derive(Debug)]
struct Odd {
    inner: MemoryStore,
    has_session: bool,
    touched: TouchOutcome,
}

impl SessionStore for Odd {
    delegate_store!(self => self.inner, except load, load_uncopied, touch, touch_and_load, watched);

    fn load(&self, _: SessionKey) -> StoreFuture<'_, Loaded> {
        let now = now(self.inner.now());
        let state = Lookup::Missing;
        StoreFuture::ready(now.map(|now| Loaded { now, state }))
    }

    fn load_uncopied(&self, key: SessionKey) -> StoreFuture<'_, Loaded> {
        match self.has_session {
            true => self.inner.load(key),
            false => self.load(key),
        }
    }

    fn touch(&self, _: SessionKey, _: Touch) -> StoreFuture<'_, TouchOutcome> {
        StoreFuture::ready(Ok(self.touched))
    }
}

fn recheck(world: &World, token: &Token, has_session: bool, touched: TouchOutcome) -> Recheck {
    let manager = world.manager_over(Odd {
        inner: world.memory.clone(),
        has_session,
        touched,
    });
    let session = ResolvedSession {
        record: world.record(token),
        now: world.now(),
        presented: token.presented(),
        token_state: TokenState::Current { confirm: false },
    };
    let state = SessionState::new(manager, world.policies(), Resolved::Session(session));
    state.decide();
    state.recheck().unwrap()
}

#[test]
fn l14_recheck_trusts_no_copy() {
    let world = World::default();
    let token = now(world.sign_in());
    let recheck = recheck(&world, &token, true, TouchOutcome::Recorded);
    let waited = now(recheck.run()).unwrap();
    assert!(matches!(waited.verdict, Verdict::Live(_)));
    let at_once = recheck.run_at_once().unwrap().unwrap();
    assert!(matches!(at_once.verdict, Verdict::Live(_)));
}

#[test]
fn recheck_touch_says_what_became_of_session() {
    let world = World::default();
    let token = now(world.sign_in());
    world.clock.advance(minutes(1));
    let touch = |has_session, touched| now(recheck(&world, &token, has_session, touched).touch());
    let lost = touch(false, TouchOutcome::Recorded);
    assert!(matches!(lost, Err(CommandError::Gone)), "{lost:?}");
    let ended = touch(true, TouchOutcome::Gone);
    assert!(matches!(ended, Err(CommandError::Gone)), "{ended:?}");
    for live in [TouchOutcome::Older, TouchOutcome::Recorded] {
        let live = touch(true, live);
        assert!(live.is_ok(), "{live:?}");
    }
}

#[test]
fn l13_reason_outlives_policy_of_route() {
    let world = World::default();
    let token = now(world.sign_in());
    let state = world.request(&token);
    state.decide();
    assert!(state.enter_area("admin"));
    let recheck = state.recheck().unwrap();
    let set = PolicySet::builder(default_policy()).build().unwrap();
    world.manager.policies().replace(set);
    assert_eq!(now(recheck.run()).unwrap().verdict, Verdict::Anonymous);
    let revoked = EndReason::Revoked;
    now(world.manager.end_session(token.key(), revoked)).unwrap();
    let found = now(recheck.run()).unwrap();
    assert_eq!(found.verdict, Verdict::Ended(revoked));
}
