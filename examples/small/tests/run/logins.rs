//! Signing in, again, and out: `minimal`, `step-up`, `lock`, `testing`.

use crate::program::{minutes_left, refused, sign_in, start};

#[tokio::test]
async fn minimal_serves_its_page_between_login_and_logout() {
    let program = start!("minimal").await;
    let browser = program.browser();
    assert!(browser.visit("/").await.location().starts_with("/login?"));
    assert_eq!(browser.fetch("/").await.reason(), "session_required");
    sign_in(&browser).await;
    let page = browser.visit("/").await;
    assert!(page.text().starts_with("Hello alice"));
    assert_eq!(minutes_left(&page), (15, 8 * 60));
    let answer = browser.submit(&page.form("/logout")).await;
    assert_eq!(answer.location(), "/login");
    assert_eq!(browser.fetch("/").await.status, 401);
}

#[tokio::test]
async fn step_up_wants_code_before_transfer() {
    let program = start!("step-up").await;
    let browser = program.alice().await;
    let transfer = browser.visit("/").await.form("/transfer");
    let asked = browser.submit(&transfer).await;
    assert_eq!(asked.status, 303);
    let page = browser.follow(asked).await;
    let wrong = page.form("/reauth").with("code", "000000");
    assert_eq!(browser.submit(&wrong).await.location(), "/reauth");
    let right = page.form("/reauth").with("code", "123456");
    assert_eq!(browser.submit(&right).await.location(), "/");
    assert_eq!(browser.submit(&transfer).await.text(), "done");
}

#[tokio::test]
async fn lock_keeps_idle_session_for_its_pin() {
    let program = start!("lock").await;
    let browser = program.alice().await;
    let locked = refused(&browser, "/").await;
    assert_eq!(locked.reason(), "session_locked");
    let page = browser.open("/").await;
    assert!(page.text().starts_with("alice: "), "{}", page.text());
    let pin = page.form("/unlock").with("pin", "1234");
    assert_eq!(browser.submit(&pin).await.location(), "/");
    assert_eq!(browser.visit("/").await.text(), "Hello alice");
}

#[tokio::test]
async fn testing_serves_what_it_tests() {
    let program = start!("testing").await;
    let browser = program.alice().await;
    assert_eq!(browser.visit("/").await.text(), "Hello alice");
    assert_eq!(browser.fetch("/unread").await.text(), "3");
}
