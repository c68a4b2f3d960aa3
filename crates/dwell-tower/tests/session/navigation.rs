//! Only page navigations are redirected, with the reason and the way back.

use dwell_core::minutes;
use dwell_testkit::TestResponse;
use dwell_tower::SessionTimeoutLayer;
use dwell_tower::idle::SessionRequirement;
use http::Method;

use crate::support::{Client, World, get_with, set_cookies, token};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml");
const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");

async fn page(client: &mut Client, path: &str) -> TestResponse {
    get_with(client, path, &[HTML, NAVIGATE]).await
}

fn assert_redirected(answer: &TestResponse, to: &str) {
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), Some(to));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.text(), "");
}

#[tokio::test]
async fn page_without_session_leads_to_login_and_back() {
    let world = World::new();
    let mut client = world.client();
    let answer = page(&mut client, "/accounts?page=2&sort=a%20b").await;
    let back = "%2Faccounts%3Fpage%3D2%26sort%3Da%2520b";
    assert_redirected(
        &answer,
        &format!("/login?reason=session_required&return_to={back}"),
    );
    assert_eq!(
        page(&mut client, "/login?reason=x").await.status,
        200,
        "which is served"
    );
}

#[tokio::test]
async fn page_of_ended_session_names_reason_and_removes_cookie() {
    let world = World::new();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    let answer = page(&mut client, "/").await;
    assert_redirected(&answer, "/login?reason=idle_timeout&return_to=%2F");
    assert!(set_cookies(&answer)[0].contains("Max-Age=0"));
}

#[tokio::test]
async fn page_that_needs_step_up_leads_to_reauthentication() {
    let world = World::new();
    let mut client = world.signed_in().await;
    let answer = page(&mut client, "/strong/transfer").await;
    let to = "/reauthenticate?reason=step_up_required&return_to=%2Fstrong%2Ftransfer";
    assert_redirected(&answer, to);
    assert_eq!(set_cookies(&answer), [""; 0]);
}

#[tokio::test]
async fn page_of_locked_session_leads_to_reauthentication() {
    let world = World::locking();
    let mut client = world.signed_in().await;
    world.clock.advance(minutes(15));
    let answer = page(&mut client, "/a").await;
    assert_redirected(
        &answer,
        "/reauthenticate?reason=session_locked&return_to=%2Fa",
    );
    assert_eq!(set_cookies(&answer), [""; 0]);
}

#[tokio::test]
async fn stack_with_one_page_uses_it_for_both() {
    let world = World::new();
    let stack = SessionTimeoutLayer::new(&world.manager)
        .with_login("/signin")
        .with_requirement(SessionRequirement::Required)
        .without_reaper();
    let mut client = world.client_of(&stack);
    client.set_cookie(crate::support::COOKIE, &token(&world.signed_in().await));
    let answer = page(&mut client, "/otp/x").await;
    assert_redirected(
        &answer,
        "/signin?reason=step_up_required&return_to=%2Fotp%2Fx",
    );
    client.clear_cookies();
    let answer = page(&mut client, "/otp/x").await;
    assert_redirected(
        &answer,
        "/signin?reason=session_required&return_to=%2Fotp%2Fx",
    );
}

#[tokio::test]
async fn stack_without_pages_redirects_nobody() {
    let world = World::new();
    let stack = SessionTimeoutLayer::new(&world.manager)
        .with_requirement(SessionRequirement::Required)
        .without_reaper();
    let answer = page(&mut world.client_of(&stack), "/").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (401, None)
    );
}

#[tokio::test]
async fn query_of_login_path_is_extended() {
    let world = World::new();
    let stack = SessionTimeoutLayer::new(&world.manager)
        .with_login("/login?tenant=a")
        .with_requirement(SessionRequirement::Required)
        .without_reaper();
    let answer = page(&mut world.client_of(&stack), "/x").await;
    assert_redirected(
        &answer,
        "/login?tenant=a&reason=session_required&return_to=%2Fx",
    );
    let served = page(&mut world.client_of(&stack), "/login?tenant=a&reason=x").await;
    assert_eq!(served.status, 200, "the login page is exempt");
}

#[tokio::test]
async fn only_navigations_are_redirected() {
    let world = World::new();
    let mut client = world.client();
    let redirected =
        async |client: &mut Client, method: Method, headers: &[(&'static str, &str)]| {
            let answer = client.send(method, "/x", headers, "").await;
            match answer.status.as_u16() {
                303 => true,
                401 => {
                    assert_eq!(answer.reason().as_deref(), Some("session_required"));
                    assert_eq!(answer.header("location"), None);
                    false
                }
                other => panic!("{other}"),
            }
        };
    let mode = |mode| ("sec-fetch-mode", mode);
    for (method, headers, expected) in [
        (Method::GET, vec![NAVIGATE], true),
        (Method::GET, vec![NAVIGATE, HTML], true),
        (Method::HEAD, vec![NAVIGATE], true),
        (Method::POST, vec![NAVIGATE, HTML], true),
        // An old browser without fetch metadata.
        (Method::GET, vec![HTML], true),
        (Method::HEAD, vec![HTML], true),
        (Method::POST, vec![HTML], false),
        // Fetches by a page, with any `Accept`.
        (Method::GET, vec![mode("cors"), HTML], false),
        (Method::GET, vec![mode("no-cors"), HTML], false),
        (Method::GET, vec![mode("same-origin"), HTML], false),
        (Method::GET, vec![mode("websocket"), HTML], false),
        (Method::GET, vec![("accept", "application/json")], false),
        (Method::GET, vec![("accept", "*/*")], false),
        (Method::GET, vec![], false),
    ] {
        let got = redirected(&mut client, method.clone(), &headers).await;
        assert_eq!(got, expected, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn n37_return_of_unsafe_request_names_its_method() {
    let world = World::new();
    let mut client = world.client();
    let to = "/login?reason=session_required&return_to=%2Ftransfer";
    for (method, suffix) in [
        (Method::GET, ""),
        (Method::HEAD, ""),
        (Method::POST, "&method=POST"),
        (Method::DELETE, "&method=DELETE"),
    ] {
        let answer = client.send(method, "/transfer", &[NAVIGATE], "a=1").await;
        assert_redirected(&answer, &format!("{to}{suffix}"));
    }
}

#[tokio::test]
async fn n37_return_never_leaves_this_origin() {
    let world = World::new();
    let mut client = world.client();
    for target in [
        "//evil.example/",
        "//evil.example/a?b=c",
        "///evil.example",
        "/a\u{5c}..\u{5c}b",
        "/\u{5c}evil.example/",
    ] {
        if target.parse::<http::Uri>().is_err() {
            continue;
        }
        let answer = page(&mut client, target).await;
        assert_redirected(&answer, "/login?reason=session_required");
    }
    let long = format!("/{}", "a".repeat(2_048));
    let answer = page(&mut client, &long).await;
    assert_redirected(&answer, "/login?reason=session_required");
    // A target with an origin is reduced to its path.
    let answer = page(&mut client, "https://evil.example/accounts?a=1").await;
    let to = "/login?reason=session_required&return_to=%2Faccounts%3Fa%3D1";
    assert_redirected(&answer, to);
    // A path or query can add no parameter and no header field.
    let answer = page(
        &mut client,
        "/a?x=1&return_to=//evil.example&reason=none%0d%0aX:y",
    )
    .await;
    let location = answer.header("location").unwrap();
    assert_eq!(location.matches("return_to=").count(), 1, "{location}");
    assert_eq!(location.matches("reason=").count(), 1, "{location}");
    assert_eq!(location.matches('&').count(), 1, "{location}");
}
