//! One Postgres server: private, breakable, restartable, and gone when dropped.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use dwell_servers::{Error, Postgres};
use support::{Connection, Remains, accepts, byte, connect, is_silent, send, shared_memory};

#[tokio::test(flavor = "multi_thread")]
async fn started_server_answers_at_its_url() {
    let postgres = Postgres::start().await.unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port());
    assert_eq!(postgres.url(), url);
    assert_eq!(postgres.query("postgres", "select 6 * 7").unwrap(), "42");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_started_at_once_share_nothing() {
    let (one, two) = tokio::join!(Postgres::start(), Postgres::start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.port(), two.port());
    assert_ne!(one.folder(), two.folder());
    one.query("postgres", "create table t (x int)").unwrap();
    assert!(two.query("postgres", "select * from t").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_one_server_are_separate() {
    let postgres = Postgres::start().await.unwrap();
    let url = postgres.database("one").await.unwrap();
    assert!(url.ends_with("/one"), "{url}");
    postgres.database("two").await.unwrap();
    postgres.query("one", "create table t (x int)").unwrap();
    assert!(postgres.query("two", "select * from t").is_err());
    let again = postgres.database("one").await.unwrap_err();
    assert!(matches!(&again, Error::Command { output, .. } if output.contains("already exists")));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_restarts_with_committed_data() {
    let postgres = Postgres::start().await.unwrap();
    let (port, before) = (postgres.port(), Remains::of(&postgres));
    assert!(before.pids().len() > 1, "{before:?}");
    for round in 1..=3 {
        let sql = format!("create table if not exists t (x int); insert into t values ({round})");
        postgres.query("postgres", &sql).unwrap();
        postgres.kill9().unwrap();
        assert!(!postgres.is_running());
        assert!(!accepts(port).await);
        postgres.restart().await.unwrap();
        let rows = postgres
            .query("postgres", "select count(*) from t")
            .unwrap();
        assert_eq!(rows, round.to_string());
    }
    assert!(!before.process());
    assert_eq!(postgres.port(), port);
}

/// Opens a connection with its own backend, which has not named a user yet.
async fn begin(postgres: &Postgres) -> Connection {
    let mut connection = connect(postgres.port()).await;
    // Asks for encryption, which is not supported.
    send(&mut connection, [0, 0, 0, 8, 4, 210, 22, 47]).await;
    assert_eq!(byte(&mut connection).await.unwrap(), Some(b'N'));
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_ends_backends() {
    let postgres = Postgres::start().await.unwrap();
    let without = Remains::of(&postgres).pids().len();
    let mut connection = begin(&postgres).await;
    let remains = Remains::of(&postgres);
    assert!(remains.pids().len() > without);
    postgres.kill9().unwrap();
    assert!(!remains.process());
    assert!(!matches!(byte(&mut connection).await, Ok(Some(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_holds_open_connections() {
    let postgres = Postgres::start().await.unwrap();
    let mut connection = begin(&postgres).await;
    postgres.stop().unwrap();
    let parameters = b"user\0postgres\0database\0postgres\0\0";
    let head = [
        0,
        0,
        0,
        8 + u8::try_from(parameters.len()).unwrap(),
        0,
        3,
        0,
        0,
    ];
    send(&mut connection, [&head[..], parameters].concat()).await;
    assert!(is_silent(&mut connection).await);
    postgres.cont().unwrap();
    assert_eq!(byte(&mut connection).await.unwrap(), Some(b'R'));
    assert_eq!(postgres.query("postgres", "select 1").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_override_defaults() {
    let builder = Postgres::builder()
        .setting("fsync", "on")
        .setting("max_connections", "17");
    let postgres = builder.start().await.unwrap();
    assert_eq!(postgres.query("postgres", "show fsync").unwrap(), "on");
    assert_eq!(
        postgres.query("postgres", "show max_connections").unwrap(),
        "17"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_cannot_start_says_why() {
    let started = Postgres::builder()
        .setting("no_such", "thing")
        .start()
        .await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("no_such"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_remains_after_drop() {
    for stopped in [false, true] {
        let postgres = Postgres::start().await.unwrap();
        let remains = Remains::of(&postgres);
        assert!(remains.process() && remains.folder());
        if stopped {
            postgres.stop().unwrap();
        }
        drop(postgres);
        assert!(!remains.process() && !remains.folder(), "{stopped}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_leaves_no_shared_memory() {
    let postgres = Postgres::start().await.unwrap();
    let id = shared_memory(postgres.folder()).unwrap();
    let segments = || std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let has = |text: &str| {
        text.lines()
            .any(|line| line.split_whitespace().nth(1) == Some(&id))
    };
    assert!(has(&segments()));
    postgres.kill9().unwrap();
    assert!(has(&segments()));
    drop(postgres);
    assert!(!has(&segments()));
}

#[tokio::test(flavor = "multi_thread")]
async fn promoted_standby_has_every_answered_commit() {
    let primary = Postgres::start().await.unwrap();
    let standby = primary.standby().await.unwrap();
    primary.query("postgres", "create table t (x int)").unwrap();
    for n in 0..20 {
        let insert = format!("insert into t values ({n})");
        primary.query("postgres", &insert).unwrap();
    }
    let write = "insert into t values (20)";
    assert!(standby.query("postgres", write).is_err(), "it only follows");
    primary.kill9().unwrap();
    standby.promote().unwrap();
    standby.query("postgres", write).unwrap();
    let count = standby.query("postgres", "select count(*) from t");
    assert_eq!(count.unwrap(), "21");
}
