//! One whole story, from the first visit to the last.

use crate::support::{
    ABSOLUTE, IDLE, POLL, REAUTHENTICATE, Served, assert_refused, assert_sent, cents, confirm,
    filled, idle_left, left, removes_cookie, transfer_of, whole_seconds,
};
use dwell_axum::{EndReason, seconds};

#[tokio::test]
async fn alice_signs_in_works_confirms_and_times_out() {
    let bank = Served::start().await;
    let browser = bank.browser();

    // Signed out she is redirected to the login page, and from there back.
    let answer = browser.visit("/admin/sessions").await;
    assert_sent(&answer, "/login", "session_required", "/admin/sessions");
    let login = browser.follow(answer).await;
    assert_eq!(login.status, 200);
    let answer = browser.submit(&filled(&login, "alice")).await;
    assert_eq!(answer.location(), "/admin/sessions");
    let start = bank.now();
    assert_eq!(browser.follow(answer).await.status, 200);
    let account = browser.open("/").await;
    assert!(account.text().contains("1234.50"), "{}", account.text());

    // Clicks extend her session beyond the idle timeout.
    bank.pass_active(&browser, IDLE * 2).await;
    assert_eq!(
        idle_left(&browser.fetch("/api/notifications").await),
        IDLE,
        "right after the last click"
    );

    // By now her authentication is too old for a transfer: nothing is sent.
    assert_eq!(bank.now() - start, REAUTHENTICATE);
    let before = cents(&browser).await;
    let answer = browser.post("/api/transfer", &transfer_of("12.50")).await;
    assert_refused(&answer, "step_up_required");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_user_authentication""#),
        "{challenge}"
    );
    assert!(challenge.contains(r#"max_age="120""#), "{challenge}");
    assert_eq!(cents(&browser).await, before);

    // She confirms, returns to the page, and sends the transfer again.
    let asked = browser
        .visit("/reauth?reason=step_up_required&return_to=%2F")
        .await;
    let answer = confirm(&browser, &asked).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
    assert_eq!(browser.follow(answer).await.status, 200);
    assert_eq!(cents(&browser).await, before, "nothing was sent for her");
    let answer = browser.post("/api/transfer", &transfer_of("12.50")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(cents(&browser).await, before - 1_250);

    // Activity, extensions and passwords do not move the absolute deadline.
    bank.pass_active(&browser, ABSOLUTE - seconds(1) - (bank.now() - start))
        .await;
    let answer = browser.post("/session/extend", "").await;
    assert_eq!(left(&answer).absolute, 1);
    bank.clock.advance(seconds(1));
    let answer = browser.visit("/").await;
    assert_sent(&answer, "/login", "absolute_timeout", "/");
    assert!(removes_cookie(&answer));
    let login = browser.follow(answer).await;
    assert!(login.text().contains("the session reached its time limit"));

    // She signs in again and leaves the page open: its polling does not extend
    // the session.
    let answer = browser.submit(&filled(&login, "alice")).await;
    assert_eq!(browser.follow(answer).await.status, 200);
    let polls = whole_seconds(IDLE) / whole_seconds(POLL);
    for poll in 1..polls {
        bank.clock.advance(POLL);
        let answer = browser.fetch("/api/notifications").await;
        assert_eq!(answer.status, 200);
        assert_eq!(idle_left(&answer), IDLE - seconds(2 * poll));
    }
    bank.clock.advance(POLL);
    let answer = browser.fetch("/api/notifications").await;
    assert_refused(&answer, "idle_timeout");
    assert!(!removes_cookie(&answer), "the reason is for her own click");
    let answer = browser.visit("/").await;
    assert_sent(&answer, "/login", "idle_timeout", "/");
    assert!(removes_cookie(&answer));

    let ends = [EndReason::AbsoluteTimeout, EndReason::IdleTimeout];
    assert_eq!(bank.events.ends(), ends);
}
