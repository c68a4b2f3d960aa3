//! Connecting, and creating the tables.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use dwell_core::seconds;
use dwell_core::store::Lookup;
use dwell_servers::Postgres;
use dwell_sqlx::{ConnectError, PostgresStore};
use support::{start, state};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_create_tables_at_once() {
    let server = Postgres::start().await.unwrap();
    let mut nodes = JoinSet::new();
    for _ in 0..8 {
        let url = server.url();
        nodes.spawn(async move { PostgresStore::connect(&url).await });
    }
    let stores: Vec<_> = nodes
        .join_all()
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let record = start(&stores[0], 1, "alice").await;
    for store in &stores {
        let found = state(store, record.key).await;
        assert!(matches!(found, Lookup::Found(found) if found == record));
    }
    let versions = server
        .query("postgres", "SELECT version FROM dwell_schema")
        .unwrap();
    assert_eq!(versions, "1", "the migration ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_newer_release_are_refused_and_unchanged() {
    let server = Postgres::start().await.unwrap();
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    let record = start(&store, 1, "alice").await;
    let newer = "INSERT INTO dwell_schema (version) VALUES (7)";
    server.query("postgres", newer).unwrap();
    let error = PostgresStore::connect(&server.url()).await.unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::NewerSchema {
                found: 7,
                known: 1,
                ..
            }
        ),
        "{error:?}"
    );
    let message = error.to_string();
    assert!(message.contains("schema version 7"), "{message}");
    assert!(message.contains("run a newer release"), "{message}");
    assert!(matches!(state(&store, record.key).await, Lookup::Found(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn node_without_create_right_uses_existing_tables() {
    let server = Postgres::start().await.unwrap();
    PostgresStore::connect(&server.url()).await.unwrap();
    let role = "CREATE ROLE app LOGIN;
                GRANT SELECT, INSERT, UPDATE, DELETE ON dwell_session TO app;
                GRANT SELECT ON dwell_schema TO app";
    server.query("postgres", role).unwrap();
    let url = server.url().replace("postgres@", "app@");
    let store = PostgresStore::connect(&url).await.unwrap();
    let record = start(&store, 1, "alice").await;
    assert!(matches!(state(&store, record.key).await, Lookup::Found(_)));
}

/// Makes the server demand a password of every user but `postgres`.
fn ask_for_passwords(server: &Postgres) {
    let file = server.query("postgres", "SHOW hba_file").unwrap();
    let rules = format!(
        "COPY (VALUES ('host all postgres 127.0.0.1/32 trust'),
                      ('host all all 127.0.0.1/32 scram-sha-256')) TO '{file}'"
    );
    server.query("postgres", &rules).unwrap();
    let role = "CREATE ROLE app LOGIN PASSWORD 'the right one'";
    server.query("postgres", role).unwrap();
    server.query("postgres", "SELECT pg_reload_conf()").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn l09_login_error_names_address_without_password() {
    let server = Postgres::start().await.unwrap();
    ask_for_passwords(&server);
    let url = server.url().replace("postgres@", "app:hunter2@");
    let error = PostgresStore::connect(&url).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::Connection { .. }),
        "{error:?}"
    );
    let message = error.to_string();
    let place = server.url().replace("postgres@", "app@");
    assert!(message.contains(&place), "{message}");
    assert!(
        message.contains("password authentication failed"),
        "{message}"
    );
    let all = format!("{message} {error:?} {error:#?}");
    assert!(!all.contains("hunter2"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l09_connection_error_names_address_without_password() {
    let server = Postgres::start().await.unwrap();
    let url = server.url().replace("postgres@", "app:hunter2@");
    server.kill9().unwrap();
    let builder = PostgresStore::builder().with_acquire_timeout(seconds(1) / 5);
    let error = builder.connect(&url).await.unwrap_err();
    let all = format!("{error} {error:?}");
    let place = url.replace(":hunter2", "");
    assert!(error.to_string().contains(&place), "{error}");
    assert!(!all.contains("hunter2"), "{all}");
}

#[tokio::test]
async fn invalid_address_and_prefix_are_refused() {
    let error = PostgresStore::connect("postgres://app:hunter2@db:port/x").await;
    let error = error.unwrap_err();
    assert!(matches!(error, ConnectError::Address { .. }), "{error:?}");
    assert!(
        !format!("{error} {error:?}").contains("hunter2"),
        "{error:?}"
    );
    let server = Postgres::start().await.unwrap();
    for prefix in [
        "",
        "Dwell",
        "dwell; DROP TABLE x",
        "1st",
        "ä",
        &"x".repeat(33),
    ] {
        let builder = PostgresStore::builder().with_prefix(prefix);
        let error = builder.connect(&server.url()).await.unwrap_err();
        assert!(matches!(error, ConnectError::Prefix { .. }), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_with_different_prefixes_share_nothing() {
    let server = Postgres::start().await.unwrap();
    let clock = dwell_core::ManualClock::new();
    let one = support::postgres(&server.url(), "one", &clock).await;
    let two = support::postgres(&server.url(), "two", &clock).await;
    let record = start(&one, 1, "alice").await;
    assert!(matches!(state(&two, record.key).await, Lookup::Missing));
}
