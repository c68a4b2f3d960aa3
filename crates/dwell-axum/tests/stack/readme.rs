//! The README's program does what the README says.

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use dwell_axum::Session;
use dwell_axum::prelude::*;

use crate::support::{
    Client, World, client, document, get_with, idle_left, outcome, removes_cookie,
};

/// The README's program without the clock and the listener. A test compares its
/// lines with the README.
#[rustfmt::skip]
fn program(world: &World) -> Router {
    let sessions = world.manager.clone();
    let recent = AuthenticationRequirement::within(minutes(5));
    Router::new()
        .route("/login", get(login_page).post(login))
        .route("/", get(async |s: Session| format!("Hello {}", s.subject())))
        .route("/notifications", get(async |_: Session| "none").layer(passive()))
        .route("/transfer", post(async |_: Session| "done").layer(privileged(recent)))
        .merge(session_endpoints())
        .layer(session_timeout(&sessions).with_login("/login"))
}

async fn login_page() -> Html<&'static str> {
    Html(r#"<form method="post" action="/login"><button>Sign in</button></form>"#)
}

async fn login(login: LoginSession) -> Result<Redirect, SessionError> {
    login.start(NewSession::new("alice")).await?; // after checking the password
    Ok(Redirect::to("/"))
}

/// The program's reaper is left out: clients see no difference.
async fn alice() -> (World, Client) {
    let world = World::with(
        PolicySet::simple(Timeouts {
            idle: minutes(15),
            absolute: hours(8),
        })
        .unwrap(),
    );
    let mut alice = client(program(&world));
    assert_eq!(alice.post("/login", "").await.status, 303);
    (world, alice)
}

#[test]
fn tested_program_is_the_readmes() {
    let readme = include_str!("../../../../README.md");
    let here = include_str!("readme.rs");
    let (_, rest) = readme.split_once("```rust").expect("a program");
    let (program, _) = rest.split_once("```").expect("its end");
    let lines: Vec<_> = program.lines().map(str::trim).collect();
    let from = |start: &str| lines.iter().position(|line| line.starts_with(start));
    let router = &lines[from("let recent").unwrap()..from("let listener").unwrap()];
    let imports = lines.iter().filter(|line| line.starts_with("use "));
    let handler = &lines[from("async fn login_page").unwrap()..];
    let same = |line: &str| {
        line.trim_start_matches("let app = ")
            .trim_end_matches(';')
            .to_owned()
    };
    let ours: Vec<_> = here.lines().map(|line| same(line.trim())).collect();
    for line in router.iter().chain(handler).chain(imports) {
        assert!(ours.contains(&same(line)), "not tested here: {line}");
    }
    assert!(
        program.contains("PolicySet::simple(Timeouts { idle: minutes(15), absolute: hours(8) })")
    );
}

#[tokio::test]
async fn routes_with_extractor_refuse_missing_session() {
    let (world, mut alice) = alice().await;
    let mut nobody = client(program(&world));
    for path in ["/", "/notifications", "/session"] {
        assert_eq!(
            outcome(&nobody.get(path).await),
            "401 session_required",
            "{path}"
        );
    }
    for path in ["/transfer", "/session/extend"] {
        assert_eq!(
            outcome(&nobody.post(path, "").await),
            "401 session_required",
            "{path}"
        );
    }
    assert_eq!(alice.get("/").await.text(), "Hello alice");
    assert_eq!(alice.get("/notifications").await.text(), "none");
    assert_eq!(alice.post("/transfer", "").await.text(), "done");
}

#[tokio::test]
async fn dead_session_leads_to_login_page_and_in_again() {
    let (world, mut alice) = alice().await;
    let navigate = [("sec-fetch-mode", "navigate")];
    world.clock.advance(minutes(15));
    let sent = get_with(&mut alice.clone(), "/", &navigate).await;
    assert_eq!(sent.status, 303);
    let login = "/login?reason=idle_timeout&return_to=%2F";
    assert_eq!(sent.header("location"), Some(login));
    // Its cookie still there, as in another tab.
    let page = get_with(&mut alice, login, &navigate).await;
    assert!(
        page.text()
            .contains(r#"<form method="post" action="/login">"#)
    );
    let answer = alice.post("/login", "").await;
    assert_eq!(answer.header("location"), Some("/"));
    assert_eq!(alice.get("/").await.text(), "Hello alice");
}

#[tokio::test]
async fn polled_notifications_keep_nobody_signed_in() {
    let (world, mut alice) = alice().await;
    for _ in 0..14 {
        world.clock.advance(minutes(1));
        assert_eq!(alice.get("/notifications").await.status, 200);
    }
    world.clock.advance(minutes(1));
    assert_eq!(
        outcome(&alice.get("/notifications").await),
        "401 idle_timeout"
    );
}

#[tokio::test]
async fn transfer_requires_authentication_under_five_minutes() {
    let (world, mut alice) = alice().await;
    let moment = std::time::Duration::from_millis(1);
    world.clock.advance(minutes(5) - moment);
    assert_eq!(alice.post("/transfer", "").await.status, 200);
    world.clock.advance(moment);
    assert_eq!(
        outcome(&alice.post("/transfer", "").await),
        "401 step_up_required"
    );
    // A new login is a recent authentication.
    assert_eq!(alice.post("/login", "").await.status, 303);
    assert_eq!(alice.post("/transfer", "").await.status, 200);
}

#[tokio::test]
async fn session_endpoints_answer_extend_and_sign_out() {
    let (world, mut alice) = alice().await;
    world.clock.advance(minutes(14));
    assert_eq!(
        document(&alice.get("/session").await)["remaining_ms"],
        60_000
    );
    assert_eq!(alice.post("/session/extend", "").await.status, 200);
    assert_eq!(
        document(&alice.get("/session").await)["remaining_ms"],
        900_000
    );
    let answer = alice.post("/session/end", "").await;
    assert_eq!(answer.status, 204);
    assert!(removes_cookie(&answer));
    assert_eq!(outcome(&alice.get("/").await), "401 session_required");
}

#[tokio::test]
async fn answers_to_session_carry_time_left() {
    let (world, mut alice) = alice().await;
    for _ in 0..2 {
        world.clock.advance(seconds(14 * 60 + 30));
        assert_eq!(idle_left(&alice.get("/").await), 900);
    }
    world.clock.advance(minutes(1));
    let outcome = Some("idle=840, absolute=27000, warn=60");
    let passive = [("session-activity", "passive")];
    for path in ["/notifications", "/session", "/"] {
        let answer = get_with(&mut alice, path, &passive).await;
        assert_eq!(answer.header("session-timeout"), outcome, "{path}");
    }
    // A shared cache may keep a public page.
    let public = get_with(&mut alice, "/nowhere", &passive).await;
    assert_eq!(public.header("session-timeout"), None);
    // A refused step-up carries the field, too.
    let refused = alice.post("/transfer", "").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("session-timeout"), outcome);
}

#[tokio::test]
async fn activity_extends_session_until_absolute_timeout() {
    let (world, mut alice) = alice().await;
    for _ in 0..47 {
        world.clock.advance(minutes(10));
        assert_eq!(alice.get("/").await.status, 200);
    }
    world.clock.advance(minutes(10));
    assert_eq!(outcome(&alice.get("/").await), "401 absolute_timeout");
}
