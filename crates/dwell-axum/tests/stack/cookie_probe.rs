//! Browsers that refuse the session cookie are told (N79).

use axum::Router;
use axum::routing::get;
use dwell_axum::dwell_tower::session::{SessionCookie, TokenSource};
use dwell_axum::*;

use crate::support::{Client, World, client, get_with, outcome, set_cookies};

fn routes() -> Router {
    let told = async |probe: CookieProbe| probe.is_refused().to_string();
    Router::new().route(
        "/form",
        get(async |probe: CookieProbe| (probe, "form")).post(told),
    )
}

async fn is_refused(client: &mut Client) -> String {
    client.post("/form", "").await.text()
}

#[tokio::test]
async fn n79_browser_that_keeps_cookie_is_told_nothing() {
    let mut browser = World::new().client(routes());
    let page = browser.get("/form").await;
    let set = "__Host-session-probe=1; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(set_cookies(&page), [set]);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(is_refused(&mut browser).await, "false");
    let again = browser.get("/form").await;
    assert_eq!(set_cookies(&again), [""; 0], "it is there already");
}

#[tokio::test]
async fn n79_browser_that_refuses_cookie_is_told() {
    let mut browser = World::new().client(routes());
    browser.get("/form").await;
    browser.clear_cookies();
    assert_eq!(is_refused(&mut browser).await, "true");
    for odd in [
        "__Host-session-probe=",
        "__Host-session-probe=0",
        "x__Host-session-probe=1",
    ] {
        let answer = browser
            .send(http::Method::POST, "/form", &[("cookie", odd)], "")
            .await;
        assert_eq!(answer.text(), "true", "{odd}");
    }
}

#[tokio::test]
async fn n79_probe_has_attributes_of_session_cookie() {
    for (cookie, set) in [
        (
            SessionCookie::new()
                .with_name("bank")
                .with_same_site_strict(),
            "__Host-bank-probe=1; HttpOnly; SameSite=Strict; Secure; Path=/",
        ),
        (
            SessionCookie::new().with_insecure_plain_http(),
            "session-probe=1; HttpOnly; SameSite=Lax; Path=/",
        ),
        (
            SessionCookie::new().with_persistence(),
            "__Host-session-probe=1; HttpOnly; SameSite=Lax; Secure; Path=/",
        ),
    ] {
        let mut world = World::new();
        world.stack = world.stack.clone().with_source(TokenSource::cookie(cookie));
        let mut browser = world.client(routes());
        assert_eq!(set_cookies(&browser.get("/form").await), [set]);
        assert_eq!(is_refused(&mut browser).await, "false");
    }
}

#[tokio::test]
async fn n79_bearer_sessions_have_nothing_to_refuse() {
    let mut world = World::new();
    world.stack = world.stack.clone().with_source(TokenSource::bearer());
    let mut program = world.client(routes());
    assert_eq!(set_cookies(&program.get("/form").await), [""; 0]);
    assert_eq!(is_refused(&mut program).await, "false");
}

#[tokio::test]
async fn n79_probe_is_no_session() {
    let mut browser = World::new().client(routes());
    browser.get("/form").await;
    let answer = get_with(&mut browser, "/", &[]).await;
    assert_eq!(outcome(&answer), "401 session_required");
}

#[tokio::test]
async fn l16_probe_without_stack_is_500() {
    assert_eq!(client(routes()).get("/form").await.status, 500);
}
