//! `LoginSession`: login and re-authentication pages with a live, locked or ended
//! session.

use axum::Router;
use axum::routing::{get, post};
use dwell_axum::*;
use http::Method;

use crate::support::{
    COOKIE, Client, World, client, locking_policies, outcome, policies, removes_cookie,
    set_cookies, token, verdict,
};

type Done = Result<(), SessionError>;

/// What a page sees of the request's session.
async fn show(login: LoginSession) -> String {
    let subject = login.subject().map_or("nobody", SubjectId::as_str);
    let reason = login.end_reason().map_or("none", EndReason::as_str);
    format!("{subject} locked={} ended={reason}", login.is_locked())
}

/// `GET` shows what the page sees; `POST /reauthenticate` counts a failure if the
/// body says so.
fn app(world: &World) -> Client {
    let reauthenticate = async |login: LoginSession, body: String| match &*body {
        "fail" => login
            .reauthentication_failed()
            .await
            .map(|over| over.to_string()),
        acr => {
            login
                .reauthenticated(
                    AuthenticationContext::none()
                        .with_acr(acr)
                        .with_amr(["pwd"]),
                )
                .await?;
            Ok(login
                .subject()
                .map_or_else(String::new, ToString::to_string))
        }
    };
    let app = Router::new()
        .route("/login", get(show).post(crate::support::login))
        .route("/reauthenticate", post(reauthenticate))
        .route("/poll", get(async |_: Session| ()).layer(passive()))
        .route("/elsewhere", get(show));
    client(app.layer(world.stack.clone()))
}

async fn alice(world: &World) -> Client {
    crate::support::signed_in(app(world), "alice").await
}

#[tokio::test]
async fn login_page_sees_state_of_session() {
    let world = World::with(locking_policies());
    let mut nobody = app(&world);
    assert_eq!(
        nobody.get("/login").await.text(),
        "nobody locked=false ended=none"
    );
    nobody.set_cookie(COOKIE, Token::generate().unwrap().expose());
    assert_eq!(
        nobody.get("/login").await.text(),
        "nobody locked=false ended=none"
    );

    let mut alice = alice(&world).await;
    assert_eq!(
        alice.get("/login").await.text(),
        "alice locked=false ended=none"
    );
    assert_eq!(
        alice.get("/elsewhere").await.text(),
        "alice locked=false ended=none"
    );
    world.clock.advance(minutes(15));
    assert_eq!(
        alice.get("/login").await.text(),
        "alice locked=true ended=none"
    );
    world.clock.advance(minutes(30));
    let dead = token(&alice);
    assert_eq!(
        alice.get("/login").await.text(),
        "nobody locked=false ended=idle_timeout"
    );
    // The store has recorded the end by now.
    alice.set_cookie(COOKIE, &dead);
    assert_eq!(
        alice.get("/login").await.text(),
        "nobody locked=false ended=idle_timeout"
    );
}

#[tokio::test]
async fn n86_login_page_needs_not_be_named() {
    let world = World::new();
    let mut alice = alice(&world).await;
    world.clock.advance(minutes(15));
    let page = alice.get("/elsewhere").await;
    assert_eq!(page.text(), "nobody locked=false ended=idle_timeout");
    assert!(set_cookies(&page).is_empty());
}

#[tokio::test]
async fn n31_login_starts_session_with_new_deadlines() {
    let world = World::new();
    let mut first = alice(&world).await;
    world.clock.advance(minutes(10));
    let mut second = alice(&world).await;
    assert_ne!(token(&first), token(&second));
    let absolute = |client: &Client| world.record(client).facts.absolute_deadline;
    assert_eq!(absolute(&second) - absolute(&first), minutes(10));
    // The same client again: a new session replaces the old one.
    let old = token(&second);
    world.clock.advance(minutes(1));
    assert_eq!(second.post("/login", "alice").await.status, 200);
    assert_ne!(token(&second), old);
    assert_eq!(absolute(&second) - absolute(&first), minutes(11));
    assert_eq!(world.events.ends(), [EndReason::Superseded]);
    assert_eq!(verdict(&mut first).await, "ok");
}

#[tokio::test]
async fn l13_login_after_timeout_keeps_old_sessions_reason() {
    let world = World::new();
    let mut alice = alice(&world).await;
    let mut tab = alice.clone();
    world.clock.advance(minutes(15));
    let answer = alice.post("/login", "alice").await;
    assert_eq!(outcome(&answer), "ok");
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_eq!(world.events.ends(), [EndReason::IdleTimeout]);
    // N47: the other tab's late answer leaves the new cookie alone.
    let late = tab.get("/poll").await;
    assert_eq!(outcome(&late), "401 idle_timeout");
    assert!(set_cookies(&late).is_empty());
}

#[tokio::test]
async fn l10_client_never_chooses_its_token() {
    let world = World::new();
    let mut client = app(&world);
    let chosen = Token::generate().unwrap();
    client.set_cookie(COOKIE, chosen.expose());
    assert_eq!(client.post("/login", "alice").await.status, 200);
    assert_ne!(token(&client), chosen.expose());
    client.set_cookie(COOKIE, chosen.expose());
    assert_eq!(verdict(&mut client).await, "401 session_required");
}

