//! Parts that an application replaces: `custom-store`, `custom-rejection`,
//! `custom-source`, and axum itself in `plain-hyper`.

use http::Method;

use crate::program::{sign_in, start};

#[tokio::test]
async fn custom_store_refuses_new_sessions_only() {
    let program = start!("custom-store").await;
    let alice = program.alice().await;
    assert_eq!(alice.post("/maintenance", "").await.status, 200);
    let late = program.browser();
    let form = late.visit("/login").await.form("/login");
    assert_eq!(late.submit(&form).await.status, 503);
    assert_eq!(alice.visit("/").await.text(), "Hello alice");
}

#[tokio::test]
async fn custom_rejection_sends_htmx_to_login() {
    let program = start!("custom-rejection").await;
    let browser = program.browser();
    let by_htmx = browser.script(Method::GET, "/part");
    let refused = by_htmx.header("hx-request", "true").send().await;
    assert_eq!(refused.reason(), "session_required");
    assert_eq!(refused.header("hx-redirect"), Some("/login"));
    assert_eq!(browser.fetch("/part").await.header("hx-redirect"), None);
    sign_in(&browser).await;
    assert_eq!(browser.fetch("/part").await.text(), "Hello alice");
}

#[tokio::test]
async fn custom_source_takes_token_from_header() {
    let program = start!("custom-source").await;
    let client = program.browser();
    let login = client.post("/login", "").await;
    assert_eq!(login.set_cookies(), [""; 0]);
    let token = login.header("x-session").unwrap();
    let with_token = |method, path| client.script(method, path).header("x-session", token);
    let page = with_token(Method::GET, "/").send().await;
    assert_eq!(page.text(), "Hello alice\n");
    let out = with_token(Method::POST, "/logout").send().await;
    assert_eq!(out.header("x-session"), Some(""));
    assert_eq!(with_token(Method::GET, "/").send().await.status, 401);
}

#[tokio::test]
async fn plain_hyper_protects_every_path_but_login() {
    let program = start!("plain-hyper").await;
    let browser = program.browser();
    for path in ["/", "/anything"] {
        assert_eq!(browser.fetch(path).await.reason(), "session_required");
    }
    assert!(browser.visit("/").await.location().starts_with("/login?"));
    sign_in(&browser).await;
    assert_eq!(browser.visit("/").await.text(), "Hello alice");
    assert_eq!(browser.post("/logout", "").await.location(), "/login");
    assert_eq!(browser.fetch("/").await.status, 401);
}
