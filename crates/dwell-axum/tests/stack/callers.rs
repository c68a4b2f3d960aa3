//! Refusals in the form that each caller acts on (N80).

use axum::Router;
use axum::routing::{get, post};
use dwell_axum::dwell_tower::rejection::Caller;
use dwell_axum::*;
use dwell_testkit::TestResponse;
use http::Method;

use crate::support::{Client, World, get_with, outcome};

const HTML: (&str, &str) = ("accept", "text/html, application/xhtml+xml");
const CORS: (&str, &str) = ("sec-fetch-mode", "cors");
const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
const LOGIN: &str = "/login?reason=session_required&return_to=";

fn routes() -> Router {
    Router::new().route(
        "/part",
        get(async |_: Session| "part").post(async |_: Session| "sent"),
    )
}

fn location(answer: &TestResponse) -> Option<&str> {
    answer.header("location").or(answer.header("hx-redirect"))
}

#[tokio::test]
async fn n80_htmx_is_sent_to_login_and_back_to_its_page() {
    let mut nobody = World::new().client(routes());
    let page = ("hx-current-url", "https://bank.example/accounts?page=2");
    let htmx = [("hx-request", "true"), CORS, page];
    for answer in [
        get_with(&mut nobody, "/part", &htmx).await,
        nobody.send(Method::POST, "/part", &htmx, "").await,
    ] {
        assert_eq!(
            outcome(&answer),
            "401 session_required",
            "no redirect that it follows"
        );
        let to = format!("{LOGIN}%2Faccounts%3Fpage%3D2");
        assert_eq!(answer.header("hx-redirect"), Some(&*to));
        assert_eq!(answer.header("location"), None);
    }
}

#[tokio::test]
async fn n80_odd_page_of_htmx_leads_back_to_no_other_origin() {
    let mut nobody = World::new().client(routes());
    let long = format!("https://bank.example/{}", "a".repeat(8_192));
    for (page, back) in [
        ("https://evil.example//evil.example", ""),
        ("https://bank.example/\\evil", ""),
        ("not a url", "&return_to=%2Fpart"),
        ("", "&return_to=%2Fpart"),
        (long.as_str(), ""),
        ("https://bank.example", "&return_to=%2F"),
    ] {
        let htmx = [("hx-request", "true"), ("hx-current-url", page)];
        let answer = get_with(&mut nobody, "/part", &htmx).await;
        let to = answer.header("hx-redirect").unwrap().to_owned();
        let got = to.strip_prefix("/login?reason=session_required").unwrap();
        assert!(got == back || got == "&return_to=%2Fpart", "{page}: {to}");
        assert!(!got.contains("evil"), "{to}");
    }
}

#[tokio::test]
async fn n80_htmx_reloads_where_no_page_is_set() {
    let world = World::new();
    let bare = session_timeout(&world.manager).without_reaper();
    let mut nobody = crate::support::client(routes().layer(bare));
    let answer = get_with(&mut nobody, "/part", &[("hx-request", "true")]).await;
    assert_eq!(outcome(&answer), "401 session_required");
    assert_eq!(answer.header("hx-refresh"), Some("true"));
}

#[tokio::test]
async fn n80_htmx_is_not_led_away_while_store_is_down() {
    let world = World::remote();
    let mut alice = world.alice(routes()).await;
    world.store.fail();
    let answer = get_with(&mut alice, "/part", &[("hx-request", "true")]).await;
    assert_eq!(outcome(&answer), "503 store_unavailable");
    assert_eq!(
        (location(&answer), answer.header("hx-refresh")),
        (None, None)
    );
}

#[tokio::test]
async fn n80_turbo_follows_redirect_and_breaks_out_of_frame() {
    let mut nobody = World::new().client(routes());
    let visit = [HTML, CORS, ("x-turbo-request-id", "1")];
    let answer = get_with(&mut nobody, "/part", &visit).await;
    assert_eq!(answer.status, 303);
    assert_eq!(location(&answer), Some(&*format!("{LOGIN}%2Fpart")));
    let frame = [
        HTML,
        CORS,
        ("x-turbo-request-id", "1"),
        ("turbo-frame", "messages"),
    ];
    let answer = get_with(&mut nobody, "/part", &frame).await;
    assert_eq!((answer.status.as_u16(), location(&answer)), (401, None));
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let reload = r#"<meta name="turbo-visit-control" content="reload">"#;
    assert!(answer.text().contains(reload), "{}", answer.text());
}

#[tokio::test]
async fn n80_programs_get_problem_details_whatever_they_accept() {
    let mut nobody = World::new().client(routes());
    for headers in [
        &[HTML, CORS][..],
        &[("accept", "*/*")],
        &[("accept", "application/json")],
        // A proxy asks whether it may pass a page on.
        &[HTML, NAVIGATE, ("x-original-uri", "/accounts")],
        &[
            HTML,
            NAVIGATE,
            ("x-original-url", "https://bank.example/accounts"),
        ],
        &[HTML, NAVIGATE, ("x-forwarded-uri", "/accounts")],
        &[("hx-request", "false")],
    ] {
        let answer = get_with(&mut nobody, "/part", headers).await;
        assert_eq!(outcome(&answer), "401 session_required", "{headers:?}");
        assert_eq!(location(&answer), None, "{headers:?}");
        assert!(answer.header("www-authenticate").is_some());
    }
    let page = get_with(&mut nobody, "/part", &[HTML, NAVIGATE]).await;
    assert_eq!(page.status, 303, "a page still leads on");
}

#[tokio::test]
async fn n80_hook_changes_how_callers_are_recognized() {
    let mut world = World::new();
    world.stack = world.stack.clone().with_callers(|request| {
        match request.headers.contains_key("x-up-version") {
            true => Caller::Page,
            false => Caller::of(request),
        }
    });
    let mut nobody: Client = world.client(routes());
    let unpoly = [("x-up-version", "3"), CORS];
    assert_eq!(get_with(&mut nobody, "/part", &unpoly).await.status, 303);
    assert_eq!(get_with(&mut nobody, "/part", &[CORS]).await.status, 401);
    // Every refusal of the stack, also those of routes.
    let strong = privileged(AuthenticationRequirement::within(minutes(1)));
    let mut alice = world
        .alice(Router::new().route("/strong", post(async || ()).layer(strong)))
        .await;
    world.clock.advance(minutes(2));
    let answer = alice.send(Method::POST, "/strong", &unpoly, "").await;
    let to = "/reauthenticate?reason=step_up_required&return_to=%2Fstrong&method=POST";
    assert_eq!((answer.status.as_u16(), location(&answer)), (303, Some(to)));
}
