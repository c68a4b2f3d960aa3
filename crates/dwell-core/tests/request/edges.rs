//! What a request leaves to be written, reported and kept, in the rare cases.

use std::net::IpAddr;
use std::time::Duration;

use dwell_core::engine::TokenState;
use dwell_core::store::{Loaded, Lookup, SessionStore, TouchOutcome};
use dwell_core::{
    Activity, AuthenticationContext, EndReason, Event, EventKind, ManualClock, NewSession, OnIdle,
    Outcome, Policy, PolicySet, Resolved, ResolvedSession, SessionState, Settlement, Token,
    TokenChange, Verdict, VerifierHash, hours, minutes, seconds,
};
use dwell_memory::MemoryStore;
use dwell_test_support::{World, default_policy, now, policies};

const OK: Outcome = Outcome::Answered(200);

/// A request with this token in this state.
fn request_with(world: &World, token: &Token, token_state: TokenState) -> SessionState {
    let state = world.resolved(Resolved::Session(ResolvedSession {
        record: world.record(token),
        now: world.now(),
        presented: token.presented(),
        token_state,
    }));
    state.decide();
    state
}

/// A request with the current token.
pub(crate) fn request(world: &World, token: &Token) -> SessionState {
    request_with(world, token, TokenState::Current { confirm: false })
}

/// What the store makes of a request with this token.
fn found(world: &World, token: &Token) -> SessionState {
    let loaded = now(world.memory.load(token.key())).unwrap();
    let grace = world.manager.rotation_grace();
    let mut state = world.resolved(Resolved::Nothing);
    state.try_token(token, &loaded, grace);
    state.decide();
    state
}

/// Fifteen minutes idle; the network `office` allows 30.
fn with_office() -> World {
    let set = PolicySet::builder(default_policy()).network("office", ["10.0.0.0/8"], minutes(30));
    World::with(set.build().unwrap())
}

fn locking(idle: Duration) -> PolicySet {
    let policy = Policy::named("default").idle(idle).absolute(hours(8));
    PolicySet::builder(policy.on_idle(OnIdle::Lock))
        .build()
        .unwrap()
}

/// The successor of a token that was replaced in a request of its own.
fn successor(world: &World, token: &Token) -> Token {
    let state = request(world, token);
    now(state.rotate()).unwrap();
    match state.token_change() {
        TokenChange::Issue(token) => token,
        other => panic!("no new token but {other:?}"),
    }
}

fn count(world: &World, kind: EventKind) -> usize {
    let is = |event: &&Event| event.event == kind;
    world.events.events().iter().filter(is).count()
}

#[test]
fn l04_only_live_session_earns_touch() {
    let world = World::default();
    let token = now(world.sign_in());
    world.clock.advance(minutes(5));
    let live = request(&world, &token);
    assert!(matches!(live.settle(OK), Settlement::Touch(_)));
    let refused = request(&world, &token);
    refused.mark_refused();
    assert_eq!(refused.settle(OK), Settlement::Nothing);
    assert_eq!(refused.touch_due(Outcome::Disconnected), None);
    world.clock.advance(minutes(10));
    let ended = request(&world, &token);
    assert!(matches!(ended.decide(), Verdict::Ended(_)));
    assert_eq!(ended.touch_due(Outcome::Disconnected), None);
}

#[test]
fn n65_request_that_left_before_its_route_earns_nothing() {
    let world = World::default();
    let token = now(world.sign_in());
    world.clock.advance(minutes(5));
    let state = request(&world, &token);
    assert_eq!(state.touch_due(Outcome::Disconnected), None);
    state.reach_route();
    assert!(state.touch_due(Outcome::Disconnected).is_some());
}

#[test]
fn command_leaves_no_second_touch() {
    let world = World::default();
    let token = now(world.sign_in());
    world.clock.advance(minutes(5));
    let extended = request(&world, &token);
    now(extended.extend()).unwrap();
    assert_eq!(extended.settle(OK), Settlement::Nothing);
    world.clock.advance(minutes(5));
    let signed_out = request(&world, &token);
    now(signed_out.sign_out()).unwrap();
    assert_eq!(signed_out.settle(OK), Settlement::Nothing);
}

