//! Checks of a session after its request.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;
use std::time::Duration;

use dwell_core::engine::{Deadlines, TokenState, Touch};
use dwell_core::{
    Clock, CommandError, EndReason, EventKind, NetworkId, NewSession, OnIdle, Policy, PolicySet,
    Recheck, Rechecked, Resolved, ResolvedSession, SessionState, Timestamp, Token, Verdict, hours,
    minutes, seconds,
};
use dwell_test_support::{default_policy, now};

pub(crate) struct World(dwell_test_support::World);

impl Deref for World {
    type Target = dwell_test_support::World;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl World {
    pub(crate) fn new(policies: PolicySet) -> Self {
        Self(dwell_test_support::World::with(policies))
    }

    pub(crate) fn sign_in(&self) -> Token {
        now(self.0.sign_in())
    }

    /// A request of the session, from this address.
    pub(crate) fn request_from(&self, token: &Token, address: Option<Ipv4Addr>) -> SessionState {
        let state = self.request(token);
        state.locate(address.map(IpAddr::V4));
        state.decide();
        state
    }

    fn recheck(&self, token: &Token) -> Recheck {
        self.request_from(token, None).recheck().unwrap()
    }

    /// A check of a request to a route with the policy `admin`.
    fn recheck_of_admin(&self, token: &Token) -> Recheck {
        let state = self.request_from(token, None);
        assert!(state.enter_area("admin"));
        state.recheck().unwrap()
    }
}

pub(crate) fn with_admin(idle: Duration) -> PolicySet {
    let set = PolicySet::builder(default_policy());
    let set = set.policy(Policy::named("admin").idle(idle));
    set.build().unwrap()
}

/// Until when the route's policies admit the session.
fn area(recheck: &Recheck) -> Timestamp {
    found(recheck).area.unwrap().at
}

fn touch_at(at: Timestamp) -> Touch {
    Touch {
        at,
        network: NetworkId::NONE,
        idle_deadline: at + minutes(15),
        retried: false,
    }
}

fn found(recheck: &Recheck) -> Rechecked {
    let at_once = recheck.run_at_once().unwrap().unwrap();
    let waited = now(recheck.run()).unwrap();
    assert_eq!(at_once.verdict, waited.verdict);
    assert_eq!(at_once.record, waited.record);
    waited
}

fn deadlines(recheck: &Recheck) -> Deadlines {
    match found(recheck).verdict {
        Verdict::Live(deadlines) => deadlines,
        other => panic!("a live session was expected: {other:?}"),
    }
}

#[test]
fn l01_recheck_judges_like_next_request() {
    let world = World::new(with_admin(minutes(5)));
    let (token, other) = (world.sign_in(), world.sign_in());
    let (recheck, ended) = (world.recheck(&token), world.recheck(&other));
    assert_eq!(recheck.key(), token.key());
    world.clock.advance(minutes(15) - Duration::from_millis(1));
    assert_eq!(deadlines(&recheck).remaining(), Duration::from_millis(1));
    assert_eq!(found(&recheck).now, world.clock.now());
    assert_eq!(found(&recheck).record, Some(world.record(&token)));
    assert!(now(world.manager.end_session(other.key(), EndReason::Revoked)).unwrap());
    let gone = found(&ended);
    let revoked = Verdict::Ended(EndReason::Revoked);
    assert_eq!((gone.verdict, gone.record), (revoked, None));
    world.clock.advance(Duration::from_millis(1));
    let run_out = Verdict::Ended(EndReason::IdleTimeout);
    assert_eq!(found(&recheck).verdict, run_out);
}

#[test]
fn n10_recheck_is_no_activity() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let (recheck, before) = (world.recheck(&token), world.record(&token));
    for _ in 0..10 {
        world.clock.advance(minutes(1));
        found(&recheck);
    }
    assert_eq!(world.record(&token), before);
}

#[test]
fn l06_route_policy_is_found_by_name_after_reload() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let (plain, admin) = (world.recheck(&token), world.recheck_of_admin(&token));
    let start = world.clock.now();
    assert_eq!(area(&admin), start + minutes(5));
    let set = PolicySet::builder(default_policy())
        .policy(Policy::named("aaa").idle(minutes(1)))
        .policy(Policy::named("bbb").idle(minutes(2)))
        .policy(Policy::named("admin").idle(minutes(4)));
    world.manager.policies().replace(set.build().unwrap());
    assert_eq!(area(&admin), start + minutes(4));
    assert_eq!(deadlines(&plain).idle, start + minutes(15));
}

#[test]
fn l16_removed_route_policy_closes_open_connections() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let (plain, admin) = (world.recheck(&token), world.recheck_of_admin(&token));
    let without = PolicySet::builder(default_policy()).build().unwrap();
    world.manager.policies().replace(without);
    assert_eq!(found(&admin).verdict, Verdict::Anonymous);
    assert!(now(admin.touch()).is_err());
    assert_eq!(deadlines(&plain).idle, world.clock.now() + minutes(15));
    world.manager.policies().replace(with_admin(minutes(5)));
    assert_eq!(area(&admin), world.clock.now() + minutes(5));
}

