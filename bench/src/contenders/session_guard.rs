//! session-guard with its store in memory and its defaults.

use axum::Router;
use axum::routing::get;
use session_guard::{
    AuthSession, ClientContext, Guard, GuardConfig, GuardError, MemoryStore, NewSession, Sessions,
};

use crate::contender::Contender;

type SubjectGuard = Guard<MemoryStore, String>;

fn new_guard() -> SubjectGuard {
    Guard::builder(MemoryStore::new(), GuardConfig::default())
        .subject::<String>()
        .build()
}

/// The layer checks the session, the handler extracts it.
pub fn guard() -> Contender {
    let guard = new_guard();
    let router = Router::new()
        .route("/", get(page))
        .layer(guard.layer())
        .route("/login", get(login))
        .with_state(guard);
    Contender::log_in(router)
}

async fn page(session: AuthSession<String>) -> &'static str {
    assert_eq!(session.subject, "subject1");
    "ok"
}

async fn login(
    sessions: Sessions<MemoryStore, String>,
) -> Result<(NewSession, &'static str), GuardError> {
    Ok((sessions.login(&"subject1".to_owned()).await?, "ok"))
}

/// Fills a store with so many sessions, a subject each.
pub async fn fill(n: u64) -> SubjectGuard {
    let guard = new_guard();
    let address = std::net::IpAddr::from([10, 50, 1, 1]);
    let client = ClientContext::new(address).with_user_agent("Mozilla/5.0 (X11; Linux x86_64)");
    for i in 0..n {
        let login = guard.login(&format!("{i:08}"), &client, None).await;
        login.expect("a session starts");
    }
    guard
}
