//! Commands that fail, and a store that fails in the middle of one.

use std::error::Error;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::post;
use dwell_axum::dwell_core::store::StoreError;
use dwell_axum::*;
use dwell_test_support::Log;
use dwell_testkit::{FaultyStore, TestResponse};

use crate::support::{
    Client, World, locking_policies, outcome, set_cookies, signed_in, token, verdict,
};

#[tokio::test]
async fn n95_command_errors_become_answers_with_detail_and_cause() {
    let (log, _guard) = Log::keep();
    for (error, expected) in [
        (
            CommandError::Store(StoreError::unavailable("away")),
            "503 store_unavailable",
        ),
        (
            CommandError::Store(StoreError::Timeout(seconds(2))),
            "503 store_unavailable",
        ),
        (CommandError::Gone, "401 session_required"),
        (CommandError::NoSession, "401 session_required"),
        (CommandError::TooManySessions, "409 too_many_sessions"),
        (CommandError::Conflict, "500 session_error"),
        (CommandError::AdoptedSession, "500 session_error"),
        (
            CommandError::UnknownPolicy("nosuch".into()),
            "500 session_error",
        ),
    ] {
        let cause = match &error {
            CommandError::Store(StoreError::Unavailable(_)) => "unavailable: away".to_owned(),
            error => error.to_string().escape_debug().to_string(),
        };
        let message = error.to_string();
        let error = SessionError::from(error);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.source().expect("a source").to_string(), message);
        let (parts, body) = error.into_response().into_parts();
        let answer = TestResponse {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, 10_000).await.unwrap(),
        };
        assert_eq!(outcome(&answer), expected, "{message}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let status = answer.status.as_u16();
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert!(
            answer.text().contains(r#","detail":""#),
            "{}",
            answer.text()
        );
        let level = match status {
            500 => Some("ERROR"),
            503 => Some("WARN"),
            _ => None,
        };
        let logged = log.take();
        assert_eq!(
            logged.lines().count(),
            usize::from(level.is_some()),
            "{logged}"
        );
        let named = |level| logged.contains(level) && logged.contains(&cause);
        assert!(level.is_none_or(named), "{logged}");
        // The internal cause is for the log only.
        assert!(!answer.text().contains("nosuch") && !answer.text().contains("away"));
    }
}

const COMMANDS: [&str; 12] = [
    "start",
    "end",
    "rotate",
    "reauthenticated",
    "begin_reauthentication",
    "reauthentication_failed",
    "extend",
    "active_ago",
    "list",
    "end_one",
    "end_others",
    "end_all",
];

async fn run(session: &Session, command: &str) -> Result<(), SessionError> {
    match command {
        "start" => session.start(NewSession::new("bob")).await.map(|_| ()),
        "end" => session.sign_out().await,
        "rotate" => session.rotate().await,
        "reauthenticated" => {
            session
                .reauthenticated(
                    AuthenticationContext::none()
                        .with_acr("aal2")
                        .with_amr(["otp"]),
                )
                .await
        }
        "begin_reauthentication" => session.begin_reauthentication().await.map(|_| ()),
        "reauthentication_failed" => session.reauthentication_failed().await.map(|_| ()),
        "extend" => session.extend().await,
        "active_ago" => session.active_ago(seconds(1)).await,
        "list" => session.list().await.map(|_| ()),
        "end_one" => {
            let own = session.reference().expect("the session is there");
            session.revoke(Which::One(own)).await.map(|_| ())
        }
        "end_others" => session.revoke(Which::Others).await.map(|_| ()),
        "end_all" => session.revoke(Which::All).await.map(|_| ()),
        other => panic!("unknown command {other}"),
    }
}

/// Runs a command whose store fails once the request is admitted.
fn routes(faulty: &FaultyStore, fault: fn(&FaultyStore)) -> Router {
    let faulty = faulty.clone();
    let command = async move |Path(command): Path<String>, session: Session| {
        fault(&faulty);
        run(&session, &command).await
    };
    Router::new().route("/do/{command}", post(command))
}

async fn assert_unharmed(world: &World, alice: &mut Client, command: &str) {
    let (before, shown) = (world.record(alice), token(alice));
    world.events.clear();
    let answer = alice.post(&format!("/do/{command}"), "").await;
    assert_eq!(outcome(&answer), "503 store_unavailable", "{command}");
    assert_eq!(answer.header("retry-after"), Some("5"), "{command}");
    assert!(set_cookies(&answer).is_empty(), "{command}");
    world.store.heal();
    world.stack.flush().await;
    assert_eq!(world.record(alice), before, "{command}");
    assert_eq!(world.events.ends(), [], "{command}");
    assert_eq!(token(alice), shown, "{command}");
    assert_eq!(verdict(alice).await, "ok", "{command}");
}

#[tokio::test]
async fn l08_command_with_failing_store_is_503() {
    for command in COMMANDS {
        let world = World::remote();
        let routes = routes(&world.store, FaultyStore::fail);
        let mut alice = world.alice(routes).await;
        world.clock.advance(minutes(10));
        assert_unharmed(&world, &mut alice, command).await;
    }
}

