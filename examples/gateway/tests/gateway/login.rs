//! Signing in and out, limits, and the routes of the file.

use dwell_axum::{minutes, seconds};
use dwell_tests::Browser;
use http::Method;

use crate::service;
use crate::site::{COOKIE, PASSWORD, POLICY, Seen, Site, sign_in};

const ROUTES: &str = r#"
[[route]]
path = "/poll/**"
activity = "passive"

[[route]]
path = "/poll/save"
activity = "active"

[[route]]
path = "/news/**"
access = "public"

[[route]]
path = "/transfer"
access = "privileged"

[[route]]
path = "/admin/**"
policy = "admin"

[[route]]
path = "/news/drafts/**"
access = "session"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn page_leads_to_login_and_back() {
    let site = Site::start(ROUTES).await;
    let browser = Browser::new(site.address);
    let answer = browser.visit("/reports?year=2026").await;
    assert_eq!(answer.status, 303);
    let to = "/session/login?reason=session_required&return_to=%2Freports%3Fyear%3D2026";
    assert_eq!(answer.location(), to);
    let page = browser.follow(answer).await;
    assert!(
        page.text().contains("Please sign in first."),
        "{}",
        page.text()
    );
    let form = page.form("/session/login").with("username", "alice");
    let wrong = browser
        .submit(&form.clone().with("password", "wrong"))
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("Name or password is wrong."));
    let answer = browser.submit(&form.with("password", PASSWORD)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (303, "/reports?year=2026")
    );
    let seen = Seen::of(&browser.visit("/reports?year=2026").await);
    assert_eq!(seen.0["uri"], "/reports?year=2026");
    assert_eq!(seen.header("remote-user"), "alice");
    let program = Browser::new(site.address).fetch("/reports").await;
    assert_eq!(
        (program.status.as_u16(), program.reason().as_str()),
        (401, "session_required")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ends_after_idle_timeout_and_says_so() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(14));
    assert_eq!(alice.visit("/").await.status, 200);
    site.clock.advance(minutes(15));
    let answer = alice.fetch("/").await;
    assert_eq!(answer.reason(), "idle_timeout");
    let page = alice.open("/session/login?reason=idle_timeout").await;
    assert!(
        page.text().contains("nothing happened for a while"),
        "{}",
        page.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn passive_route_keeps_nobody_signed_in() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(10));
    // Passive wins, also where an active route matches as well.
    for path in ["/poll", "/poll/x", "/poll/save", "/%70oll/x"] {
        let poll = alice.fetch(path).await;
        assert_eq!(poll.time_left().unwrap().idle, 300, "{path}");
    }
    assert_eq!(alice.fetch("/polls").await.time_left().unwrap().idle, 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_page_of_service_is_no_activity() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(10));
    assert_eq!(alice.fetch("/missing").await.time_left().unwrap().idle, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn public_route_is_served_to_everybody() {
    let site = Site::start(ROUTES).await;
    let nobody = Browser::new(site.address);
    let seen = Seen::of(&nobody.visit("/news/today").await);
    assert_eq!(seen.header("remote-user"), "none");
    // The strictest access of all routes that match counts.
    assert_eq!(nobody.fetch("/news/drafts/1").await.status, 401);
    let alice = site.alice().await;
    assert_eq!(
        Seen::of(&alice.visit("/news/today").await).header("remote-user"),
        "alice"
    );
    site.clock.advance(minutes(15));
    assert_eq!(
        Seen::of(&alice.visit("/news/today").await).header("remote-user"),
        "none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn privileged_route_asks_for_password_again() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    assert_eq!(alice.post("/transfer", "{}").await.status, 200);
    site.clock.advance(minutes(5));
    assert_eq!(
        alice.post("/transfer", "{}").await.reason(),
        "step_up_required"
    );
    let page = alice.open("/transfer").await;
    assert!(
        page.text().contains("Enter your password again"),
        "{}",
        page.text()
    );
    let form = page.form("/session/step-up");
    let wrong = alice.submit(&form.clone().with("password", "wrong")).await;
    assert_eq!(wrong.status, 401);
    let answer = alice.submit(&form.with("password", PASSWORD)).await;
    assert_eq!(answer.location(), "/transfer");
    assert_eq!(alice.post("/transfer", "{}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_form_is_not_repeated_and_page_says_so() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(5));
    let answer = alice.navigate(Method::POST, "/transfer").send().await;
    let to = "/session/step-up?reason=step_up_required&return_to=%2Ftransfer&method=POST";
    assert_eq!(answer.location(), to);
    let page = alice.follow(answer).await;
    assert!(
        page.text().contains("was not carried out"),
        "{}",
        page.text()
    );
    let form = page.form("/session/step-up").with("password", PASSWORD);
    assert_eq!(alice.submit(&form).await.location(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_session_opens_by_password() {
    let lock = POLICY.replacen("absolute", "on_idle = \"lock\"\nabsolute", 1);
    let site = Site::before(service::start().await, "", &lock).await;
    let alice = site.alice().await;
    site.clock.advance(minutes(15));
    assert_eq!(alice.fetch("/").await.reason(), "session_locked");
    let page = alice.open("/reports").await;
    assert!(
        page.text().contains("The session is locked"),
        "{}",
        page.text()
    );
    let form = page.form("/session/step-up");
    assert_eq!(form.value("username"), "alice");
    let answer = alice.submit(&form.with("password", PASSWORD)).await;
    assert_eq!(answer.location(), "/reports");
    assert_eq!(alice.visit("/reports").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifth_wrong_password_ends_session() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    let form = alice
        .visit("/session/step-up")
        .await
        .form("/session/step-up");
    let form = form
        .with("password", "wrong")
        .with("return_to", "/transfer");
    for _ in 0..4 {
        assert_eq!(alice.submit(&form).await.status, 401);
    }
    let over = alice.submit(&form).await;
    let to = "/session/login?reason=reauthentication_failed&return_to=%2Ftransfer";
    assert_eq!(over.location(), to);
    assert_eq!(alice.fetch("/").await.status, 401);
    let answer = alice.visit("/session/step-up?return_to=/transfer").await;
    let to = "/session/login?reason=session_required&return_to=%2Ftransfer";
    assert_eq!(answer.location(), to);
}

#[tokio::test(flavor = "multi_thread")]
async fn area_locks_after_shorter_pause_and_rest_goes_on() {
    let site = Site::start(ROUTES).await;
    let alice = site.alice().await;
    assert_eq!(alice.visit("/admin/users").await.status, 200);
    site.clock.advance(minutes(5));
    // However the path is written.
    for path in ["/admin", "/admin/", "/admin/users", "/%61dmin/users"] {
        assert_eq!(
            alice.fetch(path).await.reason(),
            "step_up_required",
            "{path}"
        );
    }
    assert_eq!(alice.visit("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn l19_signing_out_succeeds_in_every_state() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    for _ in 0..2 {
        let answer = alice.navigate(Method::POST, "/session/logout").send().await;
        assert_eq!(answer.location(), "/session/login?reason=signed_out");
    }
    assert_eq!(alice.cookie(COOKIE), None);
    let again = site.alice().await;
    assert_eq!(again.post("/session/end", "").await.status, 204);
    assert_eq!(again.fetch("/").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_are_refused() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    for path in ["/session/login", "/session/step-up", "/session/logout"] {
        let request = alice.navigate(Method::POST, path);
        let answer = request.from_elsewhere_with_all_cookies().send().await;
        assert_eq!(answer.reason(), "not_same_origin", "{path}");
    }
    assert_eq!(alice.fetch("/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_user_is_refused_like_wrong_password() {
    let site = Site::start("").await;
    let browser = Browser::new(site.address);
    let long = "x".repeat(2_000);
    for (user, password) in [
        ("mallory", PASSWORD),
        ("", PASSWORD),
        ("alice", ""),
        ("alice", &long),
    ] {
        let answer = sign_in(&browser, user, password).await;
        assert_eq!(answer.status, 401, "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_pages_never_reach_service() {
    let site = Site::start("").await;
    let alice = site.alice().await;
    for path in ["/session/unknown", "/session/", "/%73ession/login"] {
        assert_eq!(alice.fetch(path).await.status, 404, "{path}");
    }
    let script = alice.fetch("/session-timeout.js").await;
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    site.clock.advance(seconds(60));
    assert_eq!(alice.fetch("/session").await.time_left().unwrap().idle, 840);
}
