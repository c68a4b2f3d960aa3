//! The rights that docs/database.md gives are enough, and are needed.

use std::time::Duration;

use axum::body::Body;
use axum::routing::{get, post};
use axum::{Router, routing::MethodRouter};
use dwell_axum::dwell_core::store::Watched;
use dwell_axum::*;
use dwell_redis::RedisStore;
use dwell_servers::{Postgres, Redis};
use dwell_sqlx::PostgresStore;
use dwell_test_support::page::{blocks, read};
use dwell_testkit::TestClient;

const PAGE: &str = "docs/database.md";

/// Uses every operation of a store, as an application does.
async fn exercise(store: impl Watched + Clone) {
    let default = Policy::named("default")
        .idle(minutes(15))
        .absolute(hours(8))
        .session_limit(2, OnLimit::EndOldest);
    let policies = PolicySet::builder(default).build().unwrap();
    let near = NearCache::new(store.clone());
    let sessions = SessionManager::builder(near.clone(), policies).build();
    let app: Router = Router::new()
        .route("/login", post(login))
        .route("/", page())
        .route("/sessions", get(sessions_of))
        .route("/rotate", post(rotate))
        .route("/out", post(sign_out))
        .layer(session_timeout(&sessions));
    let app = app.into_service::<Body>();
    let mut clients: Vec<_> = (0..3).map(|_| TestClient::new(app.clone())).collect();
    for client in &mut clients {
        assert_eq!(client.post("/login", "").await.status, 200);
    }
    // The third login has ended the first session.
    assert_eq!(clients[0].get("/").await.status, 401);
    assert_eq!(clients[1].get("/sessions").await.text(), "2");
    assert_eq!(clients[1].post("/rotate", "").await.status, 200);
    // Copies are kept while the watch hears of changes.
    let copied = async {
        while near.is_empty() {
            assert_eq!(clients[2].get("/").await.status, 200);
        }
    };
    let copied = tokio::time::timeout(Duration::from_secs(20), copied).await;
    copied.expect("the watch hears of changes");
    assert_eq!(clients[1].post("/out", "").await.status, 200);
    while sessions.reap(100).await.unwrap() {}
    assert!(store.now().await.is_ok());
}

fn page() -> MethodRouter {
    get(async |session: Session| session.subject().to_string())
}

async fn login(login: LoginSession) -> Result<(), SessionError> {
    login.start(NewSession::new("alice")).await.map(|_| ())
}

async fn sessions_of(session: Session) -> Result<String, SessionError> {
    Ok(session.list().await?.len().to_string())
}

async fn rotate(session: Session) -> Result<(), SessionError> {
    session.rotate().await
}

async fn sign_out(session: Session) -> Result<(), SessionError> {
    session.sign_out().await
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_role_needs_no_more_than_page_grants() {
    let server = Postgres::start().await.unwrap();
    for block in blocks(&read(PAGE), "sql") {
        server.query("postgres", &block).unwrap();
    }
    let url = |role| {
        let rest = server.url();
        let (_, host) = rest.split_once('@').unwrap();
        format!("postgres://{role}@{host}")
    };
    let refused = PostgresStore::connect(&url("dwell_app")).await;
    assert!(refused.is_err(), "it may not create tables");
    PostgresStore::connect(&url("dwell_owner")).await.unwrap();
    exercise(PostgresStore::connect(&url("dwell_app")).await.unwrap()).await;
    let monitoring = read("docs/monitoring.md");
    for query in monitoring
        .split('`')
        .filter(|code| code.starts_with("SELECT"))
    {
        let query = format!("SET search_path = dwell; {query}");
        assert_eq!(server.query("postgres", &query).unwrap(), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_user_needs_no_more_than_page_grants() {
    let server = Redis::start().await.unwrap();
    let acl = blocks(&read(PAGE), "redis")
        .concat()
        .replace("PASSWORD", "secret");
    let words: Vec<&str> = acl.split_whitespace().collect();
    server.command(&words).unwrap();
    let url = format!("redis://dwell:secret@127.0.0.1:{}/", server.port());
    exercise(RedisStore::connect(&url).await.unwrap()).await;
    let denied = server.command(&["ACL", "LOG"]).unwrap();
    assert_eq!(denied, "", "nothing was denied");
}
