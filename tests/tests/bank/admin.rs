//! The sessions page, and its stricter policy.

use dwell_axum::{EndReason, seconds};
use dwell_tests::{Answer, Form};

use crate::support::{
    ADMIN_ABSOLUTE, ADMIN_IDLE, COOKIE, IDLE, MOMENT, Served, assert_refused, assert_sent, cents,
    confirm, idle_left, removes_cookie,
};

/// The references in the rows of the sessions page, in their order.
fn references(page: &Answer) -> Vec<String> {
    let forms = page.forms("/admin/sessions/end");
    forms
        .iter()
        .map(|form| form.value("session").to_owned())
        .collect()
}

#[tokio::test]
async fn page_lists_only_subjects_own_sessions() {
    let bank = Served::start().await;
    let first = bank.signed_in("alice").await;
    bank.clock.advance(seconds(1));
    let second = bank.signed_in("alice").await;
    let bob = bank.signed_in("bob").await;
    let page = first.visit("/admin/sessions").await;
    assert_eq!(page.status, 200);
    let seen = references(&page);
    assert_eq!(seen.len(), 2);
    let mark = format!("<code>{}</code> (this one)", seen[0]);
    assert!(page.text().contains(&mark), "{}", page.text());
    assert_eq!(references(&second.visit("/admin/sessions").await), seen);
    let mark = format!("<code>{}</code> (this one)", seen[1]);
    assert!(second.visit("/admin/sessions").await.text().contains(&mark));
    let bobs = references(&bob.visit("/admin/sessions").await);
    assert!(bobs.len() == 1 && !seen.contains(&bobs[0]));
    for browser in [&first, &second] {
        let token = browser.cookie(COOKIE).unwrap();
        assert!(!page.text().contains(&token[..22]));
    }
}

#[tokio::test]
async fn button_ends_only_its_session() {
    let bank = Served::start().await;
    let here = bank.signed_in("alice").await;
    bank.clock.advance(seconds(1));
    let there = bank.signed_in("alice").await;
    bank.clock.advance(seconds(1));
    let elsewhere = bank.signed_in("alice").await;
    let page = here.visit("/admin/sessions").await;
    let answer = here.submit(&page.forms("/admin/sessions/end")[1]).await;
    assert_eq!(answer.location(), "/admin/sessions");
    let page = here.follow(answer).await;
    assert_eq!(references(&page).len(), 2);

    let answer = there.visit("/").await;
    assert_sent(&answer, "/login", "revoked", "/");
    assert!(removes_cookie(&answer));
    assert_eq!(elsewhere.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.ends(), [EndReason::Revoked]);

    // Ending it again finds nothing.
    let answer = here.submit(&page.forms("/admin/sessions/end")[1]).await;
    assert_eq!(answer.status, 303);
    let answer = here.submit(&page.forms("/admin/sessions/end")[1]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.reason()),
        (404, "unknown_session".to_owned())
    );
}

#[tokio::test]
async fn button_ends_all_other_sessions() {
    let bank = Served::start().await;
    let here = bank.signed_in("alice").await;
    let others = [
        bank.signed_in("alice").await,
        bank.signed_in("alice").await,
        bank.signed_in("alice").await,
    ];
    let bob = bank.signed_in("bob").await;
    let page = here.visit("/admin/sessions").await;
    let form = page.form("/admin/sessions/end-others");
    let page = here.follow(here.submit(&form).await).await;
    assert_eq!(references(&page).len(), 1);
    for other in &others {
        assert_refused(&other.fetch("/api/balance").await, "revoked");
    }
    assert_eq!(here.fetch("/api/balance").await.status, 200);
    assert_eq!(bob.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.ends(), [EndReason::Revoked; 3]);
}

#[tokio::test]
async fn ending_own_session_signs_out() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let page = browser.visit("/admin/sessions").await;
    let answer = browser.submit(&page.form("/admin/sessions/end")).await;
    assert_eq!(answer.location(), "/login?reason=revoked");
    assert!(removes_cookie(&answer));
    let login = browser.follow(answer).await;
    assert!(login.text().contains("This session was ended"));
}

#[tokio::test]
async fn nobody_can_end_other_subjects_session() {
    let bank = Served::start().await;
    let alice = bank.signed_in("alice").await;
    let bob = bank.signed_in("bob").await;
    let bobs = references(&bob.visit("/admin/sessions").await);
    for reference in [bobs[0].as_str(), "0123456789abcdef", "", "../../etc"] {
        let form = Form::new("/admin/sessions/end").with("session", reference);
        let answer = alice.submit(&form).await;
        assert_eq!(answer.status, 404, "{reference:?}");
    }
    assert_eq!(bob.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.ends(), []);
}

#[tokio::test]
async fn n54_page_asks_again_and_ends_no_session() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(ADMIN_IDLE - MOMENT);
    let page = browser.visit("/admin/sessions").await;
    assert_eq!((page.status.as_u16(), idle_left(&page)), (200, IDLE));

    bank.clock.advance(ADMIN_IDLE);
    let answer = browser.visit("/admin/sessions").await;
    assert_sent(&answer, "/reauth", "step_up_required", "/admin/sessions");
    assert_eq!(browser.fetch("/api/balance").await.status, 200);

    let browser = bank.signed_in("alice").await;
    bank.pass_active(&browser, ADMIN_ABSOLUTE - MOMENT).await;
    assert_eq!(browser.visit("/admin/sessions").await.status, 200);
    bank.clock.advance(MOMENT);
    assert_eq!(browser.visit("/").await.status, 200);
    let answer = browser.visit("/admin/sessions").await;
    assert_sent(&answer, "/reauth", "step_up_required", "/admin/sessions");
    assert_eq!(bank.events.ends(), []);
}

#[tokio::test]
async fn activity_elsewhere_does_not_count_for_stricter_page() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(ADMIN_IDLE + seconds(10));
    assert_eq!(browser.visit("/").await.status, 200);

    let answer = browser.visit("/admin/sessions").await;
    assert_sent(&answer, "/reauth", "step_up_required", "/admin/sessions");
    assert_refused(&browser.fetch("/admin/sessions").await, "step_up_required");
    let answer = browser
        .submit(&Form::new("/admin/sessions/end-others"))
        .await;
    assert!(answer.location().starts_with("/reauth?"));
    assert_eq!(cents(&browser).await, 123_450, "the session is still live");

    let page = browser.follow(answer).await;
    let answer = confirm(&browser, &page).await;
    assert_eq!(answer.location(), "/admin/sessions");
    assert_eq!(browser.follow(answer).await.status, 200);
}
