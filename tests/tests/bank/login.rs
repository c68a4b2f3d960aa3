//! Signing in and out.

use dwell_axum::{EndReason, EventKind, seconds};
use dwell_tests::{Browser, Form};
use serde_json::json;

use crate::support::{
    COOKIE, IDLE, Served, assert_refused, filled, left, removes_cookie, sign_in, whole_seconds,
};

#[tokio::test]
async fn login_page_names_users_and_its_form_works() {
    let bank = Served::start().await;
    let browser = bank.browser();
    let page = browser.visit("/login").await;
    assert_eq!(page.status, 200);
    for word in ["alice", "bob", "demo-password"] {
        assert!(page.text().contains(word), "{word}");
    }
    for user in ["alice", "bob"] {
        let answer = browser.submit(&filled(&page, user)).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        let account = browser.follow(answer).await;
        let greeting = format!("Signed in as <strong>{user}</strong>");
        assert!(account.text().contains(&greeting), "{}", account.text());
    }
}

#[tokio::test]
async fn cookie_has_production_attributes() {
    let bank = Served::start().await;
    let browser = bank.browser();
    let answer = sign_in(&browser, "alice").await;
    let lines = answer.set_cookies();
    assert_eq!(lines.len(), 1);
    let mut parts = lines[0].split("; ");
    let (name, token) = parts.next().unwrap().split_once('=').unwrap();
    assert_eq!((name, token.len()), (COOKIE, 44));
    let mut attributes: Vec<_> = parts.collect();
    attributes.sort_unstable();
    assert_eq!(
        attributes,
        ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"],
        "no lifetime: the cookie never decides"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    // Only this header carries the token.
    for page in ["/", "/session", "/admin/sessions", "/api/balance"] {
        let answer = browser.visit(page).await;
        assert_eq!(answer.set_cookies(), [""; 0], "{page}");
        for half in [&token[..22], &token[22..]] {
            assert!(!answer.text().contains(half), "{page}");
        }
    }
}

#[tokio::test]
async fn program_signs_in_with_json() {
    let bank = Served::start().await;
    let browser = bank.browser();
    let right = r#"{"username":"bob","password":"demo-password"}"#;
    let answer = browser.post("/login", right).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"subject": "bob", "return_to": "/"}));
    assert_eq!(left(&answer).idle, whole_seconds(IDLE));
    let balance = browser.fetch("/api/balance").await;
    assert_eq!(
        balance.json(),
        json!({"balance": "1234.50", "cents": 123_450, "currency": "EUR"})
    );

    let wrong = r#"{"username":"bob","password":"Demo-password"}"#;
    let answer = bank.browser().post("/login", wrong).await;
    assert_refused(&answer, "bad_credentials");
    assert_eq!(answer.set_cookies(), [""; 0]);
}

#[tokio::test]
async fn wrong_password_starts_and_ends_nothing() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let cookie = browser.cookie(COOKIE);
    bank.clock.advance(seconds(10));
    for (user, password) in [
        ("bob", "wrong"),
        ("mallory", "demo-password"),
        ("<b>\"alice\"</b>", "wrong"),
        ("", ""),
    ] {
        let page = browser.visit("/login?return_to=%2Fadmin%2Fsessions").await;
        let form = page.form("/login");
        let form = form.with("username", user).with("password", password);
        let answer = browser.submit(&form).await;
        assert_eq!(answer.status, 401, "{user:?}");
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert!(answer.header("www-authenticate").is_some());
        assert!(answer.text().contains("Name or password is wrong."));
        assert!(!answer.text().contains("<b>"), "what was typed is no HTML");
        // The form is shown again, without the password.
        let again = answer.form("/login");
        assert_eq!(again.value("return_to"), "/admin/sessions");
        assert_eq!(
            (again.value("username"), again.value("password")),
            (user, "")
        );
    }
    assert_eq!(browser.cookie(COOKIE), cookie);
    assert_eq!(browser.fetch("/api/balance").await.status, 200);
    assert_eq!(bank.events.kinds(), [EventKind::SessionCreated]);
}