#[test]
fn network_change_is_reported_when_it_is_recorded() {
    let world = with_office();
    let token = now(world.sign_in());
    world.clock.advance(minutes(5));
    let from = |address: Option<&str>| {
        let state = world.request(&token);
        state.locate(address.map(|address| address.parse().unwrap()));
        state.decide();
        let touch = state.touch_due(OK).unwrap();
        (state, touch)
    };
    let changes = || count(&world, EventKind::SessionNetworkChanged);
    let (moved, touch) = from(Some("10.0.0.1"));
    moved.touch_recorded(&touch, TouchOutcome::Older);
    moved.touch_recorded(&touch, TouchOutcome::Gone);
    assert_eq!(changes(), 0);
    moved.touch_recorded(&touch, TouchOutcome::Recorded);
    assert_eq!(changes(), 1);
    let (stayed, touch) = from(None);
    stayed.touch_recorded(&touch, TouchOutcome::Recorded);
    assert_eq!(changes(), 1);
}

#[test]
fn l10_parallel_requests_confirm_token_once() {
    let world = World::default();
    let token = successor(&world, &now(world.sign_in()));
    let (one, other) = (found(&world, &token), found(&world, &token));
    let before = world.facts(&token).version;
    for state in [one, other] {
        assert_eq!(state.settle(OK), Settlement::StoreWrites);
        now(state.commit(OK)).unwrap();
    }
    let record = world.record(&token);
    assert!(record.credential.confirmed);
    assert_eq!(record.facts.version, before + 1);
}

#[test]
fn l10_parallel_requests_replace_lost_token_once() {
    let world = World::default();
    let token = now(world.sign_in());
    successor(&world, &token);
    world.clock.advance(minutes(1));
    let states = [found(&world, &token), found(&world, &token)];
    let before = count(&world, EventKind::SessionRotated);
    for state in &states {
        assert_eq!(state.settle(OK), Settlement::StoreWrites);
        now(state.commit(OK)).unwrap();
    }
    assert_eq!(count(&world, EventKind::SessionRotated), before + 1);
    assert!(matches!(states[0].token_change(), TokenChange::Issue(_)));
    assert_eq!(states[1].token_change(), TokenChange::Keep);
}

#[test]
fn l10_token_issued_in_request_is_not_replaced() {
    let world = World::default();
    let token = now(world.sign_in());
    successor(&world, &token);
    world.clock.advance(minutes(1));
    let state = found(&world, &token);
    now(state.reauthenticated(AuthenticationContext::none())).unwrap();
    let issued = state.token_change();
    let before = world.facts(&token).version;
    now(state.commit(OK)).unwrap();
    assert_eq!(state.token_change(), issued);
    assert_eq!(world.facts(&token).version, before);
}

#[test]
fn l06_lock_by_stricter_policy_begins_now() {
    let world = World::with(locking(minutes(15)));
    let token = now(world.sign_in());
    world.clock.advance(minutes(6));
    world.manager.policies().replace(locking(minutes(5)));
    let state = request(&world, &token);
    assert!(matches!(state.decide(), Verdict::Locked { .. }));
    now(state.commit(OK)).unwrap();
    assert_eq!(world.facts(&token).locked_at, Some(world.now()));
}

#[test]
fn locked_session_is_owed_no_new_token() {
    let world = World::with(locking(minutes(15)));
    let token = now(world.sign_in());
    successor(&world, &token);
    world.clock.advance(minutes(16));
    let locks = found(&world, &token);
    assert_eq!(locks.settle(OK), Settlement::StoreWrites);
    now(locks.commit(OK)).unwrap();
    let locked = found(&world, &token);
    assert_eq!(
        locked.found().unwrap().token_state,
        TokenState::LostSuccessor
    );
    assert_eq!(locked.settle(OK), Settlement::Nothing);
}

#[test]
fn deadlines_are_given_only_after_decision() {
    let world = World::default();
    let token = now(world.sign_in());
    let state = world.request(&token);
    assert_eq!(state.closing_deadlines(None, Some(world.now())), None);
    state.decide();
    assert!(state.closing_deadlines(None, Some(world.now())).is_some());
}

