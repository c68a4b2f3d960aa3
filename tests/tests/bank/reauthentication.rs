//! Asking for the password again.

use dwell_axum::{EndReason, EventKind, OnIdle, Policy, PolicySet, seconds};
use dwell_tests::{Browser, Form};
use serde_json::json;

use crate::support::{
    ABSOLUTE, COOKIE, IDLE, MOMENT, REAUTHENTICATE, Served, assert_refused, assert_sent, cents,
    confirm, idle_left, removes_cookie, sign_in, transfer_of,
};

#[tokio::test]
async fn transfer_requires_password_under_two_minutes() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.pass_active(&browser, REAUTHENTICATE - MOMENT).await;
    let answer = browser.post("/api/transfer", &transfer_of("1")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"balance": "1233.50", "cents": 123_350, "currency": "EUR", "to": "bob", "amount": "1.00"})
    );
    // N35: the window is fixed, and the transfer has not moved it.
    bank.clock.advance(MOMENT);
    let answer = browser.post("/api/transfer", &transfer_of("1")).await;
    assert_refused(&answer, "step_up_required");
    assert_eq!(answer.set_cookies(), [""; 0], "the session stays");
    assert_eq!(bank.events.count(EventKind::StepUpRequired), 1);
}

#[tokio::test]
async fn n37_confirming_returns_and_repeats_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.pass_active(&browser, REAUTHENTICATE).await;
    // A browser without script would send a form.
    let answer = browser.submit(&Form::new("/api/transfer")).await;
    let (location, method) = answer.location().rsplit_once('&').unwrap();
    assert_eq!(method, "method=POST");
    assert_eq!(
        location,
        "/reauth?reason=step_up_required&return_to=%2Fapi%2Ftransfer"
    );
    let page = browser.follow(answer).await;
    assert!(
        page.text()
            .contains("Enter your password again to do this.")
    );
    assert!(
        page.text()
            .contains("Your last action was not carried out.")
    );
    let answer = confirm(&browser, &page).await;
    assert_eq!(answer.location(), "/", "not to where it was posted");
    assert_eq!(browser.follow(answer).await.status, 200);
    assert_eq!(cents(&browser).await, 123_450);

    // The return target is the viewed page.
    let page = browser
        .visit("/reauth?reason=step_up_required&return_to=%2Fadmin%2Fsessions")
        .await;
    let answer = confirm(&browser, &page).await;
    assert_eq!(answer.location(), "/admin/sessions");
}

#[tokio::test]
async fn program_confirms_with_json() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.pass_active(&browser, REAUTHENTICATE).await;
    let answer = browser.post("/reauth", r#"{"password":"wrong"}"#).await;
    assert_refused(&answer, "bad_credentials");
    let right = r#"{"password":"demo-password","return_to":"/admin/sessions"}"#;
    let answer = browser.post("/reauth", right).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"subject": "alice", "return_to": "/admin/sessions"})
    );
    let answer = browser.post("/api/transfer", &transfer_of("1")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn five_wrong_passwords_in_row_end_session() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let wrong = |page: &dwell_tests::Answer| page.form("/reauth").with("password", "wrong");
    let page = browser.visit("/reauth").await;
    for _ in 0..4 {
        assert_eq!(browser.submit(&wrong(&page)).await.status, 401);
    }
    // A right password restarts the count.
    assert_eq!(confirm(&browser, &page).await.status, 303);
    bank.clock.advance(IDLE / 2);
    for _ in 0..4 {
        let answer = browser.submit(&wrong(&page)).await;
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("The password is wrong."));
        assert_eq!(idle_left(&answer), IDLE / 2, "no activity");
        assert_eq!(browser.fetch("/api/notifications").await.status, 200);
    }
    let held = browser.jar();
    let answer = browser.submit(&wrong(&page)).await;
    assert_sent(&answer, "/login", "reauthentication_failed", "/");
    assert!(removes_cookie(&answer));
    let login = browser.follow(answer).await;
    assert!(login.text().contains("too many wrong passwords"));
    let holder = Browser::with_jar(bank.address, held);
    let answer = holder.fetch("/api/balance").await;
    assert_refused(&answer, "reauthentication_failed");
    assert_eq!(bank.events.ends(), [EndReason::ReauthenticationFailed]);
    assert_eq!(bank.events.count(EventKind::StepUpFailed), 9);
}

