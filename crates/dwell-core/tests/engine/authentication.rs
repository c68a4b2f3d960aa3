//! Whether an authentication suffices, and which tokens are valid.

use std::time::Duration;

use dwell_core::engine::{AuthenticationCheck, TokenState, check_authentication, judge_token};
use dwell_core::{
    AuthenticationContext, AuthenticationRequirement, Credential, Facts, Previous, Timestamp,
    VerifierHash, minutes, seconds,
};

use dwell_test_support::World;

const MS: Duration = Duration::from_millis(1);

#[test]
fn n14_authentication_in_future_is_refused() {
    let facts = World::default().opened(1, "alice").facts;
    let requirement = AuthenticationRequirement::within(minutes(5));
    let check =
        |facts: &Facts, now| check_authentication(facts, None, &requirement, minutes(5), now);
    let now = facts.authenticated_at;
    let mut ahead = facts;
    ahead.authenticated_at = now + seconds(61);
    assert_eq!(check(&ahead, now), AuthenticationCheck::TooOld);
    ahead.authenticated_at = now + seconds(60);
    assert_eq!(check(&ahead, now), AuthenticationCheck::Fresh);
}

#[test]
fn n35_reauthentication_window_is_fixed() {
    let mut facts = World::default().opened(1, "alice").facts;
    let at = facts.authenticated_at;
    let requirement = AuthenticationRequirement::within(minutes(5));
    let check =
        |facts: &Facts, now| check_authentication(facts, None, &requirement, minutes(5), now);
    facts.last_active_at = at + minutes(4);
    assert_eq!(
        check(&facts, at + minutes(5) - MS),
        AuthenticationCheck::Fresh
    );
    assert_eq!(check(&facts, at + minutes(5)), AuthenticationCheck::TooOld);
}

#[test]
fn n34_factor_without_time_or_class_does_not_satisfy() {
    let mut facts = World::default().opened(1, "alice").facts;
    let now = facts.authenticated_at;
    let strong = AuthenticationRequirement::within(minutes(5))
        .with_acr(["aal2"])
        .with_amr(["otp"]);
    let check = |facts: &Facts, context: Option<&AuthenticationContext>| {
        check_authentication(facts, context, &strong, minutes(5), now)
    };
    let good = AuthenticationContext::none()
        .with_acr("aal2")
        .with_amr(["pwd", "otp"]);
    assert_eq!(check(&facts, Some(&good)), AuthenticationCheck::Fresh);
    let weak = [
        None,
        Some(AuthenticationContext::none()),
        Some(
            AuthenticationContext::none()
                .with_acr("aal1")
                .with_amr(["otp"]),
        ),
        Some(
            AuthenticationContext::none()
                .with_acr("aal2")
                .with_amr(["pwd"]),
        ),
        Some(
            AuthenticationContext::none()
                .with_acr("AAL2")
                .with_amr(["otp"]),
        ),
    ];
    for context in &weak {
        assert_eq!(
            check(&facts, context.as_ref()),
            AuthenticationCheck::TooWeak
        );
    }
    facts.authenticated_at = Timestamp::MIN;
    assert_eq!(check(&facts, Some(&good)), AuthenticationCheck::TooOld);
}

#[test]
fn l10_presented_token_is_judged_by_age_and_use() {
    let check = VerifierHash::from_bits;
    let at = World::default().opened(1, "alice").facts.created_at;
    let grace = seconds(10);
    let credential = |confirmed| Credential {
        check: check(2),
        confirmed,
        previous: Some(Previous {
            check: check(1),
            at,
        }),
    };
    let judge = |confirmed, presented, now| {
        judge_token(&credential(confirmed), check(presented), grace, now)
    };
    let (within, beyond) = (at + grace - MS, at + grace);
    assert_eq!(
        judge(true, 2, beyond),
        TokenState::Current { confirm: false }
    );
    assert_eq!(
        judge(false, 2, within),
        TokenState::Current { confirm: true }
    );
    assert_eq!(
        judge(true, 1, within),
        TokenState::Grace,
        "parallel requests"
    );
    assert_eq!(judge(true, 1, beyond), TokenState::Reused);
    assert_eq!(
        judge(false, 1, beyond),
        TokenState::LostSuccessor,
        "a lost answer"
    );
    assert_eq!(judge(true, 9, within), TokenState::Unknown);
    assert_eq!(
        judge(true, 9, beyond),
        TokenState::Reused,
        "an older generation"
    );
    let never_rotated = Credential::new(check(2));
    assert_eq!(
        judge_token(&never_rotated, check(1), grace, beyond),
        TokenState::Reused
    );
}
