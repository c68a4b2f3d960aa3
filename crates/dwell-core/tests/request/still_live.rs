//! What a handler that has waited asks before it acts.

use std::time::Duration;

use dwell_core::engine::AuthenticationCheck;
use dwell_core::{
    AuthenticationRequirement, CommandError, EndReason, PolicySet, Resolved, SessionState, minutes,
};
use dwell_test_support::{default_policy, now};

use crate::recheck::{World, with_admin};

#[test]
fn n62_still_live_follows_store() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let request = world.request_from(&token, None);
    now(request.still_live()).unwrap();
    world.clock.advance(minutes(10));
    now(request.still_live()).unwrap();
    now(world.manager.end_session(token.key(), EndReason::Revoked)).unwrap();
    let over = now(request.still_live());
    assert!(
        matches!(over, Err(CommandError::Ended(EndReason::Revoked))),
        "{over:?}"
    );
}

#[test]
fn n40_still_live_outlives_timeout_within_bound() {
    let bounded = PolicySet::builder(default_policy().in_flight(minutes(20)));
    let world = World::new(bounded.build().unwrap());
    let token = world.sign_in();
    let request = world.request_from(&token, None);
    world.clock.advance(minutes(15));
    now(request.still_live()).unwrap();
    now(world
        .manager
        .end_session(token.key(), EndReason::IdleTimeout))
    .unwrap();
    world.clock.advance(minutes(5) - Duration::from_millis(1));
    now(request.still_live()).unwrap();
    world.clock.advance(Duration::from_millis(1));
    let over = now(request.still_live());
    assert!(
        matches!(over, Err(CommandError::Ended(EndReason::IdleTimeout))),
        "{over:?}"
    );
}

#[test]
fn n62_still_live_asks_as_route_does() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let (admin, privileged) = (
        world.request_from(&token, None),
        world.request_from(&token, None),
    );
    assert!(admin.enter_area("admin"));
    let recent = AuthenticationRequirement::within(minutes(7));
    assert_eq!(
        privileged.check_authentication(&recent),
        Some(AuthenticationCheck::Fresh)
    );
    let asks = |state: &SessionState| match now(state.still_live()) {
        Ok(()) => None,
        Err(CommandError::StepUpRequired { max_age }) => Some(max_age),
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!((asks(&admin), asks(&privileged)), (None, None));
    world.clock.advance(minutes(5));
    assert_eq!((asks(&admin), asks(&privileged)), (Some(minutes(5)), None));
    world.clock.advance(minutes(2));
    assert_eq!(
        (asks(&admin), asks(&privileged)),
        (Some(minutes(5)), Some(minutes(7)))
    );
}

#[test]
fn n62_nobody_is_still_live() {
    let world = World::new(with_admin(minutes(5)));
    let token = world.sign_in();
    let own = world.request_from(&token, None);
    now(own.sign_out()).unwrap();
    let policies = world.manager.policies().current();
    let nobody = SessionState::new(world.manager.clone(), policies, Resolved::Nothing);
    nobody.decide();
    for state in [own, nobody] {
        let over = now(state.still_live());
        assert!(matches!(over, Err(CommandError::NoSession)), "{over:?}");
    }
}
