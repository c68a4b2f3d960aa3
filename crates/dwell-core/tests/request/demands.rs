//! What a route demands of the last authentication.

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{
    AuthenticationContext, AuthenticationRequirement, NewSession, Policy, PolicySet, minutes,
};
use dwell_test_support::{World, default_policy, now};

use crate::edges::request;

#[test]
fn demand_with_age_of_its_own_is_not_by_policy() {
    let world = World::default();
    let state = request(&world, &now(world.sign_in()));
    let own = AuthenticationRequirement::within(minutes(1));
    assert!(state.check_authentication(&own).is_some());
    assert!(!state.demanded_by_policy());
    let by_policy = AuthenticationRequirement::by_policy();
    assert!(state.check_authentication(&by_policy).is_some());
    assert!(state.demanded_by_policy());
}

#[test]
fn age_that_suffices_is_of_sessions_own_policy() {
    let teller = Policy::named("teller").reauthenticate(minutes(2));
    let set = PolicySet::builder(default_policy()).policy(teller);
    let world = World::with(set.build().unwrap());
    let new = NewSession::new("alice").with_policy("teller");
    let state = request(&world, &now(world.sign_in_as(new)));
    let by_policy = AuthenticationRequirement::by_policy();
    assert_eq!(state.max_age(&by_policy), minutes(2));
}

#[test]
fn authentication_in_request_itself_counts() {
    let world = World::default();
    let token = now(world.sign_in());
    world.clock.advance(minutes(6));
    let state = request(&world, &token);
    let recent = AuthenticationRequirement::within(minutes(5));
    let check = || state.check_authentication(&recent);
    assert_eq!(check(), Some(AuthenticationCheck::TooOld));
    now(state.reauthenticated(AuthenticationContext::none())).unwrap();
    assert_eq!(check(), Some(AuthenticationCheck::Fresh));
}