#[test]
fn l06_of_several_route_policies_the_strictest_holds() {
    let set = PolicySet::builder(default_policy())
        .policy(Policy::named("staff").idle(minutes(10)).absolute(hours(1)))
        .policy(Policy::named("admin").idle(minutes(5)));
    let world = World::new(set.build().unwrap());
    let token = world.sign_in();
    let state = world.request_from(&token, None);
    assert!(state.enter_area("staff") && state.enter_area("admin"));
    let recheck = state.recheck().unwrap();
    let start = world.clock.now();
    assert_eq!(area(&recheck), start + minutes(5));
    world.clock.advance(minutes(5));
    now(world
        .manager
        .store()
        .touch(token.key(), touch_at(world.clock.now())))
    .unwrap();
    assert_eq!(area(&recheck), Timestamp::MIN, "the pause was too long");
    assert_eq!(deadlines(&recheck).idle, world.clock.now() + minutes(15));
}

#[test]
fn session_unknown_to_store_is_anonymous() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let elsewhere = World::new(with_admin(minutes(5)));
    let session = ResolvedSession {
        record: world.record(&token),
        now: world.clock.now(),
        presented: token.presented(),
        token_state: TokenState::Current { confirm: false },
    };
    let handle = elsewhere.resolved(Resolved::Session(session));
    handle.decide();
    let found = found(&handle.recheck().unwrap());
    assert_eq!((found.verdict, found.record), (Verdict::Anonymous, None));
}

#[test]
fn request_without_session_has_no_recheck() {
    let world = World::new(with_admin(minutes(5)));
    let nobody = world.anonymous();
    assert!(nobody.recheck().is_none());
    let token = now(nobody.start(NewSession::new("alice"))).unwrap();
    let started = nobody.recheck().unwrap();
    assert_eq!(
        started.key(),
        token.key(),
        "the session that the request started"
    );
    let state = world.request_from(&token, None);
    now(state.sign_out()).unwrap();
    assert!(state.recheck().is_none(), "the request ended it");
    assert!(found(&started).verdict.deadlines().is_none());
}

#[test]
fn l07_session_judged_by_network_of_its_request() {
    let set = PolicySet::builder(default_policy());
    let set = set.network("office", ["10.0.0.0/8"], minutes(30));
    let world = World::new(set.build().unwrap());
    let token = world.sign_in();
    let office = Some(Ipv4Addr::new(10, 0, 0, 1));
    let from_office = world.request_from(&token, office).recheck().unwrap();
    let from_cafe = world.request_from(&token, None).recheck().unwrap();
    world.clock.advance(minutes(1));
    now(from_office.touch()).unwrap();
    let at = world.clock.now();
    assert_eq!(deadlines(&from_office).idle, at + minutes(30));
    assert_eq!(deadlines(&from_cafe).idle, at + minutes(15));
    let changes = |world: &World| world.events.count(EventKind::SessionNetworkChanged);
    assert_eq!(changes(&world), 1);
    world.clock.advance(minutes(1));
    now(from_office.touch()).unwrap();
    assert_eq!(changes(&world), 1, "the network has not changed again");
}

#[test]
fn l02_recheck_touch_respects_granularity() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let recheck = world.recheck(&token);
    let start = world.clock.now();
    world.clock.advance(seconds(14));
    now(recheck.touch()).unwrap();
    assert_eq!(world.record(&token).facts.last_active_at, start);
    world.clock.advance(seconds(1));
    now(recheck.touch()).unwrap();
    let facts = world.record(&token).facts;
    assert_eq!(facts.last_active_at, start + seconds(15));
    assert_eq!(facts.idle_deadline, start + seconds(15) + minutes(15));
    assert_eq!(facts.absolute_deadline, start + hours(8));
}

#[test]
fn l04_touch_of_ended_or_locked_session_changes_nothing() {
    let locking = default_policy().on_idle(OnIdle::Lock).lock_period(hours(1));
    let world = World::new(PolicySet::builder(locking).build().unwrap());
    let (token, dead) = (world.sign_in(), world.sign_in());
    let (recheck, ended) = (world.recheck(&token), world.recheck(&dead));
    assert!(now(world.manager.end_session(dead.key(), EndReason::Revoked)).unwrap());
    let before = world.record(&token);
    world.clock.advance(minutes(15));
    let locked = now(recheck.touch());
    assert!(matches!(locked, Err(CommandError::Locked)), "{locked:?}");
    let revoked = now(ended.touch());
    assert!(matches!(
        revoked,
        Err(CommandError::Ended(EndReason::Revoked))
    ));
    assert_eq!(world.record(&token), before);
    world.clock.advance(hours(1));
    let run_out = now(recheck.touch());
    assert!(matches!(
        run_out,
        Err(CommandError::Ended(EndReason::IdleTimeout))
    ));
    assert_eq!(world.record(&token), before);
}

// A request that is asked to step up is not activity either.
#[test]
fn n52_touch_on_stale_route_fails() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let (plain, admin) = (world.recheck(&token), world.recheck_of_admin(&token));
    world.clock.advance(minutes(10));
    now(plain.touch()).unwrap();
    let before = world.record(&token);
    world.clock.advance(minutes(1));
    let stale = found(&admin);
    assert!(matches!(stale.verdict, Verdict::Live(_)), "{stale:?}");
    assert!(stale.is_area_closed());
    let refused = now(admin.touch());
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(world.record(&token), before);
}