#[test]
fn n13_clock_that_steps_back_leaves_no_more_time() {
    let world = World::default();
    let token = now(world.sign_in());
    let state = request(&world, &token);
    let earlier = world.now() - minutes(1);
    let told = state.closing_deadlines(None, Some(earlier)).unwrap();
    assert_eq!(told.now, world.now());
    let later = world.now() + minutes(1);
    let told = state.closing_deadlines(None, Some(later)).unwrap();
    assert_eq!(told.now, later);
}

#[test]
fn n54_time_left_is_sessions_own_in_area() {
    let world = World::default();
    let token = now(world.sign_in());
    let state = request(&world, &token);
    assert!(state.enter_area("admin"));
    let told = state.closing_deadlines(None, Some(world.now() + seconds(1)));
    assert_eq!(told.unwrap().idle, world.now() + minutes(15));
}

#[test]
fn no_token_opens_adopted_session() {
    let world = World::default();
    let token = now(world.sign_in());
    let mut record = world.record(&token);
    record.credential.check = VerifierHash::NONE;
    let loaded = Loaded {
        now: world.now(),
        state: Lookup::Found(record),
    };
    let grace = world.manager.rotation_grace();
    let mut state = world.resolved(Resolved::Nothing);
    assert_eq!(state.try_token(&token, &loaded, grace), TokenState::Unknown);
    assert!(matches!(state.resolved(), Resolved::Nothing));
}

#[test]
fn adopted_session_owes_no_confirmation() {
    let world = World::default();
    let token = now(world.sign_in());
    let loaded = now(world.memory.load(token.key())).unwrap();
    let state = world.resolved(Resolved::by_owner(loaded));
    state.decide();
    assert_eq!(state.settle(OK), Settlement::Nothing);
}

#[test]
fn l10_reused_token_is_taken_from_its_client() {
    let world = World::default();
    let token = now(world.sign_in());
    let session = request(&world, &token).session().unwrap().clone();
    let state = world.resolved(session.into_tombstone(EndReason::TokenReuse));
    assert_eq!(state.decide(), Verdict::Ended(EndReason::TokenReuse));
    state.reach_route();
    state.mark_refused();
    now(state.commit(OK)).unwrap();
    assert_eq!(state.token_change(), TokenChange::Remove);
}

#[test]
fn network_found_after_decision_does_not_count() {
    let world = with_office();
    let token = now(world.sign_in());
    let office: IpAddr = "10.0.0.1".parse().unwrap();
    let state = request(&world, &token);
    state.locate(Some(office));
    assert_eq!(state.network(), world.policies().find_network(None));
    assert_eq!(state.client_ip(), Some(office));
}

#[test]
fn request_without_activity_layer_is_plain() {
    let world = World::default();
    let token = now(world.sign_in());
    let state = request(&world, &token);
    assert_eq!(state.activity(OK).0, Activity::Active);
}

#[test]
fn l10_login_with_lost_token_keeps_its_new_session() {
    let world = World::default();
    let token = now(world.sign_in());
    successor(&world, &token);
    world.clock.advance(minutes(1));
    let state = found(&world, &token);
    let new = now(state.start(NewSession::new("alice"))).unwrap();
    now(state.commit(OK)).unwrap();
    assert_eq!(state.record().map(|record| record.key), Some(new.key()));
    assert_eq!(state.token_change(), TokenChange::Issue(new));
}

#[test]
fn login_in_place_of_run_out_session_keeps_its_token() {
    // A store that remembers no end can't tell that a login replaced it.
    let clock = ManualClock::new();
    let memory = MemoryStore::with_clock_and_tombstones(clock.clone(), Duration::ZERO);
    let world = World::over(clock, memory, policies());
    let token = now(world.sign_in());
    world.clock.advance(minutes(15));
    let state = request(&world, &token);
    let new = now(state.start(NewSession::new("alice"))).unwrap();
    now(state.commit(OK)).unwrap();
    assert_eq!(state.token_change(), TokenChange::Issue(new));
}