#[tokio::test]
async fn signing_out_ends_session_and_clears_browser() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let held = browser.jar();
    let page = browser.visit("/").await;
    let answer = browser.submit(&page.form("/logout")).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.location(), "/login?reason=signed_out");
    assert!(removes_cookie(&answer));
    assert_eq!(
        answer.header("clear-site-data"),
        Some(r#""cache", "storage""#)
    );
    assert_eq!(browser.cookie(COOKIE), None);
    let login = browser.follow(answer).await;
    assert!(login.text().contains("You have signed out."));

    let holder = Browser::with_jar(bank.address, held);
    assert_refused(&holder.fetch("/api/balance").await, "signed_out");
    assert_eq!(bank.events.ends(), [EndReason::SignedOut]);
    assert_eq!(bank.events.count(EventKind::SessionLogout), 1);

    // The second time nothing ends, and the answer is the same.
    let answer = browser.submit(&Form::new("/logout")).await;
    assert_eq!(answer.location(), "/login?reason=signed_out");
    assert_eq!(bank.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn session_end_endpoint_signs_out_too() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let answer = browser.post("/session/end", "").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert!(removes_cookie(&answer));
    assert!(answer.header("clear-site-data").is_some());
    assert_eq!(bank.events.ends(), [EndReason::SignedOut]);
}

#[tokio::test]
async fn n50_client_does_not_choose_its_session() {
    let bank = Served::start().await;
    let unknown = format!("{COOKIE}={}", "A".repeat(44));
    for cookie in [unknown.as_str(), "__Host-session=", "__Host-session=x"] {
        let browser = bank.browser();
        let request = browser.script(http::Method::GET, "/api/balance");
        let answer = request.header("cookie", cookie).send().await;
        assert_refused(&answer, "session_required");
        assert_eq!(answer.set_cookies(), [""; 0], "{cookie}");

        let page = browser.visit("/login").await;
        let form = filled(&page, "alice");
        let request = browser.navigate(http::Method::POST, "/login");
        let request = request.body("application/x-www-form-urlencoded", &form.encoded());
        let answer = request.header("cookie", cookie).send().await;
        assert_eq!(answer.status, 303);
        let token = browser.cookie(COOKIE).unwrap();
        assert!(!cookie.contains(&token));
    }
}

#[tokio::test]
async fn n31_second_login_is_new_session_with_own_deadlines() {
    let bank = Served::start().await;
    let first = bank.signed_in("alice").await;
    bank.clock.advance(seconds(50));
    let second = bank.signed_in("alice").await;
    assert_eq!(left(&first.fetch("/session").await).absolute, 550);
    assert_eq!(left(&second.fetch("/session").await).absolute, 600);
    assert_ne!(first.cookie(COOKIE), second.cookie(COOKIE));
    bank.clock.advance(seconds(10));
    assert_refused(&first.fetch("/api/balance").await, "idle_timeout");
    assert_eq!(second.fetch("/api/balance").await.status, 200);
}

#[tokio::test]
async fn n47_late_answer_to_old_token_keeps_new_cookie() {
    let bank = Served::start().await;
    let browser = bank.signed_in("alice").await;
    let late = Browser::with_jar(bank.address, browser.jar());
    sign_in(&browser, "alice").await;
    let answer = late.fetch("/api/notifications").await;
    assert_refused(&answer, "superseded");
    assert!(!removes_cookie(&answer), "{:?}", answer.set_cookies());
}

// Before, the page came again and again, without a word.
#[tokio::test]
async fn n79_browser_that_refuses_cookie_is_told_what_helps() {
    let bank = Served::start().await;
    let page = bank.browser().visit("/login").await;
    let without_cookies = bank.browser();
    let answer = without_cookies.submit(&filled(&page, "alice")).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (200, ""));
    for words in ["did not keep the cookie", "--insecure-plain-http-cookie"] {
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    assert_eq!(answer.set_cookies().len(), 1, "the probe, and no session");
}