#[tokio::test]
async fn login_returns_token_set_in_cookie() {
    let start = async |login: LoginSession| -> Result<String, SessionError> {
        let token = login.start(NewSession::new("alice")).await?;
        Ok(token.expose().to_owned())
    };
    let world = World::new();
    let mut alice = world.client(Router::new().route("/start", post(start)));
    let answer = alice.post("/start", "").await;
    assert_eq!(answer.text(), token(&alice));
    let expected = format!(
        "{COOKIE}={}; HttpOnly; SameSite=Lax; Secure; Path=/",
        answer.text()
    );
    assert_eq!(set_cookies(&answer), [expected]);
    // No cache may keep an answer with a session cookie.
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn login_under_unknown_policy_starts_nothing() {
    let start = async |login: LoginSession| -> Done {
        login
            .start(NewSession::new("alice").with_policy("nosuch"))
            .await?;
        Ok(())
    };
    let world = World::new();
    let mut alice = world
        .alice(Router::new().route("/start", post(start)))
        .await;
    let answer = alice.post("/start", "").await;
    assert_eq!(outcome(&answer), "500 session_error");
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(verdict(&mut alice).await, "ok");
    assert_eq!(world.memory.len(), 1);
}

#[tokio::test]
async fn reauthentication_opens_lock_with_new_token() {
    let world = World::with(locking_policies());
    let mut alice = alice(&world).await;
    let old = token(&alice);
    world.clock.advance(minutes(44));
    assert_eq!(verdict(&mut alice).await, "401 session_locked");
    world.events.clear();
    let answer = alice.post("/reauthenticate", "aal1").await;
    assert_eq!(answer.text(), "alice");
    assert_ne!(token(&alice), old);
    assert_eq!(
        answer.header("session-timeout"),
        Some("idle=900, absolute=26160, warn=60")
    );
    assert_eq!(
        world.events.kinds(),
        [
            EventKind::StepUpSucceeded,
            EventKind::SessionUnlocked,
            EventKind::SessionRotated
        ]
    );
    let events = world.events.events();
    assert_eq!(events[1].route.as_deref(), Some("/reauthenticate"));
    assert_eq!(verdict(&mut alice).await, "ok");
}

#[tokio::test]
async fn n34_other_subjects_login_gets_nothing_of_locked_session() {
    let world = World::with(locking_policies());
    let mut alice = alice(&world).await;
    let mut tab = alice.clone();
    world.clock.advance(minutes(20));
    assert_eq!(alice.post("/login", "mallory").await.status, 200);
    assert_eq!(
        alice.get("/login").await.text(),
        "mallory locked=false ended=none"
    );
    assert_eq!(verdict(&mut tab).await, "401 superseded");
    assert_eq!(world.events.count(EventKind::SessionUnlocked), 0);
}

#[tokio::test]
async fn reauthentication_without_session_is_401() {
    let world = World::new();
    let mut nobody = app(&world);
    for body in ["aal2", "fail"] {
        let answer = nobody.post("/reauthenticate", body).await;
        assert_eq!(outcome(&answer), "401 session_required", "{body}");
        assert!(set_cookies(&answer).is_empty());
    }
    let mut alice = alice(&world).await;
    world.clock.advance(minutes(15));
    let answer = alice.post("/reauthenticate", "aal2").await;
    assert_eq!(answer.status, 401);
    assert!(set_cookies(&answer).is_empty());
    assert_eq!(world.events.count(EventKind::StepUpSucceeded), 0);
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
}

#[tokio::test]
async fn too_many_failures_end_locked_session() {
    let few = |memory, _| {
        SessionManager::builder(memory, locking_policies()).max_failed_reauthentications(3)
    };
    let world = World::over(few);
    let mut alice = alice(&world).await;
    world.clock.advance(minutes(15));
    assert_eq!(alice.post("/reauthenticate", "fail").await.text(), "false");
    assert_eq!(alice.post("/reauthenticate", "fail").await.text(), "false");
    let mut tab = alice.clone();
    let answer = alice.post("/reauthenticate", "fail").await;
    assert_eq!(answer.text(), "true");
    assert!(removes_cookie(&answer));
    assert_eq!(verdict(&mut tab).await, "401 reauthentication_failed");
}

#[tokio::test]
async fn l02_viewing_login_page_neither_opens_nor_prolongs_lock() {
    let world = World::with(locking_policies());
    let mut alice = alice(&world).await;
    world.clock.advance(minutes(15));
    for _ in 0..29 {
        world.clock.advance(minutes(1));
        assert_eq!(
            alice.get("/login").await.text(),
            "alice locked=true ended=none"
        );
        let head = alice.send(Method::HEAD, "/login", &[], "").await;
        assert_eq!(head.header("session-timeout"), None);
    }
    world.clock.advance(minutes(1));
    assert_eq!(verdict(&mut alice).await, "401 idle_timeout");
}

#[tokio::test]
async fn viewing_login_page_keeps_live_session() {
    let world = World::with(policies());
    let mut alice = alice(&world).await;
    assert_eq!(alice.get("/login").await.status, 200);
    assert_eq!(verdict(&mut alice).await, "ok");
}
