//! session-guard with its store in memory and its defaults.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use session_guard::{
    AuthSession, ClientContext, Guard, GuardConfig, GuardError, ManualClock, MemoryStore,
    NewSession, Sessions,
};

use crate::contender::{self, Tower, expect};
use crate::traffic::Kind;

/// A guard of subjects that are text.
pub type SubjectGuard = Guard<MemoryStore, String>;

/// A guard with its defaults.
pub fn new() -> SubjectGuard {
    Guard::builder(MemoryStore::new(), GuardConfig::default())
        .subject::<String>()
        .build()
}

/// The layer checks the session, the handler extracts it.
pub fn guard() -> Router {
    guard_over(new())
}

/// The same over sessions that are there already.
pub fn guard_over(guard: SubjectGuard) -> Router {
    Router::new()
        .route("/", get(page))
        .layer(guard.layer())
        .route("/login", get(login))
        .with_state(guard)
}

async fn page(session: AuthSession<String>) -> &'static str {
    assert!(!session.subject.is_empty());
    "ok"
}

async fn login(
    sessions: Sessions<MemoryStore, String>,
) -> Result<(NewSession, &'static str), GuardError> {
    Ok((sessions.login(&"subject1".to_owned()).await?, "ok"))
}

/// Starts a session and gives its cookie.
pub async fn start(guard: &SubjectGuard, subject: &str) -> String {
    let client = ClientContext::new(IpAddr::from([10, 50, 1, 1]));
    let client = client.with_user_agent("Mozilla/5.0 (X11; Linux x86_64)");
    let login = guard.login(&subject.to_owned(), &client, None).await;
    let token = login.expect("a session starts").token;
    let cookie = token.set_cookie().to_string();
    let cookie = cookie.split(';').next().unwrap_or_default();
    cookie.to_owned()
}

/// Sliding slides, and the idle timeout ends what is idle.
pub fn verify() -> Result<(), String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let clock = ManualClock::default();
    let guard = Guard::builder(MemoryStore::new(), GuardConfig::default())
        .clock(clock.clone())
        .subject::<String>()
        .build();
    let make = || guard_over(guard);
    let mut app = Tower::axum(make, contender::Session::Required, Kind::default());
    app = app.logged_in(1);
    // The default idle timeout is a week. Tokens rotate, so the new one counts.
    for _ in 0..3 {
        clock.advance(6 * DAY);
        let answer = app.send_next();
        expect("within the idle timeout", answer.status(), true)?;
        if let Some(cookie) = contender::cookie_of(&answer) {
            app = app.with_cookies(vec![cookie]);
        }
    }
    clock.advance(8 * DAY);
    expect("after the idle timeout", app.status(), false)
}
