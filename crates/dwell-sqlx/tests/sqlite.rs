//! One node's sessions in a file: they survive a restart, other users can't
//! read them, and none is half written when the disk is full.

#![cfg(all(feature = "postgres", feature = "sqlite"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so when it fails"
)]

mod support;

use std::fs;
use std::process::Command;

use dwell_core::store::{Lookup, SessionStore, StoreError, TouchOutcome};
use dwell_core::{Clock, EndReason, ManualClock, minutes, seconds};
use dwell_sqlx::{ConnectError, SqliteStore};
use support::{Folder, due_policy, key, opened, reap_all, start, state, touch};

#[tokio::test]
async fn sessions_ends_and_touches_survive_restart() {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    let touched = start(&store, 1, "alice").await;
    let ended = start(&store, 2, "alice").await;
    clock.advance(seconds(20));
    let touch = touch(&touched, clock.now());
    assert_eq!(
        store.touch(touched.key, touch).await.unwrap(),
        TouchOutcome::Recorded
    );
    let end = store
        .end(ended.key, EndReason::Revoked.into())
        .await
        .unwrap()
        .unwrap();
    drop(store);
    let store = support::sqlite(&folder, &clock).await;
    let Lookup::Found(found) = state(&store, touched.key).await else {
        panic!("the session is there")
    };
    assert_eq!(found.facts.last_active_at, touch.at);
    assert!(matches!(state(&store, ended.key).await, Lookup::Ended(found) if found == end));
    // The time while the machine was off counts as idle.
    clock.advance(minutes(15));
    let mut expected = vec![touched.key, ended.key];
    expected.sort_unstable();
    assert_eq!(
        reap_all(&store, &due_policy()).await,
        expected,
        "no end is lost"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn l09_files_are_readable_by_this_user_only() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    start(&store, 1, "alice").await;
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
        count += 1;
    }
    assert_eq!(count, 3, "the file, its log and its index");
}

#[tokio::test]
async fn tables_of_newer_release_are_refused() {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    support::sqlite(&folder, &clock).await;
    let url = format!("sqlite://{}", folder.path("sessions.db"));
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let newer = sqlx::query("INSERT INTO dwell_schema (version) VALUES (7)");
    newer.execute(&pool).await.unwrap();
    let error = SqliteStore::open(folder.path("sessions.db"))
        .await
        .unwrap_err();
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
    assert!(error.to_string().contains("sessions.db"), "{error}");
}

#[tokio::test]
async fn file_that_is_no_database_is_refused_by_name() {
    let folder = Folder::new();
    let error = SqliteStore::open(folder.path("sessions.db/deeper"))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("deeper"), "{error}");
    fs::write(
        folder.path("sessions.db"),
        "not a database, and longer than its header: ".repeat(10),
    )
    .unwrap();
    let error = SqliteStore::open(folder.path("sessions.db"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("sessions.db"), "{error}");
    assert!(error.to_string().contains("not a database"), "{error}");
}

#[tokio::test]
async fn other_writing_program_is_waited_for_within_limit() {
    let folder = Folder::new();
    let builder = SqliteStore::builder().with_busy_timeout(seconds(1) / 10);
    let store = builder.open(folder.path("sessions.db")).await.unwrap();
    let record = start(&store, 1, "alice").await;
    let url = format!("sqlite://{}", folder.path("sessions.db"));
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let other = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store
        .end(record.key, EndReason::Revoked.into())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(
        matches!(state(&store, record.key).await, Lookup::Found(_)),
        "readers need not wait"
    );
    other.rollback().await.unwrap();
    assert!(
        store
            .end(record.key, EndReason::Revoked.into())
            .await
            .unwrap()
            .is_some()
    );
}

/// Set in the process that may write only small files.
const LIMITED: &str = "DWELL_TEST_FILES_ARE_LIMITED";

/// Runs this test again in a process with a limit on file sizes. A write beyond
/// it fails as on a full disk.
#[cfg(unix)]
#[tokio::test]
async fn l08_change_on_full_disk_is_whole_or_refused() {
    const NAME: &str = "l08_change_on_full_disk_is_whole_or_refused";
    if std::env::var_os(LIMITED).is_some() {
        return fill().await;
    }
    let limit = "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$1\" --exact --nocapture";
    let output = Command::new("sh")
        .args(["-c", limit])
        .arg(std::env::current_exe().unwrap())
        .arg(NAME)
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Logs in until the disk is full. What was answered exists then, and what was
/// refused does not.
async fn fill() {
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = support::sqlite(&folder, &clock).await;
    let first = start(&store, 0, "alice").await;
    let mut refused = None;
    for n in 1..5_000 {
        let record = opened(n, "alice", clock.now());
        if let Err(error) = store.create(record, None, due_policy()).await {
            refused = Some((n, error));
            break;
        }
    }
    let (n, error) = refused.expect("512 blocks have no room for thousands of sessions");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(
        matches!(state(&store, key(n)).await, Lookup::Missing),
        "what was refused"
    );
    for answered in [0, 1, n / 2, n - 1] {
        let found = state(&store, key(answered)).await;
        assert!(matches!(found, Lookup::Found(_)), "{answered}: {found:?}");
    }
    let end = store.end(first.key, EndReason::Revoked.into()).await;
    let found = state(&store, first.key).await;
    match end {
        Ok(ended) => assert!(ended.is_some() && matches!(found, Lookup::Ended(_))),
        Err(error) => {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            assert!(
                matches!(found, Lookup::Found(_)),
                "a failed end changes nothing"
            );
        }
    }
}