#[tokio::test(start_paused = true)]
async fn l08_command_with_hanging_store_is_503() {
    for command in COMMANDS {
        let world = World::remote();
        let routes = routes(&world.store, FaultyStore::hang);
        let mut alice = world.alice(routes).await;
        world.clock.advance(minutes(10));
        assert_unharmed(&world, &mut alice, command).await;
    }
}

#[tokio::test]
async fn l08_login_with_failing_store_is_503_and_starts_nothing() {
    let world = World::remote();
    let login = {
        let faulty = world.store.clone();
        async move |login: LoginSession| {
            faulty.fail();
            login.start(NewSession::new("alice")).await.map(|_| ())
        }
    };
    let mut alice = world.client(Router::new().route("/fail", post(login)));
    let answer = alice.post("/fail", "").await;
    assert_eq!(outcome(&answer), "503 store_unavailable");
    assert!(set_cookies(&answer).is_empty());
    assert!(world.memory.is_empty());
    assert_eq!(world.events.kinds(), []);
}

/// A world whose store fails as soon as this has happened.
fn away_after(kind: EventKind) -> World {
    World::over(|_, faulty| {
        let store = faulty.clone();
        let fail = move |event: &Event| {
            if event.event == kind {
                store.fail();
            }
        };
        SessionManager::builder(faulty, crate::support::policies()).observer(fail)
    })
}

/// Asserts that the whole change has happened, or none of it.
async fn assert_a_login_is_whole(away_after_this: EventKind, subject: &str) {
    let world = away_after(away_after_this);
    let mut alice = world.alice(Router::new()).await;
    world.store.heal();
    let mut before = alice.clone();
    let answer = alice.post("/login", subject).await;
    world.store.heal();
    if answer.status.is_success() {
        assert_eq!(alice.get("/").await.text(), subject);
        return;
    }
    assert_eq!(outcome(&answer), "503 store_unavailable");
    assert!(
        set_cookies(&answer).is_empty(),
        "{:?}",
        set_cookies(&answer)
    );
    assert_eq!(before.get("/").await.text(), "alice");
    assert_eq!(world.memory.len(), 1);
}

#[tokio::test]
async fn l08_login_replacing_own_session_is_atomic() {
    assert_a_login_is_whole(EventKind::SessionCreated, "alice").await;
    assert_a_login_is_whole(EventKind::SessionExpired, "alice").await;
}

#[tokio::test]
async fn l08_login_replacing_other_session_is_atomic() {
    assert_a_login_is_whole(EventKind::SessionExpired, "bob").await;
    assert_a_login_is_whole(EventKind::SessionCreated, "bob").await;
}

#[tokio::test]
async fn interrupted_end_of_all_sessions_is_503_and_repeatable() {
    let world = away_after(EventKind::SessionExpired);
    let mut laptop = world.alice(routes(&world.store, |_| ())).await;
    let mut phone = world.alice(Router::new()).await;
    let mut tablet = world.alice(Router::new()).await;
    // The store fails when the others have ended.
    let answer = laptop.post("/do/end_all", "").await;
    assert_eq!(outcome(&answer), "503 store_unavailable");
    assert!(set_cookies(&answer).is_empty());
    world.store.heal();
    assert_eq!(verdict(&mut laptop).await, "ok");
    assert_eq!(laptop.post("/do/end_all", "").await.status, 200);
    world.store.heal();
    assert_eq!(verdict(&mut phone).await, "401 revoked");
    assert_eq!(verdict(&mut tablet).await, "401 revoked");
    assert_eq!(world.events.ends(), [EndReason::Revoked; 3]);
}

#[tokio::test]
async fn n23_store_outage_keeps_cookie_and_identity() {
    let world = World::remote();
    let who = async |s: Option<Session>| s.map_or("nobody", |_| "somebody");
    let mut alice = world
        .alice(Router::new().route("/who", axum::routing::get(who)))
        .await;
    world.store.fail();
    for path in ["/who", "/", "/session", "/poll"] {
        let answer = alice.get(path).await;
        assert_eq!(outcome(&answer), "503 store_unavailable", "{path}");
        assert!(answer.header("retry-after").is_some(), "{path}");
        assert!(set_cookies(&answer).is_empty(), "{path}");
    }
    world.store.heal();
    assert_eq!(alice.get("/who").await.text(), "somebody");
    assert_eq!(world.events.count(EventKind::StoreUnavailable), 4);
}

#[tokio::test]
async fn lock_stays_closed_during_store_outage() {
    let world = World::over(|_, faulty| SessionManager::builder(faulty, locking_policies()));
    let fail = {
        let faulty = world.store.clone();
        async move |login: LoginSession| {
            faulty.fail();
            login
                .reauthenticated(
                    AuthenticationContext::none()
                        .with_acr("aal2")
                        .with_amr(["otp"]),
                )
                .await
        }
    };
    let app = Router::new()
        .route("/login", post(crate::support::login).layer(passive()))
        .route("/reauthenticate", post(fail))
        .route("/poll", axum::routing::get(async |_: Session| ()));
    let app = crate::support::client(app.layer(world.stack.clone()));
    let mut alice = signed_in(app, "alice").await;
    world.clock.advance(minutes(15));
    let answer = alice.post("/reauthenticate", "").await;
    assert_eq!(outcome(&answer), "503 store_unavailable");
    world.store.heal();
    assert_eq!(verdict(&mut alice).await, "401 session_locked");
}
