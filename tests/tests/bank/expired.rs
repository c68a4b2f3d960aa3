//! The page that is shown when a session has ended.

use dwell_axum::{EndReason, OnIdle, Policy, PolicySet, seconds};
use dwell_tests::{Answer, Browser};
use http::Method;

use crate::support::{
    ABSOLUTE, IDLE, MOMENT, Served, assert_refused, assert_sent, confirm, filled, idle_left, left,
};

/// Returns the target and the text of the page's only link.
fn way_on(page: &Answer) -> (String, String) {
    let html = page.text();
    let (_, rest) = html.split_once("<a class=\"button\" href=\"").unwrap();
    let (link, rest) = rest.split_once("\">").unwrap();
    let (label, _) = rest.split_once("</a>").unwrap();
    (link.replace("&#38;", "&"), label.to_owned())
}

#[tokio::test]
async fn n44_every_end_has_its_own_sentence() {
    let bank = Served::start().await;
    let mut sentences = Vec::new();
    for reason in EndReason::ALL {
        let path = format!("/expired?reason={reason}&return_to=%2Fadmin%2Fsessions");
        let page = bank.browser().visit(&path).await;
        assert_eq!(page.status, 200);
        let html = page.text();
        assert!(html.contains("<h1>You are signed out</h1>"), "{reason}");
        let (_, rest) = html.split_once("<p class=\"notice\">").unwrap();
        sentences.push(rest.split_once("</p>").unwrap().0.to_owned());
        let login = format!("/login?reason={reason}&return_to=%2Fadmin%2Fsessions");
        assert_eq!(way_on(&page), (login, "Sign in again".to_owned()));
    }
    let all = sentences.len();
    sentences.sort_unstable();
    sentences.dedup();
    assert_eq!(sentences.len(), all, "{sentences:?}");
}

#[tokio::test]
async fn l13_expired_page_trusts_server_over_query() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE);
    let page = browser.visit("/expired?reason=absolute_timeout").await;
    assert_eq!(page.status, 200, "reachable with an ended session");
    assert!(page.text().contains("because nothing happened for a while"));
    let login = "/login?reason=idle_timeout&return_to=%2F";
    assert_eq!(way_on(&page).0, login);
    assert!(!page.text().contains("alice"), "the page names the user");
}

#[tokio::test]
async fn visitor_without_reason_asked_to_sign_in() {
    let bank = Served::start().await;
    for query in [
        "",
        "?reason=",
        "?reason=session_required",
        "?reason=session_locked",
        "?reason=step_up_required",
        "?reason=IDLE_TIMEOUT",
        "?reason=idle_timeout&reason=revoked",
        "?reason=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "?%",
    ] {
        let page = bank.browser().visit(&format!("/expired{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        assert!(page.text().contains("Please sign in first."), "{query}");
        assert!(!page.text().contains("alert(1)"));
        let login = "/login?reason=session_required&return_to=%2F";
        assert_eq!(way_on(&page).0, login, "{query}");
    }
}

#[tokio::test]
async fn signing_in_again_returns_to_last_page() {
    let bank = Served::start().await;
    let browser = bank.browser();
    let was = "/expired?reason=idle_timeout&return_to=%2Fadmin%2Fsessions%3Fsort%3Da%2520b";
    let page = browser.visit(was).await;
    let login = browser.visit(&way_on(&page).0).await;
    assert!(
        login
            .text()
            .contains("because nothing happened for a while")
    );
    let answer = browser.submit(&filled(&login, "alice")).await;
    assert_eq!(answer.location(), "/admin/sessions?sort=a%20b");

    // But not to a sign-in page.
    for page in ["%2Fexpired%3Freason%3Da", "%2Flogin", "%2Freauth"] {
        let browser = bank.browser();
        let path = format!("/expired?reason=idle_timeout&return_to={page}");
        let login = browser.visit(&way_on(&browser.visit(&path).await).0).await;
        assert_eq!(login.form("/login").value("return_to"), "/", "{page}");
        let login = browser.visit(&format!("/login?return_to={page}")).await;
        assert_eq!(login.form("/login").value("return_to"), "/", "{page}");
    }
}

#[tokio::test]
async fn l02_expired_page_extends_nothing_and_tells_live_session() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let visit = async |browser: &Browser| {
        let path = "/expired?reason=idle_timeout&return_to=%2F";
        browser.visit(path).await
    };
    for passed in 1..6 {
        bank.clock.advance(seconds(10));
        let page = visit(&browser).await;
        assert_eq!(idle_left(&page), IDLE - seconds(10 * passed));
        assert!(page.text().contains("<h1>You are still signed in</h1>"));
        assert_eq!(way_on(&page), ("/".to_owned(), "Continue".to_owned()));
        assert!(!page.text().contains("alice"));
    }
    // Not even if the request declares itself active.
    let request = browser.navigate(Method::GET, "/expired");
    let answer = request.header("session-activity", "active").send().await;
    assert_eq!(left(&answer).idle, 10);
    bank.clock.advance(seconds(10) - MOMENT);
    assert_eq!(idle_left(&visit(&browser).await), seconds(0));
    bank.clock.advance(MOMENT);
    let page = visit(&browser).await;
    assert!(page.text().contains("<h1>You are signed out</h1>"));
    let answer = browser.visit("/").await;
    assert_sent(&answer, "/login", "idle_timeout", "/");
    assert_eq!(bank.events.ends(), [EndReason::IdleTimeout]);
}

#[tokio::test]
async fn locked_session_leads_to_password_page() {
    let bank = Served::start().await;
    let locking = Policy::named("default")
        .idle(IDLE)
        .absolute(ABSOLUTE)
        .on_idle(OnIdle::Lock);
    let policies = PolicySet::builder(locking).build().unwrap();
    bank.policies.replace(policies);
    let browser = bank.signed_in("alice").await;
    bank.clock.advance(IDLE);
    assert_refused(&browser.fetch("/session").await, "session_locked");
    let was = "/expired?reason=session_locked&return_to=%2Fadmin%2Fsessions";
    let page = browser.visit(was).await;
    assert!(page.text().contains("<h1>Your session is locked</h1>"));
    assert!(!page.text().contains("alice"));
    let (link, label) = way_on(&page);
    assert_eq!(label, "Enter your password");
    let asked = browser.visit(&link).await;
    let answer = confirm(&browser, &asked).await;
    assert_eq!(answer.location(), "/admin/sessions");
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
}