#[tokio::test]
async fn n67_wrong_passwords_at_once_end_session() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let tries = (0..16).map(|_| {
        let browser = Browser::with_jar(bank.address, browser.jar());
        tokio::spawn(async move { browser.post("/reauth", r#"{"password":"wrong"}"#).await })
    });
    let mut wrong = 0;
    for guess in tries.collect::<Vec<_>>() {
        let answer = guess.await.unwrap();
        assert_eq!(answer.status, 401, "{}", answer.text());
        wrong += usize::from(answer.json()["reason"] == "bad_credentials");
    }
    assert_eq!(wrong, 4);
    assert_eq!(bank.events.ends(), [EndReason::ReauthenticationFailed]);
}

#[tokio::test]
async fn page_asks_for_sessions_user_whatever_form_claims() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let page = browser.visit("/reauth").await;
    assert!(page.text().contains("Password of alice"));
    let form = page.form("/reauth").with("username", "bob");
    let answer = browser
        .submit(&form.with("password", "demo-password"))
        .await;
    assert_eq!(answer.status, 303);
    let account = browser.open("/").await;
    let greeting = "Signed in as <strong>alice</strong>";
    assert!(account.text().contains(greeting));
}

#[tokio::test]
async fn locked_session_opens_only_for_its_user() {
    let bank = Served::start().await;
    let locking = Policy::named("default")
        .idle(IDLE)
        .absolute(ABSOLUTE)
        .on_idle(OnIdle::Lock);
    let policies = PolicySet::builder(locking).build().unwrap();
    bank.policies.replace(policies);
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE);
    let answer = browser.fetch("/api/balance").await;
    assert_refused(&answer, "session_locked");
    assert!(!removes_cookie(&answer));
    let answer = browser.visit("/").await;
    assert_sent(&answer, "/reauth", "session_locked", "/");
    let page = browser.follow(answer).await;
    assert!(page.text().contains("The session is locked."));
    let login = browser.visit("/login").await;
    assert!(!login.text().contains("You are signed in as"));
    let answer = confirm(&browser, &page).await;
    assert_eq!(browser.follow(answer).await.status, 200);

    bank.clock.advance(IDLE);
    assert_refused(&browser.fetch("/api/balance").await, "session_locked");
    let answer = sign_in(&browser, "bob").await;
    let account = browser.follow(answer).await;
    assert!(account.text().contains("Signed in as <strong>bob</strong>"));
    assert_eq!(bank.events.ends(), [EndReason::Superseded]);
}

#[tokio::test]
async fn confirming_without_session_leads_to_login_with_reason() {
    let bank = Served::start().await;
    let stranger = bank.browser();
    let answer = stranger
        .visit("/reauth?return_to=%2Fadmin%2Fsessions")
        .await;
    assert_sent(&answer, "/login", "session_required", "/admin/sessions");
    let answer = stranger
        .post("/reauth", r#"{"password":"demo-password"}"#)
        .await;
    assert_refused(&answer, "session_required");

    for by_form in [true, false] {
        let browser = bank.signed_in("alice").await;
        let page = browser.visit("/reauth").await;
        bank.clock.advance(IDLE);
        // The right password does not revive an ended session (L4).
        if by_form {
            let answer = confirm(&browser, &page).await;
            assert_sent(&answer, "/login", "idle_timeout", "/");
        } else {
            let right = r#"{"password":"demo-password"}"#;
            assert_refused(&browser.post("/reauth", right).await, "idle_timeout");
        }
        // The page is for everybody, so it takes no cookie away.
        assert_eq!(browser.fetch("/api/balance").await.reason(), "idle_timeout");
        assert_eq!(browser.cookie(COOKIE), None);
    }
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE);
    let answer = browser.visit("/reauth").await;
    assert_sent(&answer, "/login", "idle_timeout", "/");
}

#[tokio::test]
async fn l10_old_token_after_confirming_ends_session() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let thief = Browser::with_jar(bank.address, browser.jar());
    let page = browser.visit("/reauth").await;
    let old = browser.cookie(COOKIE).unwrap();
    confirm(&browser, &page).await;
    let new = browser.cookie(COOKIE).unwrap();
    assert_ne!(old, new);
    assert_eq!(browser.fetch("/api/balance").await.status, 200);

    // A parallel request in flight gets through.
    bank.clock.advance(seconds(9));
    assert_eq!(thief.fetch("/api/balance").await.status, 200);
    assert_eq!(thief.cookie(COOKIE).unwrap(), old, "and learns nothing");
    bank.clock.advance(seconds(1));
    assert_refused(&thief.fetch("/api/balance").await, "token_reuse");
    assert_refused(&browser.fetch("/api/balance").await, "token_reuse");
    assert_eq!(bank.events.ends(), [EndReason::TokenReuse]);
}
